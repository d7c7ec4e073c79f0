"""Rows in other processes: what comes back is what a thread would give; no process costs more than a row."""

import functools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from pathlib import Path

import process_nodes as nodes
import pytest

import bonobo
from bonobo import Graph, parallel, use
from bonobo.channel import Cancelled
from bonobo.child import packed, serve, unpacked
from bonobo.constants import BARRIER, BEGIN, END, INHERIT, NOT_MODIFIED
from bonobo.errors import (
    BonoboError,
    GraphError,
    ProcessDied,
    RemoteError,
    RowTimeout,
    class_of,
    exit_code_of,
    is_fatal,
    is_throttling,
    where,
)
from bonobo.plan import make_plan
from bonobo.processes import ProcessPool, check_processable

LONG = 30.0


@pytest.fixture
def pool(in_time):
    """Make pools; they are closed afterwards."""
    made = []

    def make(node, timeout=None):
        made.append(ProcessPool(node, timeout))
        return made[-1]

    yield make
    for one in made:
        in_time(one.close)


def emitted(pool, *row):
    """What was emitted, and the error that came after it or None."""
    values = []
    try:
        for value in pool.produce(row):
            values.append(value)  # noqa: PERF402
    except BaseException as error:
        return values, error
    return values, None


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition):
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestTravel:
    @pytest.mark.parametrize("token", [BEGIN, END, NOT_MODIFIED, INHERIT, BARRIER])
    def test_tokens_are_themselves_on_the_other_side(self, token):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(token, protocol)) is token

    def test_values_come_back_as_they_were(self):
        values = [None, 1, ("a", b"b"), NOT_MODIFIED, (INHERIT, 1), BARRIER, nodes.Named("Ada", 1)]
        back, error = unpacked(packed(values, None))
        assert back == values
        assert (back[3], back[4][0], back[5], error) == (NOT_MODIFIED, INHERIT, BARRIER, None)
        assert back[6]._fields == ("given", "family")

    @pytest.mark.parametrize(
        ("kind", "arrives", "name", "said", "traits"),
        [
            ("exact", nodes.Exact, "Exact", "('said', 2)", (False, 70, False)),
            ("picky", RemoteError, "Picky", "said", (False, 70, False)),
            ("picky fatal", RemoteError, "PickyFatal", "said", (True, 7, True)),
            ("holding", RemoteError, "Holding", "said", (False, 70, False)),
            ("mute", RemoteError, "Mute", "", (False, 70, False)),
            ("frozen", RemoteError, "Frozen", "3", (False, 70, False)),
            ("exit", SystemExit, "SystemExit", "5", (True, 5, False)),
            ("interrupt", KeyboardInterrupt, "KeyboardInterrupt", "", (True, 130, False)),
        ],
    )
    def test_exceptions_keep_what_they_mean(self, kind, arrives, name, said, traits):
        values, raised = [], None
        try:
            for value in nodes.raising(kind):
                values.append(value)  # noqa: PERF402
        except BaseException as error:
            raised = error
        back, arrived = unpacked(packed(values, raised))
        assert back == [1, 2]
        assert (type(arrived), class_of(arrived), str(arrived)) == (arrives, name, said)
        assert (is_fatal(arrived), exit_code_of(arrived), is_throttling(arrived)) == traits
        assert where(arrived) == where(raised)
        assert where(arrived).startswith("process_nodes:")
        assert "in raising" in "".join(traceback.format_exception(arrived))

    def test_a_remote_error_can_travel_on(self):
        _, error = unpacked(packed([], nodes.PickyFatal(1, "said")))
        again = pickle.loads(pickle.dumps(error))
        assert (class_of(again), again.exit_code, str(again)) == ("PickyFatal", 7, "said")

    def test_values_that_cannot_be_sent_are_an_error(self):
        assert type(unpacked(packed([threading.Lock()], None))[1]) is TypeError
        values, error = unpacked(packed([threading.Lock()], nodes.Exact("first")))
        assert (values, type(error)) == ([], nodes.Exact)


