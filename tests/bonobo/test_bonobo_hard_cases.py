"""What once hung, lost rows or hid an end: each is a case of its own."""

import json
import os
import signal
import threading
import time
from unittest import mock

import pytest

import bonobo
from bonobo import Graph, parallel
from bonobo.config import use_context_processor
from bonobo.errors import UsageError
from bonobo.testing import run_node


@pytest.mark.parametrize("rows", [0, -1, 1.5, "a", True])
def test_rows_per_edge_must_be_a_number_of_rows(run, rows):
    report = run(Graph(range(3)), rows_per_edge=rows)
    assert report.exit_code == 2
    assert isinstance(report.fatal, UsageError)


def test_memory_may_be_a_text(run):
    assert run(Graph(range(3)), memory="64KiB").exit_code == 0


@pytest.mark.parametrize("kind", [str, bytes, tuple])
def test_a_field_that_lies_about_its_class_costs_nothing(run_graph, kind):
    liar = mock.Mock(spec=kind)
    assert run_graph(Graph([(1,), (liar,), (2,)], lambda x: x)).rows[::2] == [(1,), (2,)]


def concurrently(node):
    return use_context_processor(lambda node, context: (yield context), concurrent=True)(node)


class TestSendingFromContexts:
    def test_a_time_limit_keeps_the_order(self, run_graph):
        @concurrently
        def node(context, x):
            time.sleep(0.002 * (5 - x % 5))
            context.send(x)
            yield -x

        rows = run_graph(Graph(range(1, 40), parallel(node, 4, timeout=20))).rows
        assert rows == [(y,) for x in range(1, 40) for y in (x, -x)]

    def test_an_attempt_that_failed_sends_nothing(self, run_graph):
        attempts = []

        @concurrently
        def node(context, x):
            attempts.append(x)
            context.send(x, len(attempts))
            if len(attempts) < 3:
                raise ValueError

        assert run_graph(Graph(["a"], parallel(node, 1, retries=3, backoff=0))).rows == [("a", 3)]

    def test_an_attempt_that_came_too_late_sends_nothing(self, run_graph):
        late = threading.Event()

        @concurrently
        def node(context, x):
            if x == 0:
                late.wait(20)
                context.send("late")
            return x

        result = run_graph(Graph(range(5), parallel(node, 1, timeout=0.2)), check=False)
        late.set()
        assert result.rows == [(1,), (2,), (3,), (4,)]

    def test_a_thread_that_outlives_its_node_sends_nothing_and_does_not_block(self, run):
        ended, threads, contexts = threading.Event(), [], []

        def opened(node, context):
            contexts.append(context)
            yield

        @use_context_processor(opened)
        def node(x):
            def later():
                ended.wait(20)
                for number in range(1000):
                    contexts[0].send(number)

            threads.append(threading.Thread(target=later, daemon=True))
            threads[0].start()

        report = run(Graph([1], node, lambda x: None))
        ended.set()
        threads[0].join(20)
        assert not threads[0].is_alive()
        assert [part.rows_out for part in report.nodes] == [1, 0, 0]


class TestServices:
    def test_a_class_is_asked_nothing(self, run):
        class Verbs:
            def close(self): ...
            def summary(self): ...
            def report(self): ...

        assert run(Graph([1]), services={"verbs": Verbs}).exit_code == 0

    def test_a_report_that_is_another_verb_is_not_called(self, run):
        class Logger:
            def report(self, message):
                raise AssertionError

        assert run(Graph([1]), services={"logger": Logger()}).exit_code == 0

    @pytest.mark.parametrize("said", [{(1, 2): 3}, {"a": {1}, "b": {(1,): 2}}], ids=["keys", "deeper"])
    def test_a_report_that_cannot_be_json_is_told_and_the_rest_written(self, run, tmp_path, said):
        class Service:
            def report(self):
                return said

        file = tmp_path / "report.json"
        report = run(Graph([1]), services={"service": Service()}, report=file)
        written = json.loads(file.read_text())
        assert (report.exit_code, written["exit_code"], written["services"]) == (70, 70, {})
        assert len(written["nodes"]) == 1


class Unequal:
    def __init__(self, number):
        self.number = number

    def __hash__(self):
        return 1

    def __eq__(self, other):
        raise RuntimeError


def test_keys_that_cannot_be_compared_cost_their_rows(run):
    graph = Graph(range(20), parallel(lambda x: time.sleep(0.001), 4, key=Unequal))
    report = run(graph)
    assert report.exit_code in (0, 1)
    assert {row.exception for row in report.rejected} <= {"RuntimeError"}
    assert report.nodes[1].rows_in == 20


def test_an_error_that_cannot_be_told_is_told_by_its_class(capsys, in_time):
    class Silent(UsageError):
        def __str__(self):
            raise RuntimeError

    def node(x):
        raise Silent

    report = in_time(bonobo.run, Graph([1], node), console=bonobo.Console())
    assert report.exit_code == 2
    assert capsys.readouterr().err.endswith("error: Silent\n")


@pytest.mark.parametrize("n", [1, 3])
def test_a_run_whose_threads_cannot_be_started_ends(run, n):
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == f"node-{n - 1}":
            raise RuntimeError("can't start new thread")
        start(thread)

    def node(x):
        return x

    with mock.patch.object(threading.Thread, "start", refuse):
        report = run(Graph(range(10), parallel(node, n)))
    assert report.exit_code == 70
    assert "no thread can be started" in str(report.fatal)
    assert report.abandoned == 0


