"""Retries and time limits: nothing is emitted twice, nothing waits for ever, no thread is left unbounded."""

import contextvars
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonobo import parallel
from bonobo.attempts import LONGEST_WAIT, Attempts, Failed, longest_wait
from bonobo.channel import Cancelled
from bonobo.constants import BARRIER, NOT_MODIFIED
from bonobo.emission import producer
from bonobo.errors import BonoboError, RowTimeout, is_fatal, where
from bonobo.time_limit import LEFT_BEHIND

LONG = 20.0
SHORT = 0.05


@pytest.fixture
def attempts():
    """Make attempts of a node; they are closed afterwards."""
    made = []

    def make(node, *, workers=1, noticed=None, chance=lambda: 0.0, **settings):
        keywords = {} if noticed is None else {"noticed": noticed}
        one = Attempts(
            producer(node, {}), parallel(node, **settings), workers=workers, chance=chance, **keywords
        )
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


class Flaky:
    """A node that fails as often as it is told, after the values that it is told."""

    __name__ = "flaky"

    def __init__(self, failures, error=ValueError, emitted=()):
        self.calls = 0
        self.failures = failures
        self.error = error
        self.emitted = emitted

    def __call__(self, x):
        self.calls += 1
        yield from self.emitted
        if self.calls <= self.failures:
            raise self.error(self.calls)
        yield x


def emitted(attempts, *row):
    """What was emitted before the end, also where that was an error."""
    values = []
    try:
        for value in attempts(row):
            values.append(value)  # noqa: PERF402
    except Failed as failed:
        return values, failed
    return values, None


class TestRetries:
    @pytest.mark.parametrize("timeout", [None, LONG])
    def test_the_values_of_the_attempt_that_succeeds_are_the_only_ones(self, attempts, timeout):
        node = Flaky(2, emitted=[1, BARRIER, NOT_MODIFIED])
        assert emitted(attempts(node, retries=2, timeout=timeout), 5) == ([1, BARRIER, NOT_MODIFIED, 5], None)
        assert node.calls == 3

    @pytest.mark.parametrize("timeout", [None, LONG])
    def test_what_the_last_attempt_emitted_stays_and_its_error_comes_after(self, attempts, timeout):
        values, failed = emitted(attempts(Flaky(9, emitted=[1, 2]), retries=2, timeout=timeout), 5)
        assert values == [1, 2]
        assert (type(failed.error), failed.error.args, failed.attempts) == (ValueError, (3,), 3)

    def test_without_retries_there_is_one_attempt(self, attempts):
        node = Flaky(1)
        _, failed = emitted(attempts(node, timeout=LONG), 5)
        assert (node.calls, failed.attempts) == (1, 1)

    @pytest.mark.parametrize("result", [None, 0, (1, 2), [3]])
    def test_a_function_gives_what_it_returns(self, attempts, result):
        assert emitted(attempts(lambda: result, retries=1))[0] == ([] if result is None else [result])

    def test_an_iterable_is_read_anew_by_each_attempt(self, attempts):
        class Source:
            reads = 0

            def __iter__(self):
                Source.reads += 1
                yield 1
                if Source.reads == 1:
                    raise OSError
                yield 2

        assert emitted(attempts(Source(), retries=1)) == ([1, 2], None)

    def test_the_error_keeps_its_place(self, attempts):
        for timeout in (None, LONG):
            _, failed = emitted(attempts(Flaky(1), timeout=timeout, retries=0), 1)
            assert where(failed.error).startswith(f"{__name__}:")

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, BonoboError])
    @pytest.mark.parametrize("timeout", [None, LONG])
    def test_a_fatal_error_is_not_retried(self, attempts, error, timeout):
        node = Flaky(9, error=error, emitted=[1])
        values, failed = emitted(attempts(node, retries=5, timeout=timeout), 5)
        assert (values, type(failed.error), failed.attempts, node.calls) == ([1], error, 1, 1)

    def test_a_cancellation_is_nobodys_failure(self, attempts):
        def node():
            raise Cancelled

        for timeout in (None, LONG):
            with pytest.raises(Cancelled):
                attempts(node, retries=3, timeout=timeout)(())

    def test_every_failed_attempt_is_noticed(self, attempts):
        noticed = []
        emitted(attempts(Flaky(2), retries=5, noticed=noticed.append), 5)
        assert [error.args for error in noticed] == [(1,), (2,)]

    def test_the_generator_of_a_failed_attempt_is_closed(self, attempts):
        closed = []

        def node():
            try:
                yield 1
                raise ValueError
            finally:
                closed.append(True)

        emitted(attempts(node, retries=2))
        assert closed == [True] * 3