class TestRows:
    def test_a_node_gives_what_it_gives_here(self, pool):
        one = pool(nodes.flags)
        for x in (1, 2):
            values, error = emitted(one, x)
            assert (values, error) == ([NOT_MODIFIED, (INHERIT, x + 1), BARRIER, ("Ada", x), None], None)
            assert values[0] is NOT_MODIFIED
            assert values[3].given == "Ada"

    def test_it_runs_elsewhere_and_always_there(self, pool):
        one = pool(nodes.pid)
        pids = {emitted(one)[0][0] for _ in range(5)}
        assert len(pids) == 1
        assert os.getpid() not in pids

    def test_a_node_is_called_as_it_declares(self, pool):
        row = nodes.Named("Ada", 1)
        assert list(pool(nodes.kind_of).produce(row)) == [("Named", 2)]
        assert list(pool(nodes.same).produce(row)) == [("Ada", 1)]

    def test_a_configurable_keeps_its_options(self, pool):
        assert emitted(pool(nodes.Scaled(factor=5)), 3) == ([15], None)

    def test_nothing_is_nothing(self, pool):
        assert emitted(pool(nodes.nothing), 1) == ([], None)

    def test_an_iterable_gives_its_items_once_a_row(self, pool):
        one = pool([1, 2])
        assert [emitted(one), emitted(one)] == [([1, 2], None)] * 2

    def test_an_object_keeps_its_state_in_its_process(self, pool):
        counter = nodes.Counter(10)
        one = pool(counter)
        assert [emitted(one)[0] for _ in range(2)] == [[11], [12]]
        assert counter.calls == 10

    def test_what_was_emitted_before_an_error_stays(self, pool):
        one = pool(nodes.raising)
        values, error = emitted(one, "exact")
        assert (values, type(error)) == ([1, 2], nodes.Exact)
        assert where(error).startswith("process_nodes:")
        for kind, fatal in (("exit", True), ("interrupt", True), ("picky", False)):
            assert is_fatal(emitted(one, kind)[1]) is fatal

    def test_a_row_that_cannot_be_sent_there_or_back_fails_alone(self, pool):
        one = pool(nodes.unsendable)
        first = [type(emitted(one, x)[1]) for x in (1, threading.Lock())]
        assert first == [TypeError, TypeError]
        assert emitted(one, 0) == ([0], None)

    def test_a_row_that_cannot_be_made_there_fails_alone(self, pool):
        one = pool(nodes.same)
        assert type(emitted(one, nodes.Unmade())[1]) is LookupError
        assert emitted(one, 1) == ([(1,)], None)

    def test_large_rows_pass(self, pool, in_time):
        data = os.urandom(1 << 20) * 24
        assert in_time(emitted, pool(nodes.double), data) == ([data + data], None)

    def test_many_threads_have_a_process_each_and_no_more(self, pool, in_time):
        one = pool(nodes.sleeps)
        pids = [set() for _ in range(3)]

        def call(mine):
            for _ in range(10):
                mine.add(emitted(one, 0.005)[0][0])

        threads = [threading.Thread(target=call, args=(mine,)) for mine in pids]
        for thread in threads:
            thread.start()
        for thread in threads:
            in_time(thread.join)
        assert 1 <= len(set().union(*pids)) <= 3


