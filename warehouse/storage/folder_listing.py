"""A folder's tree as a listing: in the byte order of the whole key, one folder in memory at a time."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from warehouse.domain.records import ObjectInfo
from warehouse.errors import StoreUnavailable
from warehouse.storage.folder_paths import WORK_AREA, folder, info_of, segments_of

# Files are described so many at a time, each batch under one opening of their folder.
BATCH = 1000

# A folder that was removed, or replaced by a file or a link, while its parent was being listed.
_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder on the way: its real names, the key that they print as, and whether that key leads back."""

    segments: tuple[bytes, ...]
    key: str
    addressable: bool = True


class _Name(NamedTuple):
    """A name in a folder. `order` is its place: as keys order, a folder is its name with a slash."""

    order: bytes
    name: bytes
    printed: str
    is_folder: bool


def walk(root: Path, prefix: str) -> Iterator[ObjectInfo]:
    """Yield every file under `root` whose key begins with `prefix`, links and odd names marked.

    Raises Unaddressable for a prefix that could lead out of the root, and OSError where a folder cannot
    be read: a part of a listing is not a listing.
    """
    start, begins = _start(prefix)
    _refuse_link(root, start)
    stack = [_items(root, start, begins)]
    while stack:
        item = next(stack[-1], None)
        if item is None:
            stack.pop()
        elif isinstance(item, ObjectInfo):
            yield item
        else:
            stack.append(_items(root, item, ""))


def folder_names(root: Path, prefix: str) -> Iterator[str]:
    """Yield the folders directly under `prefix` that hold at least one object, as S3 has no others."""
    start, _ = _start(prefix)
    _refuse_link(root, start)
    for name in _names(root, start, ""):
        if name.is_folder and name.printed.encode() == name.name:
            child = f"{prefix}{name.printed}/"
            if next(walk(root, child), None) is not None:
                yield name.printed


def _start(prefix: str) -> tuple[_Folder, str]:
    """The folder in which keys with this prefix lie, and how their names in it begin."""
    parent, slash, begins = prefix.rpartition("/")
    if not slash:
        return _Folder((), ""), begins
    return _Folder(segments_of("list", parent), parent + slash), begins


def _refuse_link(root: Path, start: _Folder) -> None:
    """A listing does not begin behind a link: not followed, it would pass for an empty folder."""
    try:
        with folder(root, start.segments):
            pass
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno == errno.ELOOP:
            said = "a symbolic link stands where a folder of the warehouse should: put the folder there"
            raise StoreUnavailable("list", start.key, said) from None
        if error.errno not in _VANISHED:
            raise


def _items(root: Path, where: _Folder, begins: str) -> Iterator[ObjectInfo | _Folder]:
    names = _names(root, where, begins)
    for first in range(0, len(names), BATCH):
        yield from _described(root, where, names[first : first + BATCH])


def _names(root: Path, where: _Folder, begins: str) -> list[_Name]:
    names: list[_Name] = []
    with _unless_vanished(), folder(root, where.segments) as descriptor, os.scandir(descriptor) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            printed = name.decode("utf-8", "backslashreplace")
            if printed.startswith(begins) and (where.segments or name != WORK_AREA):
                is_folder = entry.is_dir(follow_symlinks=False)
                order = (printed + "/" if is_folder else printed).encode()
                names.append(_Name(order, name, printed, is_folder))
    names.sort()
    return names


def _described(root: Path, where: _Folder, names: Sequence[_Name]) -> list[ObjectInfo | _Folder]:
    found: list[ObjectInfo | _Folder] = []
    with _unless_vanished(), folder(root, where.segments) as descriptor:
        for name in names:
            plain = where.addressable and name.printed.encode() == name.name
            if name.is_folder:
                below = (*where.segments, name.name)
                found.append(_Folder(below, f"{where.key}{name.printed}/", plain))
                continue
            with _unless_vanished():
                status = os.stat(name.name, dir_fd=descriptor, follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode):
                    found.append(_entry(where.key + name.printed, status, plain))
    return found


def _entry(key: str, status: os.stat_result, plain: bool) -> ObjectInfo:
    info = info_of(key, status)
    if stat.S_ISLNK(status.st_mode):
        return replace(info, defect="link")
    if not plain or not stat.S_ISREG(status.st_mode):
        return replace(info, defect="unaddressable")
    return info


@contextmanager
def _unless_vanished() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _VANISHED:
            raise
