"""What becomes of a row that fails: skipped, kept, the end of the run; tried again, or given up in time."""

import json
import random
import threading
import time

import pytest

import bonobo
from bonobo import Graph, parallel
from bonobo.config import use_context, use_context_processor
from bonobo.dead_letters import DeadLetterFile
from bonobo.errors import MissingService, TooManyErrors


def odd_fails(x):
    if x % 2:
        raise ValueError(x)
    return x


class TestOnError:
    @pytest.mark.parametrize("n", [1, 4])
    def test_skip_is_what_happens_unless_told_otherwise(self, run, n):
        report = run(Graph(range(10), parallel(odd_fails, n)))
        assert (report.exit_code, report.rejected_count, report.fatal) == (1, 5, None)

    @pytest.mark.parametrize("n", [1, 4])
    def test_fail_ends_the_run_at_the_first(self, run, n):
        seen = []

        def endless():
            while True:
                yield 1 if len(seen) > 100 else 0

        report = run(Graph(endless, parallel(odd_fails, n, on_error="fail"), seen.append))
        assert report.exit_code == 70
        assert isinstance(report.fatal, ValueError)
        assert [node.state for node in report.nodes][1] == "failed"

    @pytest.mark.parametrize("n", [1, 4])
    def test_dead_letters_go_to_their_service(self, run, n):
        letters = []
        services = {"dead_letters": lambda rejected, row: letters.append((rejected, row))}
        node = parallel(odd_fails, n, on_error="dead_letter", retries=2, backoff=0)
        report = run(Graph(range(10), node), services=services)
        assert report.exit_code == 1
        assert sorted(row for _, row in letters) == [(x,) for x in range(1, 10, 2)]
        rejected = sorted((letter for letter, _ in letters), key=lambda letter: letter.sequence)
        assert rejected == sorted(report.rejected, key=lambda letter: letter.sequence)
        assert {(letter.node, letter.exception, letter.attempts) for letter in rejected} == {
            ("odd_fails", "ValueError", 3)
        }

    def test_without_the_service_nothing_begins(self, run):
        called = []
        report = run(Graph(called.append, parallel(odd_fails, 1, on_error="dead_letter")))
        assert report.exit_code == 2
        assert isinstance(report.fatal, MissingService)
        assert report.fatal.names == ("dead_letters",)
        assert not called

    def test_a_file_of_dead_letters_is_closed_like_any_service(self, run, tmp_path):
        file = tmp_path / "letters.jsonl"
        node = parallel(odd_fails, 1, on_error="dead_letter")
        run(Graph(range(4), node), services={"dead_letters": DeadLetterFile(file)})
        assert [json.loads(line)["row"] for line in file.read_text().splitlines()] == [[1], [3]]

    def test_a_service_that_fails_ends_the_run(self, run):
        def broken(rejected, row):
            raise OSError

        node = parallel(odd_fails, 1, on_error="dead_letter")
        report = run(Graph(range(4), node), services={"dead_letters": broken})
        assert report.exit_code == 70
        assert isinstance(report.fatal, OSError)


class TestRetries:
    @pytest.mark.parametrize("n", [1, 5, "auto"])
    def test_what_fails_for_a_while_arrives_in_order(self, run_graph, n):
        lock, tries = threading.Lock(), {}

        def flaky(x):
            with lock:
                tries[x] = tries.get(x, 0) + 1
            yield x
            if tries[x] <= x % 3:
                raise ConnectionError
            yield -x

        result = run_graph(Graph(range(1, 31), parallel(flaky, n, retries=2, backoff=0.001)))
        assert result.rows == [(y,) for x in range(1, 31) for y in (x, -x)]
        assert tries == {x: x % 3 + 1 for x in range(1, 31)}
        assert result.report.exit_code == 0

    def test_a_fatal_error_is_not_tried_again(self, run):
        tries = []

        def fatal(x):
            tries.append(x)
            raise bonobo.errors.UsageError("no")

        assert run(Graph([1], parallel(fatal, 1, retries=5, backoff=0))).exit_code == 2
        assert tries == [1]

    def test_a_wait_ends_with_the_run(self, run):
        failing = threading.Event()

        def flaky(x):
            failing.set()
            raise ConnectionError

        def fatal(x):
            failing.wait(30)
            raise SystemExit(9)

        graph = Graph([1])
        graph.add_chain(parallel(flaky, 1, retries=50, backoff=25), _input=0)
        graph.add_chain(fatal, _input=0)
        begun = time.monotonic()
        assert run(graph).exit_code == 9
        assert time.monotonic() - begun < 20


