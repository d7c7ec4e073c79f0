"""What ends a run, what it reports, and what becomes of the services; nothing hangs."""

import io
import itertools
import json
import os
import threading
import time
from contextlib import contextmanager, suppress

import pytest

import bonobo
from bonobo import Graph, parallel, use
from bonobo.console import Console
from bonobo.errors import MissingService, UsageError
from bonobo.report import REJECTED_KEPT
from bonobo.testing import run_node


class Refused(Exception):
    exit_code = 4


class Grave(Exception):
    fatal = True


def endless():
    yield from itertools.count()


ENDS = [
    (SystemExit(9), 9),
    (SystemExit("a word"), 1),
    (SystemExit(), 70),
    (SystemExit(256), 70),
    (KeyboardInterrupt(), 130),
    (UsageError("say which"), 2),
    (Refused(), 4),
    (Grave(), 70),
    (GeneratorExit(), 70),
]


class TestFatal:
    @pytest.mark.parametrize(("error", "code"), ENDS, ids=lambda value: type(value).__name__)
    @pytest.mark.parametrize("n", [1, 4])
    def test_it_ends_an_endless_run(self, run, error, code, n):
        def fatal(x):
            if x == 300:
                raise error

        report = run(Graph(endless, lambda x: x, parallel(fatal, n)))
        assert report.fatal is error
        assert report.exit_code == code
        assert [node.state for node in report.nodes] == ["stopped", "stopped", "failed"]
        assert (report.rejected_count, report.abandoned) == (0, 0)

    @pytest.mark.parametrize("n", [1, 4])
    def test_in_the_source(self, run, n):
        def source():
            yield 1
            raise SystemExit(3)

        report = run(Graph(source, parallel(lambda x: x, n), print))
        assert report.exit_code == 3

    def test_in_a_source_that_has_no_output_to_wait_for(self, run):
        graph = Graph(endless)
        graph.add_chain([1], lambda x: run_node(lambda: (_ for _ in ()).throw(SystemExit(5))))
        assert run(graph).exit_code == 5

    def test_in_a_key(self, run):
        def key(x):
            raise SystemExit(6)

        assert run(Graph(endless, parallel(lambda x: x, 3, key=key))).exit_code == 6

    def test_it_wakes_every_kind_of_wait(self, run, gate):
        """Writers that wait for room, readers for rows, places for the head, keys, barriers."""

        def barrier(x):
            yield x
            yield bonobo.BARRIER

        def many(x):
            yield from range(100_000)

        def fatal():
            gate.wait()
            raise SystemExit(8)

        def hold(x):
            gate.open()
            time.sleep(0.05)
            return x

        graph = Graph()
        graph.add_chain(hold, lambda x: x, _input=None, _name="slow")
        graph.add_chain(endless, parallel(many, 4), _output="slow")
        graph.add_chain(endless, parallel(barrier, 3), _output="slow")
        graph.add_chain(endless, parallel(lambda x: x, 4, key=lambda x: 0), _output="slow")
        graph.add_chain(fatal, lambda x: x)
        assert run(graph).exit_code == 8

    def test_generators_are_closed(self, run):
        closed = []

        def source():
            try:
                yield from itertools.count()
            finally:
                closed.append("source")

        def expand(x):
            try:
                while True:
                    yield x
            finally:
                closed.append("expand")

        def fatal(x):
            raise SystemExit(1)

        run(Graph(source, expand, fatal))
        assert sorted(closed) == ["expand", "source"]

    def test_a_node_that_cannot_be_woken_is_left_behind(self, gate, monkeypatch):
        monkeypatch.setattr("bonobo.runner.GRACE_SECONDS", 0.1)

        def stuck():
            gate.wait()

        def fatal():
            raise SystemExit(7)

        graph = Graph(stuck)
        graph.add_chain(fatal)
        report = bonobo.run(graph, console=bonobo.QUIET)
        gate.open()
        assert (report.exit_code, report.abandoned) == (7, 1)
        assert [node.state for node in report.nodes] == ["stopped", "failed"]

    def test_the_first_cause_stays(self, run):
        together = threading.Barrier(2, timeout=30)

        def node(x):
            together.wait()
            raise SystemExit(x)

        report = run(Graph([11, 12], parallel(node, 2)))
        assert report.exit_code in (11, 12)


