"""Real Spark on this machine: what leaves comes back as if it had stayed, whatever becomes of processes."""

import importlib
import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from java import needs_spark

import bonobo
from bonobo import Graph, parallel, use
from bonobo.division import divide
from bonobo.errors import UsageError
from bonobo.plan import make_plan
from bonobo.spark import (
    Spark,
    SparkCluster,
    SparkJob,
    _OnExecutor,
    _pickled,
    partitions_for,
)
from bonobo.spark_errors import SparkFailed
from bonobo.spark_watch import ExecutorWatch
from bonobo.stage import PartitionFailed, Placed, stages_of

pytestmark = needs_spark

ROOT = Path(__file__).parents[2]
PATIENCE = 120


@pytest.fixture(scope="module")
def context():
    from pyspark import SparkConf, SparkContext

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.master": "local[2,4]",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # The functions of these tests are found as they are here.
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(
            [str(Path(__file__).parent), str(ROOT / "tests"), str(ROOT)]
        ),
    }
    conf = SparkConf()
    for name, value in settings.items():
        conf.set(name, value)
    made = SparkContext(conf=conf)
    made.setLogLevel("OFF")
    yield made
    made.stop()


def squares(x):
    for times in range(x % 3):
        yield x * x, times


def modulus(x, times):
    return x % 7


def picky(x, times):
    if x == 16:
        raise ValueError("of which the message is nobody's business")
    return x, times, os.getpid() > 0


def once(x, times, there):
    return x + times


def ran(engine, rows=200):
    out = []

    def source():
        yield from range(rows)
        yield bonobo.BARRIER
        yield from range(rows, rows + 30)

    def sink(x):
        out.append(x)

    graph = Graph(source, parallel(squares, 4), parallel(picky, 4, key=modulus), once, sink)
    report = bonobo.run(graph, engine=engine, console=bonobo.QUIET)
    return out, report


def test_it_ends_as_it_does_here(context):
    here, local = ran(None)
    there, spread = ran(Spark())
    assert there == here
    assert [(n.name, n.rows_in, n.rows_out, n.errors, n.state) for n in spread.nodes] == [
        (n.name, n.rows_in, n.rows_out, n.errors, n.state) for n in local.nodes
    ]
    assert [(row.node, row.exception, row.where) for row in spread.rejected] == [
        (row.node, row.exception, row.where) for row in local.rejected
    ]
    assert (spread.exit_code, local.exit_code) == (1, 1)


def test_many_slices_are_one_job(context, monkeypatch):
    monkeypatch.setattr("bonobo.segment.SLICE_ROWS", 40)
    monkeypatch.setattr("bonobo.spark.PARTITION_ROWS", 30)
    assert ran(Spark())[0] == ran(None)[0]


