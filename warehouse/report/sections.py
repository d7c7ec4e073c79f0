"""The sections of the page, each a function of the figures: a heading, a sentence, charts, a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from warehouse.domain.completeness import Filled
from warehouse.domain.reasons import NO_REMEDY, REASONS
from warehouse.domain.records import GROUPS
from warehouse.report import charts, words
from warehouse.report.figures import Figures, Row, by_modality
from warehouse.report.markup import Child, Markup, join, tag
from warehouse.report.questions import QUESTIONS
from warehouse.report.tables import Cell, figure, table
from warehouse.report.timeline import Timeline, timeline

MODALITIES = 12

# What is added up, how a person calls it, and how it is written.
MEASURES: tuple[tuple[str, str, Callable[[int], str]], ...] = (
    ("patients", "Patients", words.number),
    ("studies", "Studies", words.number),
    ("images", "Images", words.number),
    ("bytes", "Storage of images", words.size),
)
CHARTED = ("patients", "studies", "bytes")

ENDS = {
    0: "finished",
    2: "did not begin",
    3: "quarantined",
    4: "incomplete",
    5: "sets overlap",
    70: "internal error",
    130: "stopped",
    143: "stopped",
}


def totals(figures: Figures) -> Markup:
    """The four totals, each with its two sets."""
    return tag("div", [_tile(figures, *measure) for measure in MEASURES], class_="tiles")


def modalities(figures: Figures) -> Markup:
    """Patients, studies and storage by group and modality."""
    rows = figures.rows("modalities")
    panels = [_panel(rows, *measure) for measure in MEASURES if measure[0] in CHARTED]
    return _section(
        "modalities",
        "By modality",
        "A patient or a study with images of several modalities counts in each of them.",
        _legend(),
        tag("div", panels, class_="panels"),
        table("Training and validation by modality", _MODALITY_COLUMNS, _modality_rows(rows)),
        _counted(figures.version, "totals", "modalities"),
    )


def centres(figures: Figures) -> Markup:
    """Submissions over time, by centre."""
    started = [run["started"].date() for run in figures.rows("runs")]
    rows = figures.rows("submissions")
    lines = [timeline(unit, rows, max(started, default=None)) for unit in ("month", "week")]
    choices = [_choice(line.unit, checked=line.unit == "month") for line in lines]
    return _section(
        "centres",
        "Submissions by centre",
        "Files that stand in the data set, clinical files and images, by the date under which they were "
        "uploaded. Each row has a scale of its own, up to its peak.",
        tag("div", choices, [_chart(line) for line in lines], class_="choice"),
        table("Centres", _CENTRE_COLUMNS, _centre_rows(figures.rows("centres"))),
        _counted(figures.version, "centres", "submissions"),
    )


def completeness(figures: Figures) -> Markup:
    """How many patients have a value, by clinical field."""
    kept = figures.completeness
    data, status = kept.records["data"], kept.records["status"]
    unread = sum(figures.unread.values())
    notes = [
        f"The newest record of each patient: {words.number(data)} with medical data, "
        f"{words.number(status)} with a status only.",
        f" {words.several(unread, 'record', 'records')} could not be read and are left out."
        if unread
        else "",
        f" {words.several(kept.with_others, 'record has', 'records have')} values in fields beside these."
        if kept.with_others
        else "",
    ]
    return _section(
        "completeness",
        "Completeness of clinical fields",
        "".join(notes),
        table(
            "Patients with a value",
            ("Group", "Field", "With medical data", "Patients", "Status only"),
            [_field_row(filled, data, status) for filled in kept.fields()],
        ),
    )


def not_loaded(figures: Figures) -> Markup:
    """What is quarantined, and what waits, with what to do about it."""
    parts = [
        (
            "quarantined",
            "Quarantined",
            "Files that are not fit to be loaded. They are looked at again when they are uploaded anew.",
            "nothing is quarantined",
        ),
        ("deferred", "Waiting", "Files that wait. Every load looks at them again.", "nothing waits"),
    ]
    rows = figures.rows("not_loaded")
    tables = []
    for outcome, title, told, empty in parts:
        some = [row for row in rows if row["outcome"] == outcome]
        total = sum(row["files"] for row in some)
        tables += [
            tag("h3", f"{title}: {words.several(total, 'file', 'files')}"),
            tag("p", told),
            table(f"{title}, by reason", _REASON_COLUMNS, _reason_rows(some), empty=empty),
        ]
    return _section(
        "not-loaded", "What was not loaded", None, tables, _counted(figures.version, "not_loaded")
    )


def runs(figures: Figures) -> Markup:
    """The last runs."""
    return _section(
        "runs",
        "Last runs",
        "Each run decides what is new; objects that an earlier run decided are known.",
        table("Last runs, newest first", _RUN_COLUMNS, map(_run_row, figures.rows("runs"))),
        # The last run's row came after the version that the page is of.
        _counted(None, "runs"),
    )


def _section(name: str, title: str, told: str | None, *children: Child) -> Markup:
    heading = tag("h2", title, id=f"{name}-title")
    return tag(
        "section",
        heading,
        tag("p", told) if told else None,
        children,
        id=name,
        aria_labelledby=f"{name}-title",
    )


def _counted(version: int | None, *questions: str) -> Markup:
    """The SQL of some figures, a block for each statement; `version` is the catalog's, if it gives them."""
    later = "" if version is None else f", later on with --as-of {version}"
    told = f"These figures are the answers to the following, which warehouse query gives as well{later}."
    return tag(
        "details",
        tag("summary", "How it is counted"),
        tag("p", told),
        [
            tag("pre", QUESTIONS[one], tabindex=0, role="region", aria_label=f"SQL: {one}")
            for one in questions
        ],
    )