class TestWaits:
    @given(st.just(0.0) | st.floats(1e-9, 1e300), st.integers(1, 1000))
    def test_waits_double_and_are_bounded(self, backoff, number):
        wait = longest_wait(backoff, number)
        assert 0 <= wait <= LONGEST_WAIT
        assert longest_wait(backoff, number + 1) == min(LONGEST_WAIT, 2 * wait)

    def test_a_wait_is_any_part_of_the_longest(self, attempts):
        chances = []

        def chance():
            chances.append(True)
            return 0.001

        began = time.monotonic()
        emitted(attempts(Flaky(9), retries=4, backoff=10, chance=chance), 1)
        assert len(chances) == 4
        assert time.monotonic() - began >= 0.001 * (10 + 20 + 30 + 30)

    def test_cancelling_ends_a_wait_at_once(self, attempts, in_time):
        failed = threading.Event()
        one = attempts(
            Flaky(9), retries=9, backoff=1000, chance=lambda: 1.0, noticed=lambda error: failed.set()
        )

        def cancel():
            failed.wait(LONG)
            one.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(Cancelled):
            in_time(one, (1,))
        thread.join()

    def test_nothing_begins_to_wait_after_a_cancellation(self, attempts):
        one = attempts(Flaky(9), retries=9, backoff=1000, chance=lambda: 1.0)
        one.cancel()
        with pytest.raises(Cancelled):
            one((1,))

    def test_cancelling_ends_an_endless_generator(self, attempts, in_time):
        def node():
            while True:
                one.cancel()
                yield 1

        one = attempts(node, retries=1)
        with pytest.raises(Cancelled):
            in_time(one, ())


class TestTimeLimit:
    def test_a_row_in_time_is_as_without_a_limit(self, attempts):
        one = attempts(lambda x: (x, x + 1), timeout=LONG)
        assert [emitted(one, x)[0] for x in range(3)] == [[(0, 1)], [(1, 2)], [(2, 3)]]

    def test_threads_are_used_again(self, attempts):
        one = attempts(lambda: threading.get_ident(), timeout=LONG)
        assert len({one(())[0] for _ in range(20)} - {threading.get_ident()}) == 1

    def test_the_node_sees_the_callers_context(self, attempts):
        variable = contextvars.ContextVar("variable", default=0)
        one = attempts(variable.get, timeout=LONG)
        assert one(()) == [0]
        variable.set(5)
        assert one(()) == [5]

    def test_a_late_row_fails_and_emits_nothing(self, attempts, gate):
        def node():
            yield 1
            gate.wait()
            yield 2

        one = attempts(node, timeout=SHORT)
        values, failed = emitted(one)
        assert (values, type(failed.error), failed.attempts) == ([], RowTimeout, 1)
        assert isinstance(failed.error, TimeoutError)
        assert not is_fatal(failed.error)
        assert str(failed.error) == "no result within 0.05 s"
        assert one.abandoned() == 1
        gate.open()
        self.wait_for(lambda: one.abandoned() == 0)

    def test_a_late_attempt_is_retried_and_its_late_result_ignored(self, attempts, gate):
        calls = []

        def node():
            calls.append(True)
            if len(calls) == 1:
                gate.wait()
                return "late"
            return "in time"

        one = attempts(node, timeout=SHORT, retries=20)
        assert one(()) == ["in time"]
        gate.open()
        assert one(()) == ["in time"]

    def test_an_endless_generator_ends_once_it_is_late(self, attempts):
        def node():
            while True:
                time.sleep(0.001)
                yield 1

        one = attempts(node, timeout=SHORT)
        assert type(emitted(one)[1].error) is RowTimeout
        self.wait_for(lambda: one.abandoned() == 0)

    @pytest.mark.parametrize("workers", [1, LEFT_BEHIND + 2])
    def test_threads_left_behind_are_bounded(self, attempts, gate, workers):
        def never():
            gate.wait()

        one = attempts(never, workers=workers, timeout=0.01)
        most = max(LEFT_BEHIND, workers)
        errors = [emitted(one)[1].error for _ in range(most + 1)]
        assert [type(error) for error in errors[:-1]] == [RowTimeout] * most
        assert type(errors[-1]) is BonoboError
        assert is_fatal(errors[-1])
        assert str(errors[-1]).startswith(f"never: more than {most} calls went on after their time limit")
        assert one.abandoned() == most + 1
        gate.open()
        self.wait_for(lambda: one.abandoned() == 0)

    def test_closing_ends_the_threads(self, attempts, gate):
        before = set(threading.enumerate())
        one = attempts(lambda late: gate.wait() if late else None, timeout=SHORT)
        emitted(one, True)
        emitted(one, False)
        assert len(set(threading.enumerate()) - before) == 2
        one.close()
        gate.open()
        self.wait_for(lambda: not set(threading.enumerate()) - before)

    def test_a_call_under_way_when_all_is_closed_ends_its_thread(self, attempts, gates, in_time):
        before = set(threading.enumerate())
        entered, leave = gates(), gates()

        def node():
            entered.open()
            leave.wait()

        one = attempts(node, timeout=LONG)

        def call():
            with pytest.raises(Cancelled):
                one(())

        caller = threading.Thread(target=call)
        caller.start()
        entered.wait()
        one.close()
        leave.open()
        in_time(caller.join)
        self.wait_for(lambda: not set(threading.enumerate()) - before)

    def test_many_threads_may_call(self, attempts, in_time):
        one = attempts(lambda x: x, workers=8, timeout=LONG, retries=1)
        results = [[] for _ in range(8)]

        def call(number):
            results[number].extend(one((number * 100 + i,))[0] for i in range(100))

        threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            in_time(thread.join)
        assert results == [[number * 100 + i for i in range(100)] for number in range(8)]

    @staticmethod
    def wait_for(condition):
        deadline = time.monotonic() + LONG
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)
