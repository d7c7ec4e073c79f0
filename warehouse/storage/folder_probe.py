"""Tries what a folder's file system can do, in the store's own work area, where nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass

from warehouse.storage.folder import FolderStore
from warehouse.storage.folder_paths import folder
from warehouse.storage.translate import of_os


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at one of the root's names: `kind` is folder, link, other or absent.

    `here` where it is of the root's own file system.
    """

    kind: str
    writable: bool = True
    here: bool = True


@dataclass(frozen=True, slots=True)
class Tried:
    """What the file system did: `links` where a second name was given, `once` where one that was taken was
    refused, `tells_cases` where a name in capitals is another one. `changed` is a new file's time, in
    seconds since 1970."""

    links: bool
    once: bool
    tells_cases: bool
    changed: float


class FolderProbe(FolderStore):
    """A folder that is tried."""

    def place(self, name: str) -> Place:
        """What stands directly under the root. Raises StoreError."""
        try:
            with folder(self._root, ()) as root:
                try:
                    status = os.stat(name, dir_fd=root, follow_symlinks=False)
                except FileNotFoundError:
                    return Place("absent", writable=_writable(".", root))
                here = status.st_dev == os.fstat(root).st_dev
                if stat.S_ISLNK(status.st_mode):
                    return Place("link")
                if not stat.S_ISDIR(status.st_mode):
                    return Place("other")
                return Place("folder", _writable(name, root), here)
        except OSError as error:
            raise of_os("check", name, error) from None

    def tried(self) -> Tried:
        """Make files and names in the work area, and take them away again. Raises StoreError."""
        with ExitStack() as held:
            try:
                area, name, descriptor = held.enter_context(self._scratch())
                second = f"{name}-again"
                links = _links(area, name, second)
                held.callback(_remove, area, second)
                return Tried(
                    links,
                    once=links and not _links(area, name, second),
                    tells_cases=not _stands(area, name.upper()),
                    changed=os.fstat(descriptor).st_mtime,
                )
            except OSError as error:
                raise of_os("create", "", error) from None

    def free(self) -> tuple[int, int]:
        """Bytes and files that the file system has room for. Raises StoreError."""
        try:
            with folder(self._root, ()) as root:
                status = os.statvfs(root)
        except OSError as error:
            raise of_os("check", "", error) from None
        # Some file systems do not count files, and say 0 of 0.
        return status.f_bavail * status.f_frsize, status.f_favail if status.f_files else -1


def _writable(name: str, root: int) -> bool:
    return os.access(
        name, os.W_OK | os.X_OK, dir_fd=root, effective_ids=os.access in os.supports_effective_ids
    )


def _links(area: int, name: str, second: str) -> bool:
    """Whether a file could be given a second name."""
    try:
        os.link(name, second, src_dir_fd=area, dst_dir_fd=area, follow_symlinks=False)
    except OSError:
        return False
    return True


def _stands(area: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=area, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _remove(area: int, name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=area)