def _legend() -> Markup:
    keys = [tag("li", tag("span", class_=f"key {group}"), group) for group in GROUPS]
    return tag("ul", keys, class_="legend", aria_label="Colours")


def _tile(figures: Figures, column: str, title: str, write: Callable[[int], str]) -> Markup:
    parts = [(group, figures.total(column, group)) for group in GROUPS]
    total = sum(value for _, value in parts)
    told = ", ".join(f"{group} {write(value)}" for group, value in parts)
    exact = f"{words.number(total)} bytes" if column == "bytes" else None
    return tag(
        "div",
        tag("h2", title),
        tag("p", write(total), class_="total", title=exact, data_total=column, data_value=total),
        charts.split_bar(parts, f"{title}: {told}"),
        tag("p", told, class_="parts"),
        class_="tile",
    )


def _panel(rows: Sequence[Row], column: str, title: str, write: Callable[[int], str]) -> Markup:
    by_name = by_modality(rows, column)
    most = max((value for sets in by_name.values() for value in sets.values()), default=0)
    shown = list(by_name.items())[:MODALITIES]
    bars = [_pair(name, sets, most, write) for name, sets in shown]
    left = len(by_name) - len(shown)
    more = tag("p", f"{left} more in the table", class_="more") if left else None
    return tag(
        "figure",
        tag("figcaption", title),
        tag("div", bars or tag("p", "nothing yet", class_="empty"), data_chart=True),
        more,
        class_="panel",
    )


def _pair(name: str, sets: dict[str, int], most: int, write: Callable[[int], str]) -> Markup:
    lines = [
        (
            charts.bar(value, most, f"{name}, {group}: {write(value)}", group, point=True),
            tag("span", write(value)),
        )
        for group, value in sets.items()
    ]
    return tag(
        "div",
        tag("bdi", name, class_="name"),
        [tag("div", line, class_="line") for line in lines],
        class_="pair",
    )


_MODALITY_COLUMNS = ("Modality", "Group", "Patients", "Studies", "Images", "Storage")


def _modality_rows(rows: Sequence[Row]) -> Iterator[list[Cell]]:
    for row in rows:
        counts = (row["patients"], row["studies"], row["images"])
        yield [
            Cell(tag("bdi", row["modality"])),
            Cell(row["group"]),
            *(figure(words.number(count), count) for count in counts),
            figure(words.size(row["bytes"]), row["bytes"]),
        ]


