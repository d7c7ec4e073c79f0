"""A manifest: the images of a cohort by their keys, and what gave them, so that it can be made again.

The same condition on the same version of the same catalog gives the same bytes. Whoever reads a manifest
trusts none of it: a line that is no image's, or that was lost, added or changed, is found before it is used.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from warehouse.domain.cells import cell
from warehouse.domain.csv_lines import line
from warehouse.domain.keys import ImageKey, standing_image
from warehouse.domain.records import Group
from warehouse.errors import SettingsError

FORMAT = "1"
COLUMNS = (
    *("key", "size", "etag", "group", "type", "patient"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
)
MAXIMUM_LINE = 16_384

Part = Literal["images", "metadata", "clinical"]
PARTS: tuple[Part, ...] = ("images", "metadata", "clinical")

_COUNT = re.compile(r"[0-9]{1,18}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Origin(NamedTuple):
    """What gave a cohort: `tables` is `catalog` or the set that was asked, `version` the catalog's."""

    bucket: str
    tables: str
    catalog: str
    version: int
    where: str
    tool: str


class Entry(NamedTuple):
    """An image of a cohort: bytes and ETag as they were when it was loaded; `place` is what its key says."""

    key: str
    size: int
    etag: str
    place: ImageKey

    @property
    def folder(self) -> tuple[Group, str]:
        """The set and the folder of its patient."""
        return self.place.group, self.place.folder


@dataclass(frozen=True, slots=True)
class Header:
    """What a manifest says of itself: `images` and `bytes` are counts, `sha256` is of its rows and of `said`,
    the lines before that of the digest."""

    bucket: str
    images: int
    bytes: int
    sha256: str
    said: str


class Digest:
    """Counts the rows of a manifest as they pass, the line of the columns' names among them."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self.images = 0
        self.bytes = 0

    def sha256(self, said: str) -> str:
        """The digest of the rows, and then of what the manifest says of itself."""
        whole = self._sha256.copy()
        whole.update(said.encode())
        return whole.hexdigest()

    def names(self) -> str:
        """The line of the columns' names."""
        return self._passed(line(COLUMNS))

    def row(self, values: Sequence[Any]) -> str:
        """The line of an image's values, in the order of COLUMNS."""
        self.images += 1
        self.bytes += values[1] or 0
        # The key is what is fetched, so it stands as it is; it begins with the name of a set.
        return self._passed(line([values[0], *map(cell, values[1:])]))

    def read(self, text: bytes, size: int | None = None) -> None:
        """Count a line that was read; `size` is that of its image."""
        self._sha256.update(text)
        if size is not None:
            self.images += 1
            self.bytes += size

    def _passed(self, text: str) -> str:
        self._sha256.update(text.encode())
        return text


def header(origin: Origin, rows: Digest) -> str:
    """The lines before the rows."""
    fields = {
        "warehouse cohort": FORMAT,
        "bucket": origin.bucket,
        "tables": origin.tables,
        "catalog": origin.catalog,
        "catalog version": origin.version,
        "where": origin.where,
        "tool version": origin.tool,
        "images": rows.images,
        "bytes": rows.bytes,
    }
    said = "".join(_field(name, value) for name, value in fields.items())
    return said + _field("sha256", rows.sha256(said))


def require_to_fit(origin: Origin) -> None:
    """Raise SettingsError where a condition makes a longer line than is read again."""
    if len(_field("where", origin.where).encode()) > MAXIMUM_LINE:
        raise SettingsError(
            f"the condition is longer than a manifest holds: {MAXIMUM_LINE:,} bytes in one line"
        )


def _field(name: str, value: object) -> str:
    return f"# {name}: {_in_one_line(str(value))}\n"


def read(lines: Iterable[bytes]) -> tuple[Header, Iterator[Entry]]:
    """The header of a manifest, and its images as they are read, sorted by key.

    Both raise SettingsError for what is no manifest; the images do so at their end too, where rows were lost,
    added or changed.
    """
    numbered = enumerate(lines, 1)
    found = _read_header(numbered)
    return found, _read_entries(found, numbered)


def _read_header(numbered: Iterator[tuple[int, bytes]]) -> Header:
    fields: dict[str, str] = {}
    said = ""
    for number, text in numbered:
        name, separator, value = _text(number, text).removesuffix("\n").removeprefix("# ").partition(": ")
        if not text.startswith(b"# ") or not separator or name in fields:
            raise _damaged(number)
        fields[name] = value
        if name == "sha256":
            break
        said += text.decode()
    if fields.get("warehouse cohort") != FORMAT or "sha256" not in fields:
        raise SettingsError("that is no manifest of a cohort that this version can read")
    counts = [fields.get(name, "") for name in ("images", "bytes")]
    if not all(map(_COUNT.fullmatch, counts)) or not _SHA256.fullmatch(fields["sha256"]):
        raise _damaged(len(fields))
    bucket = fields.get("bucket", "")
    return Header(_as_it_was(bucket), int(counts[0]), int(counts[1]), fields["sha256"], said)


def _read_entries(found: Header, numbered: Iterator[tuple[int, bytes]]) -> Iterator[Entry]:
    rows = Digest()
    number, names = next(numbered, (0, b""))
    if names != line(COLUMNS).encode():
        raise _damaged(number)
    rows.read(names)
    last = b""
    for number, text in numbered:
        entry = _entry(number, text)
        if entry.key.encode() <= last:
            raise _damaged(number)
        last = entry.key.encode()
        rows.read(text, entry.size)
        yield entry
    if (rows.images, rows.bytes, rows.sha256(found.said)) != (found.images, found.bytes, found.sha256):
        raise SettingsError(
            "the manifest is damaged: its lines are not those that were written; make it anew"
        )


def _entry(number: int, text: bytes) -> Entry:
    try:
        (cells,) = csv.reader([_text(number, text)], strict=True)
    except (csv.Error, ValueError):
        raise _damaged(number) from None
    place = standing_image(cells[0]) if len(cells) == len(COLUMNS) else None
    if place is None or not _COUNT.fullmatch(cells[1]):
        raise _damaged(number)
    return Entry(cells[0], int(cells[1]), cells[2], place)


def _text(number: int, text: bytes) -> str:
    if len(text) > MAXIMUM_LINE:
        raise _damaged(number)
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise _damaged(number) from None


def _damaged(number: int) -> SettingsError:
    return SettingsError(f"the manifest is damaged in line {number}: make it anew")


def _in_one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text, ensure_ascii=False)


def _as_it_was(text: str) -> str:
    """Undo `_in_one_line` for text that never begins with a quotation mark by itself."""
    try:
        return str(json.loads(text)) if text.startswith('"') else text
    except ValueError:
        return text