class TestDeath:
    def test_a_death_costs_one_row(self, pool):
        one = pool(nodes.exits)
        (first,), _ = emitted(one, None)
        values, error = emitted(one, 3)
        assert (values, type(error), is_fatal(error)) == ([], ProcessDied, False)
        assert str(error) == "the process that worked on the row died (exit code 3)"
        (second,), error = emitted(one, None)
        assert error is None
        assert second != first
        assert not exists(first)

    def test_a_kill_names_the_signal(self, pool):
        _, error = emitted(pool(nodes.signals_itself), "SIGKILL")
        assert str(error).endswith("(signal 9)")

    def test_one_that_died_idle_is_replaced(self, pool):
        one = pool(nodes.pid)
        (first,), _ = emitted(one)
        os.kill(first, signal.SIGKILL)
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
        (second,), error = emitted(one)
        assert (error, exists(first)) == (None, False)
        assert second != first

    @pytest.mark.parametrize("node", [nodes.dies_before_its_child, nodes.dies_before_its_program])
    def test_a_death_is_noticed_although_what_the_node_started_lives(self, pool, tmp_path, in_time, node):
        one, path = pool(node), tmp_path / "pid"
        try:
            values, error = in_time(emitted, one, str(path))
            assert (values, type(error)) == ([], ProcessDied)
            assert str(error).endswith("(exit code 3)")
        finally:
            os.kill(int(path.read_text()), signal.SIGKILL)

    def test_a_copy_of_the_process_answers_nothing(self, pool, in_time):
        one = pool(nodes.forks)
        first, second = (in_time(emitted, one, "x") for _ in range(2))
        assert first == second
        assert first[1] is None

    def test_nothing_is_said_of_a_parent_that_left(self, in_time, capfd):
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        ours.send_bytes(pickle.dumps(nodes.sleeps))
        in_time(ours.recv_bytes)
        ours.send_bytes(pickle.dumps((0.2,)))
        ours.close()
        in_time(process.join)
        assert (process.exitcode, capfd.readouterr().err) == (0, "")

    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
    def test_signals_are_for_the_parent(self, pool, name):
        assert emitted(pool(nodes.signals_itself), name) == (["alive"], None)

    def test_programs_that_a_node_starts_can_be_told_to_end(self, pool):
        assert emitted(pool(nodes.interrupted_program)) == ([-signal.SIGTERM], None)

    def test_a_late_process_is_killed(self, pool):
        one = pool(nodes.sleeps, timeout=1.0)
        (first,), _ = emitted(one, 0)
        values, error = emitted(one, LONG)
        assert (values, type(error), str(error)) == ([], RowTimeout, "no result within 1 s")
        assert not exists(first)
        (second,), error = emitted(one, 0)
        assert error is None
        assert second != first

    def test_a_time_limit_of_years_is_none(self, pool):
        assert emitted(pool(nodes.same, timeout=1e12), 1) == ([(1,)], None)

    def test_a_node_that_cannot_be_made_there_ends_the_run(self, pool):
        _, error = emitted(pool(nodes.Unmade()))
        assert type(error) is GraphError
        assert str(error) == "Unmade cannot be made in another process: LookupError"

    def test_a_process_that_ends_before_the_first_row_ends_the_run(self, pool):
        _, error = emitted(pool(nodes.Deadly()))
        assert type(error) is BonoboError
        assert str(error).startswith("Deadly: its process ended before the first row (exit code 4);")