def _choice(unit: str, *, checked: bool) -> Markup:
    name = f"by-{unit}"
    box = tag("input", type="radio", name="period", id=name, checked=checked)
    return Markup(box + tag("label", f"By {unit}", for_=name))


def _chart(line: Timeline) -> Markup:
    names = [line.name(start) for start in line.starts]
    rows = [
        tag(
            "div",
            tag("bdi", centre, class_="name"),
            charts.columns(values, names, f"{centre}, by {line.unit}"),
            tag("span", f"peak {words.number(max(values, default=0))}", class_="peak"),
            class_="row",
        )
        for centre, values in line.centres.items()
    ]
    ends = (names[0], names[-1]) if names else ()
    axis = tag("div", [tag("span", end) for end in dict.fromkeys(ends)], class_="axis")
    beside = [
        f"{words.several(count, 'file', 'files')} {where}."
        for count, where in ((line.earlier, "lie before that"), (line.later, "are dated after the last run"))
        if count
    ]
    return tag(
        "div",
        tag("div", rows or tag("p", "nothing yet", class_="empty"), data_chart=True),
        axis if rows else None,
        tag("p", " ".join(beside), class_="more") if beside else None,
        class_=f"timeline by-{line.unit}",
    )


_CENTRE_COLUMNS = ("Centre", "Group", "Patients", "Images", "Storage", "First upload", "Last upload")


def _centre_rows(rows: Sequence[Row]) -> Iterator[list[Cell]]:
    for row in rows:
        yield [
            Cell(tag("bdi", row["centre"])),
            Cell(row["group"]),
            figure(words.number(row["patients"]), row["patients"]),
            figure(words.number(row["images"]), row["images"]),
            figure(words.size(row["bytes"]), row["bytes"]),
            _day(row["first_upload"]),
            _day(row["last_upload"]),
        ]


def _day(text: str | None) -> Cell:
    return Cell(text or "-", text or "", "term")


def _field_row(filled: Filled, data: int, status: int) -> list[Cell]:
    told = f"{filled.field}: {words.share(filled.data, data)} of patients with medical data"
    part = filled.data / data if data else 0
    shown = (charts.bar(filled.data, data, told, "files"), tag("span", words.share(filled.data, data)))
    return [
        Cell(filled.group),
        Cell(filled.field),
        Cell(tag("div", shown, class_="line"), part, "term"),
        figure(words.number(filled.data), filled.data),
        figure(words.share(filled.status, status), filled.status / status if status else 0),
    ]


_REASON_COLUMNS = ("Reason", "Files", "Means", "What to do", "First upload", "Last upload")


def _reason_rows(rows: Sequence[Row]) -> Iterator[list[Cell]]:
    """The most frequent reason first; a newer warehouse may have written others than we know."""
    for row in sorted(rows, key=lambda row: -row["files"]):
        reason = REASONS.get(row["reason"])
        yield [
            Cell(tag("code", row["reason"]), kind="term"),
            figure(words.number(row["files"]), row["files"]),
            Cell(_prose(reason.meaning if reason else "-"), kind="text"),
            Cell(_prose(reason.remedy if reason and reason.remedy != NO_REMEDY else "-"), kind="text"),
            _day(row["first_upload"]),
            _day(row["last_upload"]),
        ]


def _prose(text: str) -> Markup:
    """A sentence in which what stands between backquotes is a name."""
    return join([tag("code", part) if place % 2 else part for place, part in enumerate(text.split("`"))])


_COUNTED = ("listed", "known", "loaded", "present", "quarantined", "deferred", "ignored")
_RUN_COLUMNS = ("Started", "Exit code", "Took", *(name.capitalize() for name in _COUNTED))


def _run_row(row: Row) -> list[Cell]:
    code, seconds = row["exit_code"], row["seconds"]
    end = tag("span", f"{code} {ENDS.get(code, '')}".strip(), class_="end good" if code == 0 else "end bad")
    return [
        Cell(words.moment(row["started"]), row["started"].timestamp(), "term"),
        Cell(end, code, "term"),
        figure(words.duration(seconds), seconds),
        *(figure(words.number(row[name]), row[name]) for name in _COUNTED),
    ]