class TestRowErrors:
    @pytest.mark.parametrize("n", [1, 3])
    def test_they_reject_rows_and_the_run_goes_on(self, run, n):
        def node(x):
            return 1 // (x % 2)

        report = run(Graph(range(6), parallel(node, n), lambda x: x))
        assert report.exit_code == 1
        assert report.fatal is None
        rejected = sorted(report.rejected, key=lambda row: row.sequence)
        assert [(row.run, row.node, row.sequence, row.exception) for row in rejected] == [
            (report.run, "node", sequence, "ZeroDivisionError") for sequence in (1, 3, 5)
        ]
        assert all(row.where.startswith(f"{__name__}:") for row in rejected)
        assert list(report.lines()) == [
            " - range in=1 out=6 [done]",
            " - node in=6 out=3 err=3 [done]",
            " - <lambda> in=3 out=3 [done]",
        ]

    def test_only_so_many_are_listed(self, run):
        report = run(Graph(range(REJECTED_KEPT + 5), lambda: None))
        assert (report.rejected_count, len(report.rejected)) == (REJECTED_KEPT + 5, REJECTED_KEPT)

    @pytest.mark.parametrize("carried", [None, "4", True])
    def test_what_is_no_exit_code_is_not_fatal(self, run, carried):
        class Odd(Exception):
            exit_code = carried
            fatal = False

        def node():
            raise Odd

        assert run(Graph(node)).exit_code == 1

    def test_stop_iteration_in_a_function_is_an_error_like_any_other(self, run):
        assert run(Graph([1, 2], lambda x: next(iter(())))).rejected_count == 2

    def test_an_iterable_that_fails_is_a_row_error(self, run):
        class Bad:
            def __iter__(self):
                raise OSError

        assert run(Graph(Bad())).rejected[0].exception == "OSError"


class Service:
    def __init__(self, name, log, **hooks):
        self.name, self.log = name, log
        vars(self).update(hooks)

    def close(self):
        self.log.append(f"close {self.name}")


def raising(error):
    def node(*row):
        raise error

    return node


