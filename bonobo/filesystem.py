"""`open_fs`: files under one root, on this machine or elsewhere, for the service `fs` of readers and writers.

A path never leads out of its root. What files are and where they lie is fsspec's business.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from bonobo.errors import UsageError
from bonobo.text import printable

if TYPE_CHECKING:
    from fsspec.implementations.dirfs import DirFileSystem

_LOCAL = ("file", "local", "osfs")
"""Protocols of folders on this machine; `osfs` is what Bonobo 0.6 called them."""


class OutsideRoot(ValueError):
    """A path leads out of the root of its file system."""

    def __init__(self) -> None:
        super().__init__("the path leads out of the root of its file system")


class FileSystem:
    """Files under one root; paths are relative to it, with `/` between their parts.

    `files` is the fsspec file system behind it, for what has no method here. `folder` is the root where that
    is on this machine: no symbolic link leads out of it either. Paths that do are an OutsideRoot, a
    ValueError, with every method.
    """

    def __init__(self, files: DirFileSystem, folder: str | None = None) -> None:
        self.files = files
        self._folder = folder

    def open(
        self,
        path: str | os.PathLike[str],
        mode: str = "r",
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = "",
        **options: Any,
    ) -> IO[Any]:
        """Open a file as the built-in `open` does; text is UTF-8, and its line ends are kept as they are.

        `options` are those of fsspec, as `compression="infer"`. Raises OutsideRoot and OSError.
        """
        if "b" not in mode:
            options |= {"encoding": encoding or "utf-8", "errors": errors, "newline": newline}
        opened: IO[Any] = self.files.open(self._inside(path), mode, **options)
        return opened

    def exists(self, path: str | os.PathLike[str]) -> bool:
        """Tell whether there is a file or a folder at a path."""
        return bool(self.files.exists(self._inside(path)))

    def isfile(self, path: str | os.PathLike[str]) -> bool:
        """Tell whether there is a file at a path."""
        return bool(self.files.isfile(self._inside(path)))

    def isdir(self, path: str | os.PathLike[str]) -> bool:
        """Tell whether there is a folder at a path."""
        return bool(self.files.isdir(self._inside(path)))

    def listdir(self, path: str | os.PathLike[str] = ".") -> list[str]:
        """Give the names of what is in a folder, sorted."""
        names = self.files.ls(self._inside(path), detail=False)
        return sorted(posixpath.basename(name.rstrip("/")) for name in names)

    def makedirs(self, path: str | os.PathLike[str]) -> None:
        """Make a folder and those above it, where they are not there already."""
        self.files.makedirs(self._inside(path), exist_ok=True)

    def remove(self, path: str | os.PathLike[str]) -> None:
        """Remove a file."""
        self.files.rm_file(self._inside(path))

    def close(self) -> None:
        """Do nothing: each file is closed by whoever opened it."""

    def __enter__(self) -> FileSystem:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _inside(self, path: str | os.PathLike[str]) -> str:
        """Give a path without its `.` and `..`; "" is the root. A leading `/` is the root too."""
        clean = posixpath.normpath(os.fspath(path).lstrip("/") or ".")
        if clean == ".." or clean.startswith("../"):
            raise OutsideRoot
        if self._folder is not None:
            root = os.path.realpath(self._folder)
            if os.path.commonpath([root, os.path.realpath(os.path.join(root, clean))]) != root:
                raise OutsideRoot
        return "" if clean == "." else clean

    def __repr__(self) -> str:
        # A root may hold the name of a bucket or a person.
        return f"<FileSystem {type(self.files.fs).__name__}>"


def open_fs(
    fs_url: str | os.PathLike[str] | None = None,
    *,
    create: bool = False,
    writeable: bool = False,
    **options: Any,
) -> FileSystem:
    """Give the files under a folder (the working directory where none is named), or under a URL.

    `~` stands for the home directory. URLs are those of fsspec, as `memory://name` and `s3://bucket/prefix`;
    some need a library more, as `s3fs`, and `options` go to it. `create` makes a folder that is missing.
    With `writeable` a local folder that cannot be written is refused now, not later.
    Raises UsageError for a folder that is not there or cannot be made, an unknown protocol, a missing library
    or option, and what cannot be opened.

    >>> import bonobo
    >>> fs = bonobo.open_fs("memory://examples/open_fs")
    >>> with fs.open("greeting.txt", "w") as file:
    ...     _ = file.write("Hello")
    >>> fs.listdir(), fs.open("greeting.txt").read()
    (['greeting.txt'], 'Hello')
    """
    from fsspec.core import url_to_fs
    from fsspec.implementations.dirfs import DirFileSystem

    url = os.fspath("." if fs_url is None else fs_url)
    protocol, separator, rest = url.partition("://")
    if not separator or protocol in _LOCAL:
        if options:
            raise TypeError(f"a local folder takes no option {', '.join(sorted(options))}")
        root = _folder(rest if separator else url, create=create, writeable=writeable)
        # Under a root that ends in a slash, names of files would begin with two.
        return FileSystem(DirFileSystem("/." if root == "/" else root, url_to_fs(root)[0]), folder=root)
    try:
        files, root = url_to_fs(url, **options)
        if create:
            files.makedirs(root, exist_ok=True)
    except Exception as error:
        # The URL may hold a password, and the error the URL.
        raise UsageError(f"open_fs cannot open {printable(protocol)}://: {_remedy(error)}") from error
    return FileSystem(DirFileSystem(root or "/", files))


def _remedy(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    remedies = (remedy for kind, remedy in _REMEDIES.items() if isinstance(error, kind))
    return next(remedies, type(error).__name__)


_REMEDIES: Mapping[type[Exception], str] = {
    ImportError: "install the library that fsspec has for it",
    TypeError: "give the options that fsspec needs for it, and no others",
    ValueError: "name a protocol and a place that fsspec has",
}


def _folder(path: str, *, create: bool, writeable: bool) -> str:
    root = os.path.abspath(os.path.expanduser(path))
    if create:
        try:
            os.makedirs(root, exist_ok=True)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
            raise UsageError(f"open_fs: the folder {path!r} cannot be made: {reason}") from None
    if not os.path.isdir(root):
        raise UsageError(f"open_fs: there is no folder {path!r}; name another, or give create=True")
    if writeable and not os.access(root, os.W_OK):
        raise UsageError(f"open_fs: the folder {path!r} cannot be written to")
    return root
