"""What an S3 Inventory says, read strictly: a row that cannot be understood is refused, never guessed at.

Where its parts lie in `<bucket>-inventory` (Amazon S3 User Guide, "Locating your inventory list")::

    <bucket>/daily-full-inventory/hive/dt=<YYYY-MM-DD-HH-MM>/symlink.txt     names the files, one a line
    <bucket>/daily-full-inventory/<YYYY-MM-DDTHH-MMZ>/manifest.json          names their columns
    <bucket>/daily-full-inventory/data/<uuid>.csv.gz, <uuid>.parquet         the rows, one an object

No message holds a key: it may hold a patient's identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from warehouse.domain import strict_json
from warehouse.domain.records import ObjectInfo
from warehouse.errors import InventoryError

CONFIGURATION = "daily-full-inventory"

# Clocks differ; an inventory from further ahead would never grow too old.
AHEAD = timedelta(hours=1)

# The columns that are used, by their names in Parquet. In CSV they are spelled LastModifiedDate and so on
# (User Guide, "Amazon S3 Inventory list"): without case and underscores both are one.
REQUIRED = ("bucket", "key", "size", "last_modified_date")
OPTIONAL = (
    "e_tag",
    "is_latest",
    "is_delete_marker",
    "storage_class",
    "intelligent_tiering_access_tier",
)
WITHOUT_MANIFEST = ("Bucket", "Key", "Size", "LastModifiedDate")

# What must be restored before it can be read.
ARCHIVED_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
ARCHIVED_TIERS = frozenset({"ARCHIVE", "DEEP_ARCHIVE"})

_TAKEN = re.compile(r"dt=([0-9]{4})-([0-9]{2})-([0-9]{2})-([0-9]{2})-([0-9]{2})")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_NOT_ESCAPED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FLAGS: Mapping[Any, bool] = {"true": True, "false": False, True: True, False: False}


@dataclass(frozen=True, slots=True)
class Edition:
    """One inventory of a bucket. `taken` is when its making began; what came later it does not know."""

    bucket: str
    taken: datetime

    @property
    def symlink(self) -> str:
        """The key of the list of its files."""
        return f"{hive_prefix(self.bucket)}dt={self.taken:%Y-%m-%d-%H-%M}/symlink.txt"

    @property
    def manifests(self) -> tuple[str, str]:
        """The keys under which its manifest may lie: where AWS puts it, and beside the list of its files."""
        beside = self.symlink.removesuffix("symlink.txt") + "manifest.json"
        return f"{self.bucket}/{CONFIGURATION}/{self.taken:%Y-%m-%dT%H-%MZ}/manifest.json", beside


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column of a row holds what: `places` by the names of REQUIRED and OPTIONAL.

    `encoded` where keys are URL-encoded, a space as `+`, as they are in CSV and not in Parquet.
    """

    bucket: str
    width: int
    places: Mapping[str, int] = field(repr=False)
    encoded: bool


def place_of(bucket: str) -> str:
    """The bucket in which the inventory of a bucket stands; a folder's stands in a folder beside it."""
    return f"{bucket}-inventory"


def hive_prefix(bucket: str) -> str:
    """The prefix under which the editions of a bucket's inventory lie."""
    return f"{bucket}/{CONFIGURATION}/hive/"


def taken(name: str) -> datetime | None:
    """When the inventory of a folder `dt=<YYYY-MM-DD-HH-MM>` was begun (UTC); None for any other name.

    >>> taken("dt=2024-02-29-01-00")
    datetime.datetime(2024, 2, 29, 1, 0, tzinfo=datetime.timezone.utc)
    """
    match = _TAKEN.fullmatch(name)
    if match is None:
        return None
    year, month, day, hour, minute = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None


def latest(keys: Iterable[str], bucket: str) -> Edition | None:
    """The latest edition that is whole: one whose `symlink.txt`, which is written last, is among the keys."""
    prefix = hive_prefix(bucket)
    found = (
        taken(key[len(prefix) :].removesuffix("/symlink.txt"))
        for key in keys
        if key.startswith(prefix) and key.endswith("/symlink.txt")
    )
    newest = max((moment for moment in found if moment is not None), default=None)
    return None if newest is None else Edition(bucket, newest)


def require_fresh(edition: Edition, now: datetime, maximum: timedelta) -> None:
    """Refuse an edition that is too old, or from the future. Raises InventoryError."""
    age = now - edition.taken
    name = f"the latest inventory, of {edition.taken:%Y-%m-%d %H:%M} UTC,"
    if age > maximum:
        raise InventoryError(
            f"{name} is {hours(age)} hours old, and more than {hours(maximum)} are not allowed: see why none "
            "came since, allow more by --inventory-max-age, or load without --inventory"
        )
    if -age > AHEAD:
        raise InventoryError(f"{name} lies in the future: check the clock, or load without --inventory")


def hours(span: timedelta) -> str:
    """A span of time in hours, for a person.

    >>> hours(timedelta(minutes=90)), hours(timedelta(days=2))
    ('1.5', '48')
    """
    return f"{span / timedelta(hours=1):.1f}".removesuffix(".0")


