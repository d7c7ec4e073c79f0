"""HTML and SVG as values: text is escaped unless it is markup already, so that nothing from outside can be.

Names of elements and attributes come from this package only.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import Any

_EMPTY = frozenset({"input", "meta", "rect", "line"})
# What could end the element that holds it (HTML, 13.2.5), and what JavaScript of old takes for a line's end.
_IN_SCRIPT = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})

# Control characters are no characters of a page (HTML, 13.2.3.5).
_UNSEEN = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {0x09, 0x0A}, "\ufffd")


class Markup(str):
    """Text that is HTML or SVG."""

    __slots__ = ()


Child = str | int | None | Iterable["Child"]


def tag(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """An element. A trailing `_` of an attribute's name falls away, other `_` become `-`.

    >>> tag("td", "a < b", class_="wide", data_value=1.5, hidden=False)
    '<td class="wide" data-value="1.5">a &lt; b</td>'
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _EMPTY:
        return Markup(f"<{name}{written}>" if name in ("input", "meta") else f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Child) -> Markup:
    """One piece of markup of many; None is nothing.

    >>> join(["1 & ", Markup("<b>2</b>"), None, 3])
    '1 &amp; <b>2</b>3'
    """
    match children:
        case None:
            return Markup()
        case Markup():
            return children
        case str() | int():
            return Markup(html.escape(str(children).translate(_UNSEEN)))
    return Markup("".join(map(join, children)))


def data_block(value: Any) -> Markup:
    """A value as JSON that may stand in a script element, whatever texts it holds.

    >>> data_block({"centre": "</script>"})
    '{"centre": "\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return Markup(text.translate(_IN_SCRIPT))


def _attribute(key: str, value: str | float | bool | None) -> str:
    name = key.removesuffix("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{html.escape(str(value).translate(_UNSEEN))}"'
