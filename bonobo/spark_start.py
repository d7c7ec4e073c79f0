"""What must be there before Spark can be used, and the settings that it is started with.

Whatever is missing is said in one line, with what to install, before anything is begun.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import TypeVar

from bonobo.errors import UsageError
from bonobo.text import printable

Made = TypeVar("Made")

JAVA = 17
"""Spark 4 runs on this version of Java, or a later one (Spark's documentation, "Downloading")."""

_MASTER = re.compile(r"local(\[.+\])?|(spark|k8s)://.+|yarn")

_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


def require_pyspark() -> None:
    """Raise UsageError where pyspark is not installed."""
    if importlib.util.find_spec("pyspark") is None:
        raise UsageError(
            "the engine spark needs pyspark 4: install the extra, as in `pip install '.[spark]'`"
        )


def require_java(environment: Mapping[str, str] = os.environ) -> None:
    """Raise UsageError where there is no Java that Spark can run on."""
    home = environment.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java", path=environment.get("PATH"))
    wanted = f"the engine spark needs Java {JAVA} or later"
    if java is None:
        raise UsageError(f"{wanted}, and there is none: install it (Debian: openjdk-{JAVA}-jre-headless)")
    try:
        found = subprocess.run([java, "-version"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        place = "JAVA_HOME is set, but what it names" if home else f"{java} is there, but"
        raise UsageError(f"{wanted}: {place} does not run") from None
    version = _VERSION.search(found.stderr + found.stdout)
    if version is None or int(version[1]) < JAVA:
        shown = version[1] if version else "an unknown version"
        raise UsageError(f"{wanted}, and found {shown}: install it, or let JAVA_HOME name it")


def require_master(master: str) -> None:
    """Raise UsageError for what is no master of Spark's: Java would say so with its stack."""
    if not _MASTER.fullmatch(master):
        raise UsageError(
            f"Spark has no master such as {printable(master)!r}: it is local[CORES], spark://HOST:PORT, yarn "
            "or k8s://https://HOST:PORT"
        )


def python_there(already: Callable[[str], str | None], asked: Mapping[str, str]) -> str:
    """The Python of the executors: as asked for, else this one, which stands there too on one machine."""
    # It is spark-submit that makes the variable of the setting; a context looks at the variable alone.
    setting = "spark.pyspark.python"
    return asked.get(setting) or already(setting) or os.environ.get("PYSPARK_PYTHON") or sys.executable


def default_settings(already: Callable[[str], str | None], asked: Mapping[str, str]) -> Mapping[str, str]:
    """The settings of a context: what was `asked` for, and what suits where neither it nor `already` says."""
    quiet = Path(__file__).with_name("spark_log4j2.properties")
    suitable = {
        "spark.ui.showConsoleProgress": "false",
        "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={quiet.as_uri()}",
    }
    missing = {name: value for name, value in suitable.items() if already(name) is None}
    return {**missing, **asked}


def in_a_thread(make: Callable[[], Made]) -> Made:
    """Call `make` in a thread of its own: in the main one a context would take the signals over."""
    made: list[Made] = []
    failed: list[BaseException] = []

    def call() -> None:
        try:
            made.append(make())
        except BaseException as error:
            failed.append(error)

    thread = Thread(target=call, name="start Spark", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]
