"""Which files of a table are put together: many small ones, into few large ones, each file once.

What a rewriting costs is bounded by what is small; a file that became large is never rewritten again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MEBIBYTE = 1024 * 1024

# On S3 each file costs a reader several requests, one after the other.
MANY = 32
# What is put together is a little smaller than its parts were: one that is full does not count as small.
SMALL = 32 * MEBIBYTE
LARGE = 64 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a table: its path in the table's folder, and its size in bytes."""

    path: str
    size: int


def to_put_together(
    files: Iterable[DataFile], *, many: int = MANY, small: int = SMALL, large: int = LARGE
) -> list[list[DataFile]]:
    """Groups of small files, in the order given, each to become one file of at most about `large` bytes.

    Empty while no more than `many` small files stand. `small` and `large` are bytes.
    """
    found = [file for file in files if file.size < small]
    if len(found) <= many:
        return []
    groups: list[list[DataFile]] = [[]]
    room = large
    for file in found:
        if file.size > room and groups[-1]:
            groups.append([])
            room = large
        groups[-1].append(file)
        room -= file.size
    return [group for group in groups if len(group) > 1]
