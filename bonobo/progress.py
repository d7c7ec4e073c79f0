"""How a run goes on, told from snapshots of its report: rates, the bottleneck, the time left. Pure.

A *window* is a sequence of snapshots, oldest first, of which the last is now. Rates are those between its
ends; what flickers, such as how full a queue is, is taken as the mean of all but the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from bonobo.report import NodeReport

WINDOW_SECONDS = 5.0
"""How far back rates look, and how long a source is watched before it is said when it will end."""

FULL = 0.5
"""The mean fill of a queue from which on its node is one that others wait for."""

BUSY = 0.9
"""The mean share of workers with a row in hand from which on all count as busy."""

UNENDED = frozenset({"waiting", "running"})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counters of all nodes, in the order of the plan, at a time in seconds of a monotonic clock."""

    at: float
    nodes: tuple[NodeReport, ...]


Window = Sequence[Snapshot]


def snapshot(nodes: Iterable[NodeReport], at: float) -> Snapshot:
    """Copy counters that go on counting."""
    return Snapshot(at, tuple(replace(node) for node in nodes))


def extended(window: Window, now: Snapshot) -> Window:
    """Add a snapshot, and leave out what lies further back than a window needs to reach.

    >>> [one.at for one in extended([Snapshot(at, ()) for at in (0, 2, 4, 6)], Snapshot(8, ()))]
    [2, 4, 6, 8]
    """
    window = [*window, now]
    while len(window) > 2 and now.at - window[1].at >= WINDOW_SECONDS:
        del window[0]
    return window


def rates(window: Window) -> tuple[float, ...]:
    """Give the rows a second of each node: those that it took or those that it emitted, whichever are more.

    >>> before, after = NodeReport("filter"), NodeReport("filter", rows_in=60, rows_out=20)
    >>> rates([Snapshot(0, (before,)), Snapshot(4, (after,))])
    (15.0,)
    """
    seconds = _seconds(window)
    if not seconds:
        return (0.0,) * len(window[-1].nodes)
    return tuple(
        max(after.rows_in - before.rows_in, after.rows_out - before.rows_out) / seconds
        for before, after in zip(window[0].nodes, window[-1].nodes, strict=True)
    )


def bottleneck(window: Window) -> NodeReport | None:
    """Name the node that the others wait for, as it was over the window; None once all have ended.

    Of the nodes that have not ended:

    1. the most downstream one whose queue is at least half full: what feeds it waits for it;
    2. else the most downstream one whose workers are all busy: rows wait for it that no queue shows, because
       they are few and large;
    3. else the most upstream one, which is a source while sources run: all others wait for its rows.
    """
    unended = [index for index, node in enumerate(window[-1].nodes) if node.state in UNENDED]
    for index in reversed(unended):
        if _mean(window, index, _fill) >= FULL:
            return window[-1].nodes[index]
    for index in reversed(unended):
        if _mean(window, index, _busy) >= BUSY:
            return window[-1].nodes[index]
    return window[-1].nodes[unended[0]] if unended else None


def seconds_left(window: Window) -> float | None:
    """Give the seconds until the last source that declared its length has emitted it, at its recent rate.

    None where no source declared one or all have emitted theirs; where one of them stands still; and before
    the window is long enough to tell a rate from the rush that fills the first queues.
    """
    seconds = _seconds(window)
    if seconds < WINDOW_SECONDS:
        return None
    left = []
    for before, after in zip(window[0].nodes, window[-1].nodes, strict=True):
        rows = 0 if after.expected is None or after.state not in UNENDED else after.expected - after.rows_out
        emitted = after.rows_out - before.rows_out
        if rows > 0:
            left.append(rows * seconds / emitted if emitted > 0 else math.inf)
    return max(left) if left and math.isfinite(max(left)) else None


def about(seconds: float) -> str:
    """Say a time no more exactly than it is known.

    >>> about(3), about(47), about(170), about(5000), about(300_000)
    ('about 5 s', 'about 50 s', 'about 3 min', 'about 1 h 25 min', 'about 3 days')
    """
    if seconds <= 55:
        return f"about {max(5, math.ceil(seconds / 5) * 5)} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"about {minutes} min"
    hours, minutes = divmod(5 * round(minutes / 5), 60)
    if hours < 48:
        return f"about {hours} h {minutes} min" if minutes else f"about {hours} h"
    return f"about {round(hours / 24)} days"


def rate(rows: float) -> str:
    """Write a number of rows a second.

    >>> rate(0), rate(0.01), rate(2.345), rate(12.7)
    ('0', '<0.1', '2.3', '13')
    """
    if not rows:
        return "0"
    if rows < 0.05:
        return "<0.1"
    return f"{rows:.1f}" if rows < 9.95 else f"{rows:.0f}"


def remark(window: Window) -> str:
    """Say what holds the run up and how long it will take, as far as either can be said."""
    parts = []
    slowest, left = bottleneck(window), seconds_left(window)
    if slowest is not None and len(window[-1].nodes) > 1:
        parts.append(f"bottleneck: {slowest.name}")
    if left is not None:
        parts.append(f"{about(left)} left")
    return "; ".join(parts)


def plain(window: Window, seconds: float) -> str:
    """Give the line that stands where there is no terminal; `seconds` is how long the run has taken.

    >>> print(plain([Snapshot(0, (NodeReport("load", rows_in=1, rows_out=2, state="done"),))], 30))
    30 s: load in=1 out=2
    """
    nodes = zip(window[-1].nodes, rates(window), strict=True)
    counts = ", ".join(_counts(node, rows) for node, rows in nodes)
    return "; ".join(filter(None, (f"{seconds:.0f} s: {counts}", remark(window))))


def percent(node: NodeReport) -> str:
    """Write how full a node's queue is; nothing where it has none."""
    return f"{_fill(node):.0%}" if node.capacity else ""


def _counts(node: NodeReport, rows: float) -> str:
    errors = f" err={node.errors}" if node.errors else ""
    speed = f" ({rate(rows)}/s)" if node.state == "running" else ""
    return f"{node.name} in={node.rows_in} out={node.rows_out}{errors}{speed}"


def _seconds(window: Window) -> float:
    return window[-1].at - window[0].at


def _mean(window: Window, index: int, figure: Callable[[NodeReport], float]) -> float:
    return fmean(figure(one.nodes[index]) for one in window[1:] or window)


def _fill(node: NodeReport) -> float:
    return node.queued / node.capacity if node.capacity else 0.0


def _busy(node: NodeReport) -> float:
    return node.in_flight / node.workers