def data_files(symlink: bytes, bucket: str) -> list[str]:
    """The keys in `bucket` that a `symlink.txt` names; blank lines are skipped. Raises InventoryError."""
    try:
        lines = symlink.decode().split("\n")
    except UnicodeDecodeError:
        raise InventoryError("symlink.txt is not UTF-8") from None
    files: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        scheme, _, rest = line.strip().partition("://")
        place, _, key = rest.partition("/")
        if scheme != "s3" or not place or not key:
            raise InventoryError(f"symlink.txt, line {number}, is not of the form s3://bucket/key")
        if place != bucket:
            raise InventoryError(f"symlink.txt, line {number}, names a file in another bucket than {bucket}")
        files[key] = None
    if not files:
        # The bucket holds at least its config.json: nobody's inventory of it is empty.
        raise InventoryError("symlink.txt names no file")
    return list(files)


def csv_layout(manifest: bytes | None, bucket: str) -> Layout:
    """The layout of CSV files, as the manifest says, or as AWS has it at least. Raises InventoryError."""
    names: Sequence[str] = WITHOUT_MANIFEST
    if manifest is not None:
        schema = _manifest(manifest, bucket).get("fileSchema")
        if not isinstance(schema, str):
            raise InventoryError("manifest.json has no fileSchema, which names the columns")
        names = [name.strip() for name in schema.split(",")]
    return layout(names, bucket, encoded=True)


def require_bucket(manifest: bytes, bucket: str) -> None:
    """Refuse the manifest of another bucket's inventory, and what is no manifest. Raises InventoryError."""
    _manifest(manifest, bucket)


def layout(names: Sequence[str], bucket: str, *, encoded: bool) -> Layout:
    """The layout of rows with these columns, in this order. Raises InventoryError."""
    plain = [_plain(name) for name in names]
    places = {name: plain.index(_plain(name)) for name in (*REQUIRED, *OPTIONAL) if _plain(name) in plain}
    missing = [name for name in REQUIRED if name not in places]
    if missing:
        raise InventoryError(
            f"there is no column {', '.join(missing)}: add it to the fields of the inventory"
        )
    if len(set(plain)) < len(plain):
        raise InventoryError("two columns have one name")
    return Layout(bucket, len(names), places, encoded)


def listed_object(row: Sequence[Any], layout: Layout, prefixes: tuple[str, ...]) -> ObjectInfo | None:
    """The object of a row; None for one that lies under no prefix, or that is not the latest version.

    Cells are texts, as CSV has them, or values, as Parquet has them. An inventory without ETags gives
    objects whose `etag` is empty. Raises InventoryError.
    """
    if len(row) != layout.width:
        raise InventoryError(f"there are {len(row)} columns where {layout.width} should be")
    places = layout.places
    if row[places["bucket"]] != layout.bucket:
        raise InventoryError(f"it is of another bucket than {layout.bucket}")
    key = row[places["key"]]
    if not key:
        raise InventoryError("there is no key")
    if layout.encoded:
        key = decoded(key)
    # Most rows end here: the sets are larger than what is raw.
    if not key.startswith(prefixes):
        return None
    cells = {name: row[place] for name, place in places.items()}
    if not _flag(cells, "is_latest", absent=True) or _flag(cells, "is_delete_marker", absent=False):
        return None
    return ObjectInfo(
        key,
        _size(cells["size"]),
        (cells.get("e_tag") or "").strip('"'),
        _moment(cells["last_modified_date"]),
        archived=cells.get("storage_class") in ARCHIVED_CLASSES
        or cells.get("intelligent_tiering_access_tier") in ARCHIVED_TIERS,
    )


def decoded(text: str) -> str:
    """Undo URL-encoding, with a space as `+`. Raises InventoryError for what nobody encoded so.

    >>> decoded("raw-a/a+b%2B%C3%BC%0A")
    'raw-a/a b+ü\\n'
    """
    if "+" not in text and "%" not in text:
        return text
    if _NOT_ESCAPED.search(text):
        raise InventoryError("the key is not URL-encoded")
    spaced = text.replace("+", " ").encode()
    try:
        return _ESCAPED.sub(lambda escape: bytes.fromhex(escape[1].decode()), spaced).decode()
    except UnicodeDecodeError:
        raise InventoryError("the key is not UTF-8") from None


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _manifest(data: bytes, bucket: str) -> Mapping[str, Any]:
    try:
        found = strict_json.loads(data)
    except ValueError:
        raise InventoryError("manifest.json is no JSON") from None
    if not isinstance(found, dict):
        raise InventoryError("manifest.json is no JSON object")
    if found.get("sourceBucket", bucket) != bucket:
        raise InventoryError(f"manifest.json is of the inventory of another bucket than {bucket}")
    return found


def _flag(cells: Mapping[str, Any], name: str, *, absent: bool) -> bool:
    value = cells.get(name)
    if value is None or value == "":
        return absent
    known = _FLAGS.get(value.lower() if isinstance(value, str) else value)
    if known is None:
        raise InventoryError(f"{name} is neither true nor false")
    return known


def _size(value: Any) -> int:
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and value >= 0:
        return value
    raise InventoryError("the size is no number of bytes")


def _moment(value: Any) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise InventoryError("the time of the last change is no time") from None