class Made:
    """Services that leave a trace each time they are made."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self):
        Path(self.folder, f"{os.getpid()}-{time.monotonic_ns()}").touch()
        return {"greeting": "hello"}


@use("greeting")
def greet(name, greeting):
    return f"{greeting} {name}"


def test_services_are_made_once_in_each_process(context, tmp_path):
    out = []
    graph = Graph(map(str, range(400)), parallel(greet, 2), parallel(str.upper, 2, key=len), out.append)
    report = bonobo.run(graph, engine=Spark(services=Made(str(tmp_path))), console=bonobo.QUIET)
    assert report.exit_code == 0
    assert out[:2] == ["HELLO 0", "HELLO 1"]
    made = [path.name.split("-")[0] for path in tmp_path.iterdir()]
    assert 1 <= len(made) == len(set(made)) <= 4


class Unusable(Exception):
    exit_code = 4


def no_services():
    raise Unusable("the bucket cannot be used: look at its name")


def test_services_that_cannot_be_made_end_the_run(context):
    graph = Graph(["a"], parallel(greet, 2), print)
    report = bonobo.run(graph, engine=Spark(services=no_services), console=bonobo.QUIET)
    said = "on an executor: the bucket cannot be used: look at its name"
    assert (report.exit_code, str(report.fatal)) == (4, said)


def test_a_service_that_is_missing_there_is_named(context):
    report = bonobo.run(Graph(["a"], parallel(greet, 2), print), engine=Spark(), console=bonobo.QUIET)
    assert report.exit_code == 2
    assert "missing services: greeting (used by greet)" in str(report.fatal)


def test_services_that_cannot_travel_are_refused(context):
    held = threading.Lock()
    engine = Spark(services=lambda: {"greeting": held})
    report = bonobo.run(Graph(["a"], parallel(greet, 2), print), engine=engine, console=bonobo.QUIET)
    assert report.exit_code == 2
    assert "cannot be pickled" in str(report.fatal)


def fragile(folder, x):
    """Ends its process, without a word, the first time that it is called."""
    mark = Path(folder, "died")
    if x == 25:
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            os._exit(9)
    Path(folder, f"{x}").touch()
    return x


def test_a_process_that_dies_changes_nothing(context, tmp_path):
    out = []
    graph = Graph(((str(tmp_path), x) for x in range(100)), parallel(fragile, 2), once_more, out.append)
    report = bonobo.run(graph, engine=Spark(), console=bonobo.QUIET)
    assert (tmp_path / "died").exists()
    assert (report.exit_code, out) == (0, list(range(100)))
    assert [node.rows_in for node in report.nodes] == [1, 100, 100, 100]


def once_more(x):
    return x


def dies(x):
    os._exit(9)


def test_what_spark_gives_up_is_said_in_its_own_words(context):
    report = bonobo.run(Graph(range(3), parallel(dies, 2), print), engine=Spark(), console=bonobo.QUIET)
    assert report.exit_code == 4
    assert re.match(
        r"Spark gave the work up: .*Job aborted.*failed 4 times.*; an executor has", str(report.fatal)
    )


def broken(x):
    raise Unusable("the store is gone")


def test_what_ends_the_run_there_ends_it_with_its_code_and_words(context):
    report = bonobo.run(Graph(range(3), parallel(broken, 2), print), engine=Spark(), console=bonobo.QUIET)
    assert (report.exit_code, str(report.fatal), report.fatal_node) == (4, "the store is gone", "broken")


def test_the_example_of_the_page(tmp_path):
    page = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n# measured.py\n(.*?)```", page, re.DOTALL)[1]
    (tmp_path / "measured.py").write_text(example)
    done = subprocess.run(
        [sys.executable, "measured.py"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stdout) == (0, "a.dcm 50\nb.dcm 50\nc.dcm 50\n")
    assert " - measure in=3 out=3 [done]" in done.stderr
    assert "Traceback" not in done.stderr
    assert "log level" not in done.stderr


def test_what_befalls_java_and_a_full_disk_are_said_by_the_run_alone(tmp_path):
    (tmp_path / "full.py").write_text(
        textwrap.dedent(
            """
            import resource
            import bonobo
            from bonobo.spark import Spark

            def rows():
                from pyspark import SparkContext
                jvm = SparkContext._active_spark_context._jvm
                jvm.java.lang.Exception("of a thread").printStackTrace()
                log = jvm.org.apache.logging.log4j.LogManager
                log.getLogger("org.apache.spark.scheduler.TaskSchedulerImpl").warn("of the log")
                # As on a disk that is full: Python gets an error, since it does not heed the signal.
                resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
                yield bytes(1000)

            if __name__ == "__main__":
                engine = Spark(master="local[1]", conf={"spark.driver.host": "127.0.0.1"})
                graph = bonobo.Graph(rows, bonobo.parallel(len), print)
                raise SystemExit(bonobo.run(graph, engine=engine).exit_code)
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "full.py"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 4, done.stderr
    assert "spark: of the log\n" in done.stderr
    assert "Spark gave the work up: No space left on device; a disk is full" in done.stderr
    assert "of a thread" not in done.stderr
    assert "Traceback" not in done.stderr


def stages_of_nodes(*nodes):
    (segment,) = divide(make_plan(Graph([1], *nodes, print))).segments.values()
    return stages_of(segment.stages, rows_per_edge=8, memory=1 << 20)


def of_an_executor(stage, *rows):
    """What an executor gives for rows, or the error that it ends its partition with."""
    (pickled,) = SparkJob(None, [stage], dict, "group", None)._stages
    records = [Placed((place,), (place,), row) for place, row in enumerate(rows)]
    try:
        return list(_OnExecutor(pickled, pickle.dumps(dict))(records))
    except PartitionFailed as failed:
        return failed.cause()


def a_lock(x):
    return threading.Lock() if x else x


def test_rows_that_cannot_travel_are_refused_by_the_name_of_their_node():
    (stage,) = stages_of_nodes(parallel(a_lock))
    assert [record.row for record in of_an_executor(stage, (0,))[:-1]] == [(0,)]
    refused = of_an_executor(stage, (0,), (1,))
    assert (type(refused), refused.exit_code) == (UsageError, 2)
    assert "rows cannot leave a_lock: what they hold cannot be pickled (TypeError)" in str(refused)
    with pytest.raises(UsageError, match="rows cannot leave this process"):
        SparkJob(None, [stage], dict, "group", None).add(0, [(threading.Lock(),)])


class Gone:
    """A context whose Spark has ended."""

    defaultParallelism = 2

    def __init__(self):
        self.environment = {}

    def fail(self, *given, **named):
        raise RuntimeError(
            ": java.lang.IllegalStateException: Cannot call methods on a stopped SparkContext."
        )

    setJobGroup = broadcast = cancelJobGroup = destroy = fail
    _jsc = SimpleNamespace(sc=fail)


def test_a_spark_that_has_ended_is_said_in_one_line_at_whatever_moment():
    stages = stages_of_nodes(parallel(str))
    job = SparkJob(Gone(), stages, dict, "group", ExecutorWatch(Gone()))
    for call in (lambda: job.add(0, [(1,)]), lambda: list(job.run(1))):
        with pytest.raises(SparkFailed, match="Cannot call methods on a stopped SparkContext; look into"):
            call()
    job._slices.append((0, Gone()))
    job.close()
    assert job._slices == []
    SparkCluster(Gone(), dict).cancel()