class TestServices:
    def test_they_are_given_by_keyword(self):
        @use("a", "b")
        def node(x, *, a, b):
            return a, b, x

        assert run_node(parallel(node, 2), 1, services={"a": 2, "b": 3, "c": 4}).rows == [(2, 3, 1)]

    def test_a_missing_one_is_named_before_row_one(self, run):
        seen, log = [], []

        @use("nobody")
        def node(x, *, nobody): ...

        report = run(Graph([seen.append], node), services={"a": Service("a", log)})
        assert isinstance(report.fatal, MissingService)
        assert report.fatal.names == ("nobody",)
        assert report.exit_code == 2
        assert [node.line() for node in report.nodes] == [
            " - list in=0 out=0 [stopped]",
            " - node in=0 out=0 [stopped]",
        ]
        assert log == ["close a"]

    @pytest.mark.parametrize(
        ("node", "code"),
        [(print, 0), (raising(ValueError), 1), (raising(SystemExit(9)), 9), (use("gone")(lambda: 0), 2)],
    )
    def test_a_mappings_values_are_closed_once_in_reverse_order(self, run, node, code):
        log = []
        a, b = Service("a", log), Service("b", log)
        report = run(Graph(node), services={"a": a, "b": b, "again": a, "other": 3, "kind": Service})
        assert report.exit_code == code
        assert log == ["close b", "close a"]

    def test_closing_comes_after_the_last_row_and_each_is_closed_though_one_fails(self, run):
        log = []

        class Failing(Service):
            def close(self):
                super().close()
                raise OSError("private")

        def node(x):
            try:
                yield x
            finally:
                log.append("row")

        services = {"a": Service("a", log), "b": Failing("b", log), "c": Service("c", log)}
        report = run(Graph([1, 2], parallel(node, 2)), services=services)
        assert log == ["row", "row", "close c", "close b", "close a"]
        assert isinstance(report.fatal, OSError)
        assert report.exit_code == 70

    @pytest.mark.parametrize(
        ("node", "seen", "code"),
        [
            (print, None, 0),
            (raising(ValueError), None, 1),
            (raising(SystemExit(9)), SystemExit, 9),
            (raising(Refused()), Refused, 4),
            (use("gone")(lambda: 0), MissingService, 2),
        ],
    )
    @pytest.mark.parametrize("swallow", [False, True])
    def test_a_context_manager_sees_how_the_run_ended_and_owns_what_it_yields(
        self, run, node, seen, code, swallow
    ):
        log = []

        @contextmanager
        def services():
            log.append("enter")
            try:
                yield {"a": Service("a", log)}
            except BaseException as error:
                log.append(type(error))
                if not swallow:
                    raise
            finally:
                log.append("exit")

        report = run(Graph(node), services=services())
        assert report.exit_code == code
        assert log == ["enter", *([seen] if seen else []), "exit"]
        assert type(report.fatal) is (seen or type(None))

    def test_a_service_that_cannot_be_built_ends_the_run_before_row_one(self, run, capsys):
        @contextmanager
        def services():
            raise Refused("no entry")
            yield

        report = run(Graph(lambda: print("row")), services=services())
        assert (report.exit_code, type(report.fatal)) == (4, Refused)
        assert capsys.readouterr().out == ""

    def test_an_error_on_exit_is_the_runs_unless_there_was_one(self, run):
        @contextmanager
        def services():
            try:
                yield {}
            finally:
                raise Refused

        assert run(Graph(print), services=services()).exit_code == 4
        assert run(Graph(raising(SystemExit(9))), services=services()).exit_code == 9

    @pytest.mark.parametrize("services", [[], "text", {1: 2}])
    def test_they_must_be_a_mapping_of_names(self, run, services):
        @contextmanager
        def yielding():
            with suppress(UsageError):
                yield services

        for given in (services, yielding()):
            report = run(Graph(print), services=given)
            assert (type(report.fatal), report.exit_code) == (UsageError, 2)

    def test_hooks_are_read_after_closing(self, run, tmp_path):
        class Counting(Service):
            exit_code = None

            def close(self):
                self.exit_code = 4

            def summary(self):
                return f"closed with {self.exit_code}\nand more"

            def report(self):
                return {"code": self.exit_code}

        counting = Counting("a", [])
        stream = io.StringIO()
        services = {"a": counting, "b": Service("b", [], exit_code=5), "again": counting, "c": object()}
        report = run(
            Graph(print), services=services, console=Console(stream=stream), report=tmp_path / "report.json"
        )
        assert report.exit_code == 4
        assert stream.getvalue().splitlines() == [" - print in=1 out=0 [done]", "closed with 4", "and more"]
        assert json.loads((tmp_path / "report.json").read_text())["services"] == {"a": {"code": 4}}

    @pytest.mark.parametrize(("code", "ends_with"), [(0, 0), (5, 5), (None, 1)])
    def test_a_services_code_wins_over_the_default(self, run, code, ends_with):
        report = run(Graph(raising(ValueError)), services={"a": Service("a", [], exit_code=code)})
        assert report.exit_code == ends_with

    def test_a_fatal_errors_code_wins_over_a_services(self, run):
        services = {"a": Service("a", [], exit_code=5)}
        assert run(Graph(raising(SystemExit(9))), services=services).exit_code == 9

    def test_a_hook_that_fails_ends_the_run_badly(self, run):
        def summary():
            raise RuntimeError

        assert run(Graph(print), services={"a": Service("a", [], summary=summary)}).exit_code == 70


