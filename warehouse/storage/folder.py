"""A folder as a store: nothing outside the root is touched, no link is followed, no file is replaced.

A new file is written in a work area, flushed, and linked into place, which fails where something stands: it
appears whole or not at all. Copies are copies of bytes, never hard links; where the file system can share
blocks until one side changes, the kernel does so.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from warehouse.domain.records import ObjectInfo
from warehouse.errors import AlreadyExists, Changed, StoreUnavailable
from warehouse.storage import folder_listing
from warehouse.storage.compare import same_stream
from warehouse.storage.folder_paths import (
    WORK_AREA,
    etag_of,
    folder,
    info_of,
    regular_file,
    require_regular,
    segments_of,
    unusable,
)
from warehouse.storage.prefixes import check_folder_prefix
from warehouse.storage.store import Chunk
from warehouse.storage.translate import of_os

BLOCK = 1024 * 1024
# At a file in the work area, which others may remove at any moment.
ATTEMPTS = 100

_NO_WORK_AREA = "what stands at .warehouse-tmp in the folder is no folder itself: put it aside"

_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW

# What kernels and file systems answer that cannot copy a range by themselves (copy_file_range(2)).
_NO_RANGE_COPY = frozenset({errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM})


class FolderStore:
    """The files under `root`. An ETag is a file's size and time of change in nanoseconds."""

    # Of new files and folders, less what the process's umask takes away.
    _file_mode = 0o666
    _folder_mode = 0o777

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = Path(os.path.abspath(root))

    @property
    def location(self) -> str:
        return str(self._root)

    def check(self) -> None:
        """Look whether the folder can be read. Raises StoreUnavailable."""
        try:
            with folder(self._root, ()) as root, os.scandir(root) as entries:
                next(entries, None)
        except OSError as error:
            raise StoreUnavailable("check", cause=unusable(error)) from None

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        with _translated("list", ""):
            yield from folder_listing.walk(self._root, prefix)

    def list_folders(self, prefix: str = "") -> Iterator[str]:
        check_folder_prefix(prefix)
        with _translated("list_folders", ""):
            yield from folder_listing.folder_names(self._root, prefix)

    def head(self, key: str) -> ObjectInfo:
        segments = segments_of("head", key)
        with _translated("head", key), folder(self._root, segments[:-1]) as parent:
            status = os.stat(segments[-1], dir_fd=parent, follow_symlinks=False)
            require_regular(status)
            return info_of(key, status)

    def read(self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None) -> Chunk:
        with self._opened("read", key) as (descriptor, status):
            _require_version("read", key, etag, status)
            wanted = max(status.st_size - start, 0)
            data = _read(descriptor, start, wanted if length is None else min(length, wanted))
            _require_version("read", key, etag, os.fstat(descriptor))
            return Chunk(data, start, info_of(key, status))

    def create(self, key: str, data: bytes) -> ObjectInfo:
        return self._place("create", key, lambda descriptor: _write(descriptor, data, 0))

    def create_from(self, key: str, blocks: Iterable[bytes]) -> ObjectInfo:
        """Write a new file a block at a time, whole or not at all; no part of the protocol.

        What `blocks` raises is passed on, and then there is no file. Raises AlreadyExists.
        """

        def fill(descriptor: int) -> None:
            offset = 0
            for block in blocks:
                _write(descriptor, block, offset)
                offset += len(block)

        return self._place("create", key, fill)

    def copy(self, source: ObjectInfo, target: str) -> ObjectInfo:
        with self._opened("copy", source.key) as (descriptor, status):
            _require_version("copy", source.key, source.etag, status)

            def fill(copy: int) -> None:
                _copy(descriptor, copy, status.st_size)
                # A file that is edited in place while it is copied is two versions in one.
                _require_version("copy", source.key, source.etag, os.fstat(descriptor))

            return self._place("copy", target, fill)

    def same_bytes(self, first: ObjectInfo, second: ObjectInfo) -> bool:
        return same_stream(self, first, second)

    def close(self) -> None:
        """Leave no empty work area behind; another loader makes its own again."""
        with contextlib.suppress(OSError, StoreUnavailable), folder(self._root, ()) as root:
            os.rmdir(WORK_AREA, dir_fd=root)

    @contextmanager
    def _opened(self, operation: str, key: str) -> Iterator[tuple[int, os.stat_result]]:
        segments = segments_of(operation, key)
        with _translated(operation, key), regular_file(self._root, segments) as opened:
            yield opened

    def _place(self, operation: str, key: str, fill: Callable[[int], None]) -> ObjectInfo:
        """Let `fill` write a new file, and put it where the key says."""
        segments = segments_of(operation, key)
        with _translated(operation, key):
            self._refuse_existing(operation, key, segments)
            with self._scratch() as (area, name, descriptor):
                fill(descriptor)
                os.fsync(descriptor)
                status = os.fstat(descriptor)
                with folder(self._root, segments[:-1], make=self._folder_mode) as parent:
                    os.link(name, segments[-1], src_dir_fd=area, dst_dir_fd=parent, follow_symlinks=False)
                    os.fsync(parent)
        return info_of(key, status)

    def _refuse_existing(self, operation: str, key: str, segments: tuple[bytes, ...]) -> None:
        """Save the work where the answer is known; the link into place is what decides."""
        try:
            with folder(self._root, segments[:-1]) as parent:
                status = os.stat(segments[-1], dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return
        require_regular(status)
        raise AlreadyExists(operation, key)

    @contextmanager
    def _scratch(self) -> Iterator[tuple[int, str, int]]:
        """A new file in the work area: the area's descriptor, the file's name and its descriptor."""
        name = uuid.uuid4().hex
        with ExitStack() as held:
            area, descriptor = self._new_scratch_file(name, held)
            try:
                yield area, name, descriptor
            finally:
                os.close(descriptor)
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=area)

    def _new_scratch_file(self, name: str, held: ExitStack) -> tuple[int, int]:
        for _ in range(ATTEMPTS):
            with ExitStack() as attempt:
                try:
                    area = attempt.enter_context(folder(self._root, (WORK_AREA,), make=self._folder_mode))
                    descriptor = os.open(name, _NEW_FILE, self._file_mode, dir_fd=area)
                except FileNotFoundError:
                    # Another loader, at its end, removed the empty area meanwhile.
                    continue
                except OSError as error:
                    if error.errno in (errno.ELOOP, errno.ENOTDIR):
                        raise StoreUnavailable("create", cause=_NO_WORK_AREA) from None
                    raise
                held.enter_context(attempt.pop_all())
                return area, descriptor
        raise OSError(errno.EIO, "this file system makes no work area, and does not say so")


