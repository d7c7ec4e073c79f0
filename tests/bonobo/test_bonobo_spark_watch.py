"""Executors that are gone for good end the job; those that come back, or were never there, do not."""

import time
from types import SimpleNamespace

import pytest

from bonobo.spark_errors import SparkFailed
from bonobo.spark_watch import ExecutorWatch

WAIT = 30


class Context:
    """Plays a cluster: how many executors there are at each look, the last for ever."""

    def __init__(self, *counts, local=False):
        self.counts = list(counts)
        self.cancelled = []
        self.looked = 0
        self._jsc = SimpleNamespace(sc=lambda: self)
        self.isLocal = lambda: local
        self.cancelJobGroup = self.cancelled.append

    def getExecutorMemoryStatus(self):
        self.looked += 1
        count = self.counts.pop(0) if len(self.counts) > 1 else self.counts[0]
        return SimpleNamespace(size=lambda: count + 1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("bonobo.spark_watch.LOOK_SECONDS", 0.001)
    monkeypatch.setattr("bonobo.spark_watch.PATIENCE_SECONDS", 0.01)


def until(reached):
    """As a job waits for Spark: it is over when that says so, by an error where it was cancelled."""
    patience = time.monotonic() + WAIT
    while not reached():
        assert time.monotonic() < patience
        time.sleep(0.001)


def cancelled_job(watch, context):
    with watch.during_job("group"):
        until(lambda: context.cancelled)
        raise RuntimeError("Job 3 cancelled part of cancelled job group")


def test_executors_that_are_gone_for_good_end_the_job():
    context = Context(2, 1, 0)
    said = r"no executor has been there for .* minutes: .*; look into the logs"
    with pytest.raises(SparkFailed, match=said):
        cancelled_job(ExecutorWatch(context), context)
    assert context.cancelled == ["group"]


def test_that_they_were_there_in_an_earlier_job_counts():
    context = Context(2)
    watch = ExecutorWatch(context)
    with watch.during_job("group"):
        until(lambda: context.looked > 1)
    context.counts = [0]
    with pytest.raises(SparkFailed):
        cancelled_job(watch, context)


@pytest.mark.parametrize("context", [Context(0), Context(0, local=True)])
def test_the_first_executors_are_waited_for_and_one_machine_has_none(context):
    looks = []
    context.isLocal = lambda is_local=context.isLocal: looks.append(1) or is_local()
    with ExecutorWatch(context).during_job("group"):
        until(lambda: len(looks) > 30)
    assert context.cancelled == []


def test_an_error_of_the_job_is_its_own():
    with pytest.raises(ValueError), ExecutorWatch(Context(1)).during_job("group"):
        raise ValueError