class TestReport:
    def test_as_json(self, run, tmp_path):
        file = tmp_path / "report.json"
        report = run(Graph(range(3), lambda x: 1 // x), report=file)
        written = json.loads(file.read_text())
        seconds = written.pop("seconds")
        assert 0 <= seconds < 30
        assert written == {
            "version": bonobo.__version__,
            "run": report.run,
            "started": report.started.isoformat(),
            "ended": report.ended.isoformat(),
            "exit_code": 1,
            "fatal": None,
            "nodes": [
                {"name": "range", "in": 1, "out": 3, "err": 0, "state": "done"},
                {"name": "<lambda>", "in": 3, "out": 2, "err": 1, "state": "done"},
            ],
            "rejected": {
                "count": 1,
                "rows": [
                    {
                        "run": report.run,
                        "node": "<lambda>",
                        "sequence": 1,
                        "exception": "ZeroDivisionError",
                        "where": report.rejected[0].where,
                        "attempts": 1,
                    }
                ],
            },
            "services": {},
        }

    @pytest.mark.parametrize(
        ("graph", "services", "fatal"),
        [
            (Graph(raising(SystemExit(9))), None, "SystemExit"),
            (Graph(), None, "GraphError"),
            (Graph(use("a")(lambda: 0)), None, "MissingService"),
        ],
    )
    def test_it_is_written_whatever_happens(self, run, tmp_path, graph, services, fatal):
        report = run(graph, services=services, report=tmp_path / "report.json")
        written = json.loads((tmp_path / "report.json").read_text())
        assert (written["fatal"], written["exit_code"]) == (fatal, report.exit_code)

    @pytest.mark.parametrize("name", ["", "no/report.json", "n" * 300, "a\0b", "pipe"])
    def test_one_that_cannot_be_written_is_found_before_row_one(self, run, tmp_path, name):
        os.mkfifo(tmp_path / "pipe")
        seen = []
        report = run(Graph(lambda: seen.append(1)), report=tmp_path / name)
        assert (report.exit_code, seen) == (2, [])

    def test_one_that_fails_in_the_end_is_no_success(self, run):
        assert run(Graph(list), report="/dev/full").exit_code == 4

    def test_what_the_file_held_is_replaced(self, run, tmp_path):
        file = tmp_path / "report.json"
        file.write_text("x" * 10_000)
        run(Graph(list), report=file)
        assert json.loads(file.read_text())["exit_code"] == 0

    def test_the_reader_of_a_pipe_gets_it_whole(self, run, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert run(Graph(list), report=tmp_path / "pipe").exit_code == 0
            assert json.loads(os.read(reader, 65536))["exit_code"] == 0
        finally:
            os.close(reader)


class TestRun:
    def test_a_graph_that_cannot_run_is_reported_and_not_raised(self, run):
        report = run(Graph())
        assert (report.exit_code, report.nodes) == (2, [])

    def test_a_graph_can_run_again(self, run):
        seen = []
        graph = Graph(range(3), seen.append)
        assert [run(graph).exit_code for _ in range(2)] == [0, 0]
        assert seen == [0, 1, 2, 0, 1, 2]

    def test_runs_inside_a_run(self, run):
        seen = []

        def inner(x):
            return bonobo.run(Graph([x], seen.append), console=bonobo.QUIET).exit_code

        assert run(Graph(range(3), parallel(inner, 2))).exit_code == 0
        assert sorted(seen) == [0, 1, 2]

    def test_context_variables_of_the_caller_are_seen(self):
        import contextvars

        variable = contextvars.ContextVar("variable", default=0)
        variable.set(5)
        assert run_node(lambda: variable.get()).rows == [(5,)]

    @pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
    def test_a_drain_that_is_no_time_is_refused(self, run, monkeypatch, value):
        monkeypatch.setenv("BONOBO_DRAIN", value)
        assert run(Graph(print)).exit_code == 2

    def test_a_node_fed_by_begin_and_by_another(self, run_graph):
        graph = Graph([1, 2], lambda *row: row)
        graph.add_chain(_output=1)
        assert sorted(run_graph(graph).rows) == [(), (1,), (2,)]

    def test_threads_that_cannot_be_started_end_the_run(self, run, monkeypatch):
        def start(thread, begin=threading.Thread.start):
            if thread.name.startswith("second"):
                raise RuntimeError("can't start new thread")
            begin(thread)

        def second(x): ...

        monkeypatch.setattr("bonobo.runner.GRACE_SECONDS", 0.1)
        monkeypatch.setattr(threading.Thread, "start", start)
        assert run(Graph(endless, parallel(second, 3))).exit_code == 70


class TestKit:
    def test_errors_are_raised_unless_told_otherwise(self):
        with pytest.raises(ZeroDivisionError):
            run_node(lambda x: 1 // x, 0)
        result = run_node(lambda x: 1 // x, 0, check=False)
        assert [type(error) for error in result.errors] == [ZeroDivisionError]
        with pytest.raises(SystemExit):
            run_node(raising(SystemExit(3)))
        assert run_node(raising(SystemExit(3)), check=False).report.exit_code == 3

    def test_a_graph_gives_what_leaves_its_last_nodes_and_is_left_alone(self, run_graph):
        graph = Graph([1, 2], lambda x: x)
        graph.add_chain(lambda x: -x, _input=1)
        graph.add_chain([10])
        assert sorted(run_graph(graph).rows) == [(-2,), (-1,), (10,)]
        assert len(graph) == 4
        assert graph.outputs_of(3) == frozenset()