def test_nodes_that_cannot_travel_are_refused_by_name():
    held = threading.Lock()

    def holding(x):
        return held

    for node in (parallel(holding), parallel(str.upper, key=lambda x: held)):
        with pytest.raises(UsageError, match=r"(holding|upper) cannot leave this process") as refused:
            SparkJob(None, stages_of_nodes(parallel(str), node), dict, "group", None)
        assert "\n" not in str(refused.value)


def test_what_is_not_installed_there_is_named(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def known(x):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    known = importlib.import_module("only_here").known
    (stage,) = stages_of_nodes(parallel(known))
    (pickled,) = SparkJob(None, [stage], dict, "group", None)._stages
    monkeypatch.undo()
    del sys.modules["only_here"]
    with pytest.raises(PartitionFailed) as failed:
        list(_OnExecutor(pickled, pickle.dumps(dict))([]))
    assert failed.value.cause().exit_code == 2
    assert "the nodes cannot be made on executors (no module only_here)" in str(failed.value.cause())


def test_rows_of_a_class_of_the_file_that_is_run_can_leave(monkeypatch):
    made = type("Point", (), {"__module__": "__main__", "x": 3})
    monkeypatch.setattr(sys.modules["__main__"], "Point", made, raising=False)
    there = "import pickle, sys; print(pickle.load(sys.stdin.buffer)[0][0].x)"
    done = subprocess.run(
        [sys.executable, "-c", there], input=_pickled([(made(),)], "", ""), capture_output=True
    )
    assert done.stdout == b"3\n"


def test_keys_are_hashed_alike_on_all_executors():
    context = SimpleNamespace(environment={"PYTHONHASHSEED": "random"})
    SparkCluster(context, dict)
    assert context.environment == {"PYTHONHASHSEED": "0"}
    context.environment["PYTHONHASHSEED"] = "7"
    SparkCluster(context, dict)
    assert context.environment == {"PYTHONHASHSEED": "7"}


def test_a_signal_cancels_the_job(tmp_path):
    (tmp_path / "slow.py").write_text(
        textwrap.dedent(
            """
            import pathlib
            import time
            import bonobo
            from bonobo.spark import Spark

            def slow(x):
                pathlib.Path("begun").touch()
                time.sleep(300)

            if __name__ == "__main__":
                engine = Spark(master="local[1]", conf={"spark.driver.host": "127.0.0.1"})
                graph = bonobo.Graph([1], bonobo.parallel(slow), print)
                raise SystemExit(bonobo.run(graph, engine=engine, handle_signals=True).exit_code)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, "slow.py"],
        cwd=tmp_path,
        env={**os.environ, "BONOBO_DRAIN": "0.2"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        patience = time.monotonic() + PATIENCE
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            assert time.monotonic() < patience
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert process.returncode == 143
    assert "Traceback" not in errors


@pytest.mark.nightly
@pytest.mark.timeout(1500)
def test_memory_does_not_grow_with_the_rows(tmp_path):
    """More bytes of rows than the heap of driver and executors together, through two shuffles."""
    (tmp_path / "many.py").write_text(
        textwrap.dedent(
            """
            import resource
            import bonobo
            from bonobo.spark import Spark

            def rows():
                for number in range(700_000):
                    yield number, bytes(1000)

            def same(number, data):
                return number, data

            def thousandth(number, data):
                return number % 1000

            seen = [0]

            def count(number, data):
                assert number == seen[0]
                seen[0] += 1

            if __name__ == "__main__":
                conf = {"spark.driver.memory": "512m", "spark.driver.host": "127.0.0.1"}
                graph = bonobo.Graph(
                    rows, bonobo.parallel(same, 2), bonobo.parallel(same, 2, key=thousandth), count
                )
                report = bonobo.run(graph, engine=Spark(master="local[2]", conf=conf))
                print(seen[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
                raise SystemExit(report.exit_code)
            """
        )
    )
    done = subprocess.run(
        # Another process between: what the tests' own process holds must not count (execve keeps ru_maxrss).
        ["sh", "-c", f"{sys.executable} many.py; exit $?"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=1400,
    )
    assert done.returncode == 0, done.stderr
    count, mebibytes = map(int, done.stdout.split())
    print(f"{count} rows, {mebibytes} MiB")
    assert count == 700_000
    assert mebibytes < 200


@pytest.mark.parametrize("slots", [1, 2, 64])
@pytest.mark.parametrize("rows", [1, 49, 51, 10_000, 10_000_000])
def test_partitions_are_neither_empty_nor_too_large(rows, slots):
    count = partitions_for(rows, slots)
    assert 1 <= count <= rows
    assert rows / count <= 5_000 or rows <= 50 * count
