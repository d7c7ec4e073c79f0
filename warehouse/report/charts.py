"""The charts, as SVG that stretches with its place: bars only, whose text stands beside them in HTML.

Each bar that can be pointed at has a title, which is what is told of it. Lengths are in percent, so that one
chart serves every width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from warehouse.report import words
from warehouse.report.markup import Markup, tag

HEIGHT = 32


def bar(value: float, most: float, told: str, kind: str, *, point: bool = False) -> Markup:
    """One horizontal bar of the class `kind`, as long as `value` is beside `most`; a `point` of a chart where
    its text can be asked for one by one."""
    share = 100 * value / most if most else 0
    parts = [
        tag("rect", class_="track", x=0, y=0, height="100%", width="100%", rx=1),
        tag("rect", class_=f"mark {kind}", x=0, y=0, height="100%", width=f"{_round(share)}%", rx=1),
    ]
    name = "bar point" if point else "bar"
    return tag("svg", tag("title", told), parts, class_=name, role="img", aria_label=told)


def split_bar(parts: Iterable[tuple[str, float]], told: str) -> Markup:
    """One horizontal bar of parts that make a whole: pairs of a class and a value."""
    shares = list(parts)
    whole = sum(value for _, value in shares) or 1
    marks, start = [], 0.0
    for kind, value in shares:
        width = 100 * value / whole
        marks.append(
            tag("rect", class_=kind, x=f"{_round(start)}%", y=0, height="100%", width=f"{_round(width)}%")
        )
        start += width
    return tag("svg", tag("title", told), marks, class_="bar whole", role="img", aria_label=told)


def columns(values: Sequence[int], names: Sequence[str], told: str) -> Markup:
    """Upright bars, one for each period, to the scale of the largest; each tells its name and its value."""
    most = max(values, default=0)
    width = 100 / max(1, len(values))
    marks = [
        _column(
            place * width,
            width,
            value / most if most else 0,
            f"{name}: {words.several(value, 'file', 'files')}",
        )
        for place, (value, name) in enumerate(zip(values, names, strict=True))
    ]
    ground = tag("line", class_="ground", x1=0, x2="100%", y1=HEIGHT, y2=HEIGHT)
    return tag("svg", ground, marks, class_="columns", role="group", aria_label=told, height=HEIGHT + 1)


def _column(x: float, width: float, share: float, told: str) -> Markup:
    # The whole height can be pointed at, however small the bar; what is not nothing can be seen.
    height = max(1.5, share * HEIGHT) if share else 0
    gap = width * 0.15
    return tag(
        "g",
        tag("title", told),
        tag("rect", class_="reach", x=f"{_round(x)}%", y=0, width=f"{_round(width)}%", height=HEIGHT),
        tag(
            "rect",
            class_="mark files",
            x=f"{_round(x + gap / 2)}%",
            y=_round(HEIGHT - height),
            width=f"{_round(width - gap)}%",
            height=_round(height),
        ),
        class_="point",
        role="img",
        aria_label=told,
    )


def _round(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