def test_a_call_that_does_not_fit_says_so():
    result = run_node(lambda x: x, (1, 2), check=False)
    assert "arguments" in result.report.rejected[0].where


def test_what_a_context_rejects_has_the_place_of_the_caller():
    @use_context_processor(lambda node, context: (yield context))
    def node(context, x):
        context.reject(ValueError())

    where = run_node(node, 1, check=False).report.rejected[0].where
    assert where.startswith(f"{__name__}:")


class TestCommand:
    """Signals and files, through the real command."""

    @pytest.fixture
    def process(self, tmp_path):
        import subprocess
        import sys
        import textwrap

        started = []

        def start(text, *arguments, env=None):
            file = tmp_path / "graph.py"
            file.write_text(textwrap.dedent(text))
            popen = subprocess.Popen(
                [sys.executable, "-u", "-m", "bonobo", "run", str(file), *arguments],
                cwd=tmp_path,
                env={**os.environ, **(env or {})},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            started.append(popen)
            return popen

        yield start
        for popen in started:
            popen.kill()
            popen.wait(30)
            popen.stdout.close()
            popen.stderr.close()

    def stopped(self, popen, begun, signum=signal.SIGTERM, times=1):
        assert popen.stdout.readline() == f"{begun}\n"
        for _ in range(times):
            popen.send_signal(signum)
        out, err = popen.communicate(timeout=60)
        return popen.returncode, out, err

    def test_a_run_within_a_node_leaves_the_signal_to_the_run(self, process):
        popen = process(
            """
            import bonobo, itertools, time
            def inner(x):
                time.sleep(0.01)
            def outer(x):
                if x == 3:
                    print("begun")
                bonobo.run(bonobo.Graph([x], inner), console=bonobo.QUIET)
            def get_graph():
                return bonobo.Graph(itertools.count(), outer)
            """,
            # What waits before the node would keep it busy for longer than a run drains by itself.
            env={"BONOBO_DRAIN": "1"},
        )
        assert self.stopped(popen, "begun")[0] == 143

    def test_a_file_that_runs_for_ever_is_left(self, process):
        popen = process("""
            import bonobo, time
            print("begun")
            while True:
                bonobo.run(bonobo.Graph([1], lambda x: time.sleep(0.05)))
        """)
        assert self.stopped(popen, "begun")[0] == 143

    @pytest.mark.parametrize("seconds", [1, 1000])
    def test_a_signal_while_services_close_is_not_lost(self, process, seconds):
        popen = process(
            f"""
            import bonobo, time
            class Service:
                def close(self):
                    print("closing")
                    time.sleep({seconds})
                    print("closed")
            def get_graph():
                return bonobo.Graph([1])
            def get_services():
                return {{"service": Service()}}
            """,
            env={"BONOBO_DRAIN": "1"},
        )
        code, out, err = self.stopped(popen, "closing")
        assert code == 143
        assert out == ("closed\n" if seconds == 1 else "")
        assert "SIGTERM" in err

    def test_a_run_ends_when_nobody_reads_what_it_prints(self, process):
        popen = process("""
            import bonobo, itertools
            def get_graph():
                return bonobo.Graph(itertools.count(), print)
        """)
        assert popen.stdout.readline() == "0\n"
        popen.stdout.close()
        assert popen.stderr.read().endswith("error: whoever read standard output has left\n")
        assert popen.wait(60) == 141

    def test_rows_drain_though_their_source_has_ended(self, process):
        popen = process("""
            import bonobo, time
            def slow(x):
                time.sleep(0.02)
                if x == 20:
                    print("begun")
                return x
            def get_graph():
                return bonobo.Graph(range(60), slow, lambda x: None)
        """)
        code, _, err = self.stopped(popen, "begun")
        assert code == 143
        assert " - slow in=60 out=60 [done]" in err

    def test_a_repeated_signal_is_one(self, process):
        popen = process("""
            import bonobo, itertools, time
            def source():
                for number in itertools.count():
                    if number == 10:
                        print("begun")
                    yield number
            def slow(x):
                time.sleep(0.01)
            def get_graph():
                return bonobo.Graph(source, slow)
        """)
        code, _, err = self.stopped(popen, "begun", times=2)
        assert code == 143
        assert " - slow in=" in err

    def test_the_file_for_dead_letters_takes_every_rejected_row(self, process, tmp_path):
        popen = process(
            """
            import bonobo
            def node(x):
                return 1 / x
            def get_graph():
                return bonobo.Graph([0, 1, 0], node, bonobo.parallel(lambda x: [][1], on_error="dead_letter"))
            """,
            "--dead-letters",
            "letters.jsonl",
        )
        popen.communicate(timeout=60)
        assert popen.returncode == 1
        letters = [json.loads(line) for line in (tmp_path / "letters.jsonl").read_text().splitlines()]
        assert sorted((letter["exception"], letter["row"]) for letter in letters) == [
            ("IndexError", [1.0]),
            ("ZeroDivisionError", [0]),
            ("ZeroDivisionError", [0]),
        ]
