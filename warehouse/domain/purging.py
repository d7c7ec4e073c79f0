"""What `warehouse cloud purge` may delete, and how much that is: decided before the first object goes.

A prefix is a whole folder: `training/ct/P1` would take P10 too. The claims of patients and the catalog are
taken only as a whole, or key by key: a claim that is gone lets its patient be assigned anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from warehouse.errors import SettingsError

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
AT_ONCE = 1000

# Amazon S3 user guide, "Naming Amazon S3 objects".
LONGEST_KEY = 1024

# XML 1.0, production 2 (Char): what else a key may hold, no document can.
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# To be named exactly, or key by key.
EXACTLY = ("assignments/", "catalog/")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or a delete marker, which has no bytes."""

    key: str = field(repr=False)
    id: str
    size: int = 0
    marker: bool = False


@dataclass(slots=True)
class Count:
    """What was found; `objects` counts the keys of versions and markers that come sorted by key."""

    objects: int = 0
    versions: int = 0
    markers: int = 0
    size: int = 0
    _last: str | None = field(default=None, repr=False)

    def add(self, version: Version) -> None:
        """Take one version or marker; those of a key come together."""
        self.objects += version.key != self._last
        self._last = version.key
        self.versions += not version.marker
        self.markers += version.marker
        self.size += version.size

    @property
    def total(self) -> int:
        """What is deleted: versions and markers alike. The number to be typed."""
        return self.versions + self.markers

    def __str__(self) -> str:
        return (
            f"{self.objects:,} keys: {self.versions:,} versions with {self.size:,} bytes, "
            f"{self.markers:,} delete markers"
        )


def require_prefix(prefix: str) -> str:
    """The prefix, if all under it may be deleted. Raises SettingsError."""
    if not prefix.strip("/"):
        raise SettingsError("that is the whole bucket, which is not purged: name a folder in it")
    if not prefix.endswith("/"):
        raise SettingsError(
            "a prefix ends in a slash, or it would take what merely begins like it; single objects go into a "
            "file for --keys"
        )
    inside = next((area for area in EXACTLY if prefix.startswith(area) and prefix != area), None)
    if inside is not None:
        raise SettingsError(f"under {inside} only {inside} itself, or single keys (--keys), can be purged")
    return prefix


def read_keys(text: str) -> list[str]:
    """The keys of a list, one a line; blank lines and a byte order mark are skipped. Raises SettingsError."""
    keys = dict.fromkeys(line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n"))
    keys.pop("", None)
    if not keys:
        raise SettingsError("--keys: the file names no key")
    long = next((number for number, key in enumerate(keys, 1) if len(key.encode()) > LONGEST_KEY), None)
    if long is not None:
        raise SettingsError(f"--keys: key {long} is longer than the {LONGEST_KEY:,} bytes that S3 knows")
    folder = next((number for number, key in enumerate(keys, 1) if key.endswith("/*")), None)
    if folder is not None:
        raise SettingsError(f"--keys: key {folder} is a pattern; name a folder as PREFIX instead")
    return list(keys)


def batches(versions: Iterable[Version]) -> Iterator[list[Version]]:
    """As many versions together as one request may name."""
    source = iter(versions)
    while some := list(islice(source, AT_ONCE)):
        yield some


def fits_xml(key: str) -> bool:
    """Whether a request can name the key in a document. One that cannot spoils the whole document.

    >>> fits_xml("raw-a/x\\x01")
    False
    """
    return _NO_XML.search(key) is None


def require_count(typed: str, count: Count) -> None:
    """Raise SettingsError unless the count was typed."""
    if typed.strip().replace(",", "") != str(count.total):
        raise SettingsError(f"nothing was deleted: the count is {count.total}, and something else was typed")
