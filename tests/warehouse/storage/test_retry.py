"""A request is repeated while there is hope and budget, and never after the store is closed."""

from __future__ import annotations

import threading

import pytest

from warehouse.errors import AlreadyExists, Forbidden, StoreFault
from warehouse.storage.retry import Left, Retrier, RetryPolicy
from warehouse.storage.translate import Again, Fault, Library

QUICK = RetryPolicy(attempts=4, seconds=10.0, base=0.0, cap=0.0)


class Foreign(Exception):
    """What the library of these tests raises."""


FAULTS = {
    "busy": (StoreFault, Again.YES),
    "expired": (Forbidden, Again.RENEW),
    "denied": (Forbidden, Again.NO),
    "exists": (AlreadyExists, Again.NO),
}


def translate(operation, key, error, unmet):
    ours, again = FAULTS[str(error)]
    return Fault(ours(operation, key, str(error)), str(error), again)


LIBRARY = Library(lambda: (Foreign,), translate)


class Script:
    """Fails as the words say, then answers."""

    def __init__(self, *words: str) -> None:
        self.words = list(words)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.words:
            raise Foreign(self.words.pop(0))
        return "answer"


def retrier(renew=lambda: None) -> Retrier:
    return Retrier(QUICK, renew)


def test_passing_faults_pass():
    script = Script("busy", "busy", "busy")
    assert retrier().call("read", "k", LIBRARY, script) == "answer"
    assert script.calls == 4


def test_the_budget_ends():
    script = Script(*["busy"] * 10)
    with pytest.raises(StoreFault, match="busy"):
        retrier().call("read", "k", LIBRARY, script)
    assert script.calls == 4


def test_the_clock_ends_it_too():
    script = Script(*["busy"] * 10)
    with pytest.raises(StoreFault):
        retrier().call("read", "k", LIBRARY, script, policy=RetryPolicy(seconds=-1.0))
    assert script.calls == 1


def test_a_refusal_is_final():
    script = Script("denied")
    with pytest.raises(Forbidden):
        retrier().call("read", "k", LIBRARY, script)
    assert script.calls == 1


def test_expired_credentials_are_renewed():
    renewed = []
    script = Script("expired")
    assert retrier(lambda: renewed.append(1)).call("read", "k", LIBRARY, script) == "answer"
    assert renewed == [1]


def test_credentials_that_stay_refused_are_renewed_twice_and_no_more():
    renewed = []
    script = Script(*["expired"] * 10)
    patient = RetryPolicy(attempts=10, base=0.0)
    with pytest.raises(Forbidden):
        retrier(lambda: renewed.append(1)).call("read", "k", LIBRARY, script, policy=patient)
    assert renewed == [1, 1]
    assert script.calls == 3


def test_own_errors_are_not_swallowed():
    def broken() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        retrier().call("read", "k", LIBRARY, broken)


def test_what_the_caller_judges_itself_comes_back():
    with pytest.raises(Left) as raised:
        retrier().call("read", "k", LIBRARY, Script("busy"), leave=("busy",))
    assert raised.value.code == "busy"


def test_a_first_refusal_is_never_our_own():
    with pytest.raises(AlreadyExists):
        retrier().call("create", "k", LIBRARY, Script("exists"), settle=lambda: "ours")


def test_after_a_lost_answer_it_may_be():
    assert retrier().call("create", "k", LIBRARY, Script("busy", "exists"), settle=lambda: "ours") == "ours"
    with pytest.raises(AlreadyExists):
        retrier().call("create", "k", LIBRARY, Script("busy", "exists"), settle=lambda: None)


def test_closing_wakes_who_waits():
    patient = Retrier(RetryPolicy(attempts=3, seconds=3600.0, base=600.0, cap=600.0), lambda: None)
    started = threading.Event()
    raised: list[BaseException] = []

    def work() -> None:
        started.set()
        raise Foreign("busy")

    def wait() -> None:
        try:
            patient.call("read", "k", LIBRARY, work)
        except StoreFault as error:
            raised.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert started.wait(10)
    patient.close()
    thread.join(10)
    assert len(raised) == 1


@pytest.mark.parametrize("failures", range(1, 60))
def test_waits_are_bounded(failures):
    policy = RetryPolicy(base=0.1, cap=5.0)
    assert 0.0 <= policy.delay(failures) <= min(5.0, 0.1 * 2 ** (failures - 1))
