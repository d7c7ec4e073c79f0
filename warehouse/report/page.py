"""Figures -> one page that holds its style, its script and its data, and may load nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from string import Template

from warehouse.report import sections, words
from warehouse.report.figures import Figures
from warehouse.report.markup import Markup, data_block, join, tag

# Only the style and the script of this very page are used, by their hashes (Content Security Policy Level 3).
_POLICY = (
    "default-src 'none'; style-src '{style}'; script-src '{script}'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_SECTIONS = (
    sections.modalities,
    sections.centres,
    sections.completeness,
    sections.not_loaded,
    sections.runs,
)


def page(figures: Figures) -> str:
    """The whole page, as HTML. The same figures give the same page."""
    style, script = _part("page.css"), _part("page.js")
    policy = _POLICY.format(style=_hash(style), script=_hash(script))
    title = f"{figures.warehouse}: report"
    return Template(_part("page.html")).substitute(
        policy=tag("meta", http_equiv="Content-Security-Policy", content=policy),
        title=join(title),
        style=style,
        heading=join(figures.warehouse),
        told=_told(figures),
        body=join([sections.totals(figures), *(section(figures) for section in _SECTIONS)]),
        figures=data_block(figures.document()),
        script=script,
    )


def _told(figures: Figures) -> Markup:
    version = "no catalog yet" if figures.version is None else f"catalog version {figures.version}"
    made = tag("time", words.moment(figures.made), datetime=figures.made.isoformat(timespec="seconds"))
    return join([f"Report on the data set, {version}, made ", made])


def _part(name: str) -> str:
    return files("warehouse.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