@contextmanager
def _translated(operation: str, key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise of_os(operation, key, error) from None


def _require_version(operation: str, key: str, etag: str | None, status: os.stat_result) -> None:
    if etag is not None and etag != etag_of(status):
        raise Changed(operation, key)


def _read(descriptor: int, start: int, length: int) -> bytes:
    """Read until the length or the end: one `pread` may give less (at most 2 GiB on Linux)."""
    data = os.pread(descriptor, length, start)
    if len(data) == length:
        return data
    parts = [data]
    got = len(data)
    while got < length and (data := os.pread(descriptor, length - got, start + got)):
        parts.append(data)
        got += len(data)
    return b"".join(parts)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view = view[written:]
        offset += written


def _copy(source: int, target: int, size: int) -> None:
    """Copy inside the kernel as far as it can, and what is left through memory."""
    done = _copy_range(source, target, size) if sys.platform == "linux" else 0
    while block := os.pread(source, BLOCK, done):
        _write(target, block, done)
        done += len(block)


def _copy_range(source: int, target: int, size: int) -> int:
    done = 0
    try:
        while done < size and (copied := os.copy_file_range(source, target, size - done, done, done)):
            done += copied
    except OSError as error:
        if error.errno not in _NO_RANGE_COPY:
            raise
    return done
