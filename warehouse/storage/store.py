"""What every store can do: seven verbs. A store never overwrites and never deletes.

Keys are `/`-separated UTF-8 strings without a leading slash. Errors are those of `warehouse.errors`;
each store translates its own in one place. What stands at a key and is no object, such as a link in a
folder, is never read, followed or replaced: a NotFound is then Occupied, and a write raises it too. Every
store is safe to use from many threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from warehouse.domain.records import ObjectInfo


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of one object from `start`, and what the object was when they were read."""

    data: bytes
    start: int
    info: ObjectInfo


@runtime_checkable
class Store(Protocol):
    """The verbs. `location` is how a person names the store (`s3://bucket`, a folder's path)."""

    @property
    def location(self) -> str: ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object whose key begins with `prefix`, in the byte order of the whole UTF-8 key.

        A listing that cannot be finished raises; what it yielded before is never the whole.
        Symbolic links are yielded with `defect="link"` and not followed; on a folder, empty
        directories are not objects.
        """
        ...

    def list_folders(self, prefix: str = "") -> Iterator[str]:
        """Yield the names (without slash) of the folders directly under `prefix` (empty or ending in `/`)."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """Describe one object. Raises NotFound."""
        ...

    def read(self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None) -> Chunk:
        """Read `length` bytes (to the end if None) from `start`; fewer where the object ends sooner.

        An empty object, or a start at or past the end, gives no bytes and is no fault. With `etag`, raises
        Changed unless the object is still that version. Raises NotFound, Archived, Forbidden, StoreFault.
        """
        ...

    def create(self, key: str, data: bytes) -> ObjectInfo:
        """Write a new object, whole or not at all. Raises AlreadyExists and leaves the old bytes."""
        ...

    def copy(self, source: ObjectInfo, target: str) -> ObjectInfo:
        """Copy the version `source` (key, size and etag) to `target`, which must not exist.

        Server-side where there is a server. The target appears whole or not at all and shares no
        storage with the source that a later change to either could show through. Raises
        AlreadyExists, Changed (the source is another version now), NotFound (the source is gone), Archived.
        """
        ...

    def same_bytes(self, first: ObjectInfo, second: ObjectInfo) -> bool:
        """Tell whether two objects hold the same bytes: sizes, then full-object checksums where both
        are known to be such, else a streamed comparison in bounded memory."""
        ...

    def close(self) -> None:
        """Give back connections; idempotent."""
        ...