class TestTimeout:
    @pytest.mark.parametrize("n", [1, 3])
    def test_a_row_that_takes_too_long_is_rejected(self, run_graph, n):
        never = threading.Event()

        def node(x):
            yield x
            if x == 2:
                never.wait(20)

        result = run_graph(Graph(range(5), parallel(node, n, timeout=0.3)), check=False)
        assert result.rows == [(0,), (1,), (3,), (4,)]
        assert [(row.sequence, row.exception) for row in result.report.rejected] == [(3, "RowTimeout")]
        assert result.report.abandoned == 1
        never.set()

    def test_many_that_never_end_end_the_run(self, run):
        never = threading.Event()
        report = run(Graph(range(100), parallel(lambda x: never.wait(20), 2, timeout=0.02)))
        never.set()
        assert report.exit_code == 70
        assert "time limit" in str(report.fatal)


class TestMaxErrors:
    @pytest.mark.parametrize(
        ("limit", "rows", "code"),
        [(5, 10, 1), (4, 10, 70), (0, 2, 70), (0.5, 1000, 1), (0.4, 1000, 70), (0.4, 10, 70), (0.4, 2, 70)],
    )
    def test_more_than_that_end_the_run(self, run, limit, rows, code):
        report = run(Graph(range(rows), odd_fails), max_errors=limit)
        assert report.exit_code == code
        assert isinstance(report.fatal, TooManyErrors if code == 70 else type(None))

    def test_it_ends_at_once(self, run):
        def endless():
            while True:
                yield 1

        assert run(Graph(endless, odd_fails), max_errors=100).exit_code == 70

    @pytest.mark.parametrize("limit", [-1, 1.5, True, "many", float("nan")])
    def test_it_must_make_sense(self, run, limit):
        assert run(Graph(range(2)), max_errors=limit).exit_code == 2


class Throttled(Exception):
    throttled = True


def test_concurrency_that_is_found_by_trial_loses_nothing(run_graph):
    chance = random.Random(7)
    lock = threading.Lock()
    working = most = 0

    def node(x):
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
            throttled = working > 12 and chance.random() < 0.5
        time.sleep(0.002)
        with lock:
            working -= 1
        if throttled:
            raise Throttled
        return x

    rows = 3000
    result = run_graph(Graph(range(rows), parallel(node, "auto", retries=50, backoff=0.001)))
    assert result.rows == [(x,) for x in range(rows)]
    assert 4 < most <= 64


def test_one_row_fails_fatally_and_thousands_wait_behind_it(run):
    seen = []

    def consume(x):
        seen.append(x)
        if len(seen) == 5:
            raise SystemExit(70)

    report = run(Graph(range(30_000), lambda x: x, consume))
    assert (report.exit_code, len(seen)) == (70, 5)
    assert isinstance(report.fatal, SystemExit)


class TestRejecting:
    """A node that can tell the bad part of its input from the good."""

    @pytest.mark.parametrize("n", [1, 4])
    def test_the_rest_goes_on(self, run_graph, n):
        def numbers(context, text):
            for word in text.split():
                if word.isdigit():
                    yield int(word)
                else:
                    context.reject(ValueError(), word)

        letters = []
        services = {"dead_letters": lambda rejected, row: letters.append((rejected.sequence, row))}
        node = use_context_processor(lambda node, context: (yield context), concurrent=True)(numbers)
        graph = Graph(["1 x", "y 2 z 3", "4"], parallel(node, n, on_error="dead_letter"))
        result = run_graph(graph, services=services, check=False)
        assert result.rows == [(1,), (2,), (3,), (4,)]
        assert sorted(letters) == [(1, ("x",)), (2, ("y",)), (2, ("z",))]
        assert result.report.exit_code == 1

    def test_it_ends_a_run_that_is_told_to_fail(self, run):
        seen = []

        @use_context
        def source(context):
            yield 1
            context.reject(ValueError())
            seen.append("not reached")

        report = run(Graph(parallel(source, on_error="fail")))
        assert (report.exit_code, seen) == (70, [])
