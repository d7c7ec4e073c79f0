"""A standalone Spark cluster on the loopback: one master and two workers, each a process of its own."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import time
from pathlib import Path

PATIENCE = 90

_MASTER = re.compile(r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")
_REGISTERED = re.compile(r"Successfully registered with master")


def program(name: str) -> Path:
    """One of the commands that come with pyspark."""
    import pyspark

    return Path(pyspark.__file__).parent / "bin" / name


class Cluster:
    """Started when it is made, stopped with `stop`; its processes find nothing set but their path."""

    def __init__(self, root: Path, workers: int = 2) -> None:
        self._root = root
        self._class = program("spark-class")
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ},
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_NO_DAEMONIZE": "1",
        }
        self._processes: list[tuple[subprocess.Popen[bytes], Path]] = []
        master = self._start("master", "master.Master", "--host", "127.0.0.1", "--port", "0")
        self.url = self._said(master, _MASTER)[1]
        self._names = itertools.count()
        self._workers = [self._worker() for _ in range(workers)]
        for worker in self._workers:
            self._said(worker, _REGISTERED)

    def driver(self, *conf: str) -> list[str]:
        """The options of a command whose driver this cluster is to serve."""
        settings = ("spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1", *conf)
        return [
            "--engine",
            "spark",
            "--master",
            self.url,
            *(part for one in settings for part in ("--conf", one)),
        ]

    def start_worker(self) -> None:
        """Start one more, as a cluster does in place of one that was lost."""
        self._workers.append(self._worker())
        self._said(self._workers[-1], _REGISTERED)

    def kill_worker(self) -> None:
        """End a worker and its executors at once, as the loss of a machine would."""
        process, _ = self._workers.pop()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def executors(self) -> int:
        """How many executors the workers have started so far."""
        return sum(1 for _ in self._root.glob("worker-*/app-*/*/"))

    def stop(self) -> None:
        for process, _ in reversed(self._processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _worker(self) -> tuple[subprocess.Popen[bytes], Path]:
        number = next(self._names)
        place = self._root / f"worker-{number}"
        options = ("--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--work-dir", str(place))
        return self._start(f"worker-{number}", "worker.Worker", *options, self.url)

    def _start(self, name: str, kind: str, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = self._root / f"{name}.log"
        (self._root / f"local-{name}").mkdir()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self._class, f"org.apache.spark.deploy.{kind}", "--webui-port", "0", *arguments],
                env={**self._environment, "SPARK_LOCAL_DIRS": str(self._root / f"local-{name}")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append((process, log))
        return process, log

    def _said(self, started: tuple[subprocess.Popen[bytes], Path], what: re.Pattern[str]) -> re.Match[str]:
        process, log = started
        patience = time.monotonic() + PATIENCE
        while time.monotonic() < patience:
            found = what.search(log.read_text(errors="replace"))
            if found:
                return found
            assert process.poll() is None, log.read_text(errors="replace")
            time.sleep(0.1)
        raise AssertionError(log.read_text(errors="replace"))