class TestEnd:
    def test_cancelling_kills_and_wakes(self, pool, tmp_path, in_time):
        one = pool(nodes.tells_and_sleeps)
        outcomes = []
        caller = threading.Thread(target=lambda: outcomes.append(emitted(one, str(tmp_path / "pid"))))
        caller.start()
        wait_for((tmp_path / "pid").exists)
        one.cancel()
        in_time(caller.join)
        assert [(values, type(error)) for values, error in outcomes] == [([], Cancelled)]
        assert not exists(int((tmp_path / "pid").read_text()))
        assert type(emitted(one, "x")[1]) is Cancelled

    def test_cancelling_ends_a_process_that_is_only_starting(self, pool, in_time):
        one = pool(nodes.same)
        outcomes = []
        caller = threading.Thread(target=lambda: outcomes.append(type(emitted(one, 1)[1])))
        caller.start()
        wait_for(lambda: one._alive or outcomes)
        one.cancel()
        in_time(caller.join)
        assert outcomes[0] in (Cancelled, type(None))

    @pytest.mark.parametrize("first", ["close", "cancel"])
    def test_closing_leaves_no_process_and_no_descriptor(self, pool, tmp_path, in_time, first):
        emitted(pool(nodes.same), 1)  # The first start of all leaves a process that tracks resources.
        before = os.listdir("/proc/self/fd")
        one = pool(nodes.tells_and_sleeps)
        paths = [tmp_path / f"{number}" for number in range(2)]
        callers = [threading.Thread(target=emitted, args=(one, str(path))) for path in paths]
        idle = pool(nodes.pid)
        (pid,), _ = emitted(idle)
        for caller in callers:
            caller.start()
        wait_for(lambda: all(path.exists() for path in paths))
        getattr(one, first)()
        for end in (one.close, idle.close, idle.close):
            in_time(end)
        for caller in callers:
            in_time(caller.join)
        assert not any(exists(pid) for pid in [pid, *(int(path.read_text()) for path in paths)])
        assert os.listdir("/proc/self/fd") == before

    def script(self, tmp_path, text):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text))
        folders = [Path(nodes.__file__).parent, Path(bonobo.__file__).parents[1]]
        return subprocess.Popen(
            [sys.executable, path],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def test_no_process_outlives_its_parent_even_in_the_middle_of_a_row(self, tmp_path):
        parent = self.script(
            tmp_path,
            f"""
            import process_nodes
            from bonobo.processes import ProcessPool
            if __name__ == "__main__":
                ProcessPool(process_nodes.tells_and_sleeps).produce(({str(tmp_path / "pid")!r},))
            """,
        )
        with parent:
            wait_for((tmp_path / "pid").exists)
            pid = int((tmp_path / "pid").read_text())
            assert exists(pid)
            parent.kill()
        wait_for(lambda: not exists(pid))

    def test_a_pool_that_nobody_closed_does_not_keep_the_interpreter(self, tmp_path):
        parent = self.script(
            tmp_path,
            f"""
            import contextlib, os, process_nodes, threading, time
            from bonobo.processes import ProcessPool
            def call():
                with contextlib.suppress(BaseException):
                    ProcessPool(process_nodes.tells_and_sleeps).produce(({str(tmp_path / "pid")!r},))
            if __name__ == "__main__":
                threading.Thread(target=call, daemon=True).start()
                while not os.path.exists({str(tmp_path / "pid")!r}):
                    time.sleep(0.01)
            """,
        )
        assert parent.communicate(timeout=LONG)[1] == ""
        pid = int((tmp_path / "pid").read_text())
        wait_for(lambda: not exists(pid))

    def test_a_file_without_a_guard_is_told_so(self, tmp_path):
        parent = self.script(
            tmp_path,
            """
            import sys, process_nodes
            from bonobo.errors import BonoboError
            from bonobo.processes import ProcessPool, check_processable
            check_processable(process_nodes.same)
            try:
                ProcessPool(process_nodes.same).produce((1,))
            except BonoboError as error:
                print(error)
            """,
        )
        said, complaints = parent.communicate(timeout=LONG)
        assert "its process ended before the first row (exit code 1)" in said
        assert 'under `if __name__ == "__main__":`' in said
        assert "GraphError: same asks for" in complaints


class TestRuns:
    def test_order_is_kept_and_failures_are_counted(self, run_graph):
        node = parallel(nodes.jitters, 3, executor="process")
        result = run_graph(Graph(range(40), node), check=False)
        expected = [[x, -x] for x in range(40) if x % 10 not in (3, 5)]
        assert [value for (value,) in result.rows] == [value for pair in expected for value in pair]
        kinds = {3: "Exact", 5: "ProcessDied"}
        rejected = sorted((row.sequence, row.exception) for row in result.report.rejected)
        assert rejected == [(x + 1, kinds[x % 10]) for x in range(40) if x % 10 in kinds]
        assert (result.report.exit_code, result.report.abandoned) == (1, 0)

    def test_a_row_whose_process_died_can_be_tried_again(self, run_graph, tmp_path):
        node = parallel(nodes.dies_once, executor="process", retries=1, backoff=0)
        assert run_graph(Graph([str(tmp_path / "died")], node)).rows == [("alive",)]

    def test_a_late_row_fails_and_says_how_often_it_was_tried(self, run_graph):
        node = parallel(nodes.sleeps, executor="process", timeout=0.05, retries=1, backoff=0)
        result = run_graph(Graph([LONG], node), check=False)
        ((exception, attempts),) = [(row.exception, row.attempts) for row in result.report.rejected]
        assert (exception, attempts) == ("RowTimeout", 2)

    @pytest.mark.parametrize("command", [[], ["-m", "bonobo", "run"]])
    def test_functions_of_the_file_that_is_run(self, tmp_path, command):
        path = tmp_path / "graph.py"
        path.write_text(
            textwrap.dedent(
                """
                import os
                import bonobo
                parent = os.getppid()

                def square(x):
                    if x == 2:
                        raise ValueError
                    return x * x, parent

                def get_graph():
                    return bonobo.Graph(range(4), bonobo.parallel(square, 2, executor="process"), show)

                def show(x, pid):
                    print(x, pid == os.getpid())

                if __name__ == "__main__":
                    bonobo.run(get_graph())
                """
            )
        )
        done = subprocess.run(
            [sys.executable, *command, path], capture_output=True, text=True, timeout=LONG, check=False
        )
        assert done.stdout.splitlines() == ["0 True", "1 True", "9 True"]
        assert "square: row 3 rejected: ValueError at __main__:8" in done.stderr

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_for_the_whole_group_lets_rows_in_flight_end(self, tmp_path, signum):
        path = tmp_path / "graph.py"
        path.write_text(
            textwrap.dedent(
                f"""
                import os, time
                import bonobo

                def waits(x):
                    open({str(tmp_path)!r} + f"/begun{{x}}", "w").close()
                    while not os.path.exists({str(tmp_path / "go")!r}):
                        time.sleep(0.01)
                    return x, os.getpid()

                def get_graph():
                    return bonobo.Graph(range(2), bonobo.parallel(waits, 2, executor="process"), print)
                """
            )
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "bonobo", "run", path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        wait_for(lambda: all((tmp_path / f"begun{x}").exists() for x in range(2)))
        os.killpg(process.pid, signum)
        (tmp_path / "go").touch()
        said, complaints = process.communicate(timeout=LONG)
        rows = [line.split() for line in said.splitlines()]
        assert [x for x, _ in rows] == ["0", "1"]
        assert process.returncode == 128 + signum
        assert "Traceback" not in complaints
        wait_for(lambda: not any(exists(int(pid)) for _, pid in rows))

    def test_a_row_that_never_ends_does_not_keep_the_run(self, run_graph, tmp_path):
        def fatal(path):
            wait_for(Path(path).exists)
            raise SystemExit(9)

        path = str(tmp_path / "pid")
        graph = Graph([path], parallel(nodes.tells_and_sleeps, executor="process"))
        graph.add_chain(fatal, _input=0)
        result = run_graph(graph, check=False)
        assert (result.report.exit_code, result.report.abandoned) == (9, 0)
        assert not exists(int(Path(path).read_text()))


class TestChecks:
    @pytest.mark.parametrize(
        "node", [nodes.same, [1, 2], functools.partial(nodes.same, 1), nodes.Counter(1), len]
    )
    def test_what_can_be_sent(self, node):
        check_processable(node)

    @pytest.mark.parametrize(
        ("node", "name"),
        [(lambda x: x, "<lambda>"), (nodes.local(), "inner"), (iter([threading.Lock()]), "list_iterator")],
    )
    def test_what_cannot(self, node, name):
        with pytest.raises(GraphError) as caught:
            check_processable(node)
        assert str(caught.value).startswith(f"{name} cannot be sent to another process (")
        assert "module level" in str(caught.value)

    def test_it_is_found_before_row_one(self):
        make_plan(Graph(parallel(nodes.same, 2, executor="process"), lambda x: x))
        with pytest.raises(GraphError, match="<lambda> cannot be sent"):
            make_plan(Graph(nodes.same, parallel(lambda x: x, executor="process")))

    def test_services_stay_here(self):
        @use("store", "clock")
        def node(*, store, clock): ...

        with pytest.raises(GraphError, match=r"node uses services \(store, clock\), which stay"):
            make_plan(Graph(parallel(node, 2, executor="process")))

    def test_what_a_package_runs_is_not_found_by_other_processes(self, tmp_path):
        (tmp_path / "job").mkdir()
        (tmp_path / "job" / "__init__.py").touch()
        (tmp_path / "job" / "nodes.py").write_text("def there(x): ...\n")
        (tmp_path / "job" / "__main__.py").write_text(
            "from bonobo.errors import GraphError\n"
            "from bonobo.processes import check_processable\n"
            "from .nodes import there\n"
            "def here(x): ...\n"
            "check_processable(there)\n"
            "try:\n"
            "    check_processable(here)\n"
            "except GraphError as error:\n"
            "    print(error)\n"
        )
        ended = subprocess.run(
            [sys.executable, "-m", "job"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(bonobo.__file__).parents[1])},
            capture_output=True,
            text=True,
            timeout=LONG,
            check=True,
        )
        assert ended.stdout.startswith("here cannot be found by another process: job.__main__ is not")
