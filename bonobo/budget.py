"""The bytes that the rows of one graph may hold together while they wait or are worked on.

Only rows of some size are counted; small ones are bounded by their number. A row that finds no room waits,
but never for what stands behind it: where nothing at or below its destination is held, it is admitted
whatever the budget. So the most downstream row can always go on, and what it holds is released in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Condition, Lock

MEMORY = 256 * 1024 * 1024
"""Bytes, unless told otherwise."""

SHARE = 4 / 5
"""Which part of the budget rows may hold. Allocators keep more than they were asked for, and a row that is
being made is not yet counted."""

COUNTED = 1024
"""Bytes from which on a row is counted: 128 smaller ones an edge are nothing beside any budget."""


class Budget:
    """Bytes held, by destination, of at most `memory`.

    `regions` maps each node to itself and all nodes downstream of it.
    """

    def __init__(self, memory: int, regions: Mapping[int, Iterable[int]]) -> None:
        self.limit = int(memory * SHARE)
        self.used = 0
        self._regions = {node: tuple(region) for node, region in regions.items()}
        self._held = dict.fromkeys(regions, 0)
        # Waking whoever waits at each release would cost more than the release.
        self._low = self.limit - self.limit // 8
        self._changed = Condition(Lock())
        self._waiting = 0
        self._listeners: list[Callable[[], None]] = []
        self._refused = False
        self._cancelled = False

    def acquire(self, node: int, size: int) -> bool:
        """Hold `size` bytes for a row on its way into `node`, waiting for room. False once cancelled."""
        with self._changed:
            while not self._cancelled and self.used + size > self.limit and self._occupied(node):
                self._waiting += 1
                self._changed.wait()
                self._waiting -= 1
            self.used += size
            self._held[node] += size
            return not self._cancelled

    def release(self, node: int, size: int) -> None:
        """Give back what `acquire` held."""
        with self._changed:
            self.used -= size
            self._held[node] -= size
            self._wake(not self._held[node])
        self._tell()

    def try_keep(self, size: int) -> bool:
        """Hold bytes for a row that has no destination yet, if there is room."""
        with self._changed:
            self._refused = self.used + size > self.limit
            if not self._refused:
                self.used += size
            return not self._refused

    def release_kept(self, size: int) -> None:
        """Give back what `try_keep` held."""
        with self._changed:
            self.used -= size
            self._wake(False)
        self._tell()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener`, which may take locks of its own, when there may be room for `try_keep` again."""
        self._listeners.append(listener)

    def cancel(self) -> None:
        """End every wait, now and later."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def _occupied(self, node: int) -> bool:
        return any(self._held[index] for index in self._regions[node])

    def _wake(self, emptied: bool) -> None:
        if self._waiting and (emptied or self.used <= self._low):
            self._changed.notify_all()

    def _tell(self) -> None:
        if self._refused and self.used <= self._low:
            self._refused = False
            for listener in self._listeners:
                listener()
