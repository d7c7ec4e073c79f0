"""A job whose executors are all gone, and do not come back, ends: Spark would wait for ever without a word.

So it is where the master of a standalone cluster died, or where executors die as soon as they are started.
For the first executors of a run Spark waits as long as it takes, and says so: a cluster may be busy.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

from bonobo.spark_errors import SparkFailed

PATIENCE_SECONDS = 600.0
"""How long there may be no executor once there was one: about what a cluster takes for new machines."""

LOOK_SECONDS = 10.0


class ExecutorWatch:
    """Looks whether executors are there, job after job of one SparkContext, one job at a time."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._were_there = False

    @contextmanager
    def during_job(self, group: str) -> Iterator[None]:
        """Cancel the group's job where no executor comes any more. Raises SparkFailed then."""
        over, gone = Event(), Event()
        thread = Thread(target=self._watch, args=(group, over, gone), name="executors", daemon=True)
        thread.start()
        try:
            yield
        except Exception:
            if gone.is_set():
                raise SparkFailed(
                    f"no executor has been there for {PATIENCE_SECONDS / 60:g} minutes: the cluster gives "
                    "none any more, or they end as soon as they are started"
                ) from None
            raise
        finally:
            over.set()

    def _watch(self, group: str, over: Event, gone: Event) -> None:
        seen = time.monotonic()
        # Whoever waits for a Spark that cannot be asked is told by that.
        with suppress(Exception):
            while not over.wait(LOOK_SECONDS):
                if self._there():
                    self._were_there, seen = True, time.monotonic()
                elif self._were_there and time.monotonic() - seen >= PATIENCE_SECONDS:
                    gone.set()
                    self._context.cancelJobGroup(group)
                    return

    def _there(self) -> bool:
        spark: Any = self._context._jsc.sc()
        # The driver counts as one; on one machine it is the only one.
        return bool(spark.isLocal() or spark.getExecutorMemoryStatus().size() > 1)
