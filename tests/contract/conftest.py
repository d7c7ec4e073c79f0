"""Every store behind one face, an uploader who replaces behind its back; and every catalog."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from warehouse.domain.records import ObjectInfo
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.counting import CountingStore
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.dryrun import DryRunStore
from warehouse.storage.folder import FolderStore
from warehouse.storage.memory import MemoryStore
from warehouse.storage.retry import RetryPolicy
from warehouse.storage.s3 import S3Store
from warehouse.storage.store import Store
from warehouse.testing import Faults, FaultyCatalog, FaultyStore

QUICK = RetryPolicy(attempts=4, seconds=20.0, base=0.001, cap=0.01)


@dataclass
class Subject:
    """A store under test. `upload` creates or replaces an object as an uploader does."""

    store: Store
    _upload: Callable[[str, bytes], object] = field(repr=False)
    _remove: Callable[[str], object] = field(repr=False)

    @property
    def dry(self) -> bool:
        return isinstance(self.store, DryRunStore)

    def upload(self, key: str, data: bytes) -> ObjectInfo:
        self._upload(key, data)
        return self.store.head(key)

    def remove(self, key: str) -> None:
        self._remove(key)


def upload_file(root: Path, key: str, data: bytes) -> None:
    """Write in place, as an editor does, and make the change visible in the file's time."""
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(data)
        file.truncate()
    if path.stat().st_mtime_ns <= before:
        os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


def memory(_: pytest.FixtureRequest) -> Subject:
    store = MemoryStore()
    return Subject(store, store.put, store._objects.pop)


def folder(request: pytest.FixtureRequest) -> Subject:
    root: Path = request.getfixturevalue("tmp_path")
    return Subject(
        FolderStore(root),
        lambda key, data: upload_file(root, key, data),
        lambda key: (root / key).unlink(),
    )


def s3(request: pytest.FixtureRequest, mode: str) -> Subject:
    server = request.getfixturevalue("s3_server")
    bucket = request.getfixturevalue("s3_bucket")
    client = server.client
    store = S3Store(
        bucket, session=server.session(), endpoint_url=server.endpoint, copy_mode=mode, retry=QUICK
    )
    return Subject(
        store,
        lambda key, data: client.put_object(Bucket=bucket, Key=key, Body=data),
        lambda key: client.delete_object(Bucket=bucket, Key=key),
    )


def over(wrap: Callable[[Store], Store], inner: Subject) -> Subject:
    return Subject(wrap(inner.store), inner._upload, inner._remove)


def without_a_fault(inner: Store) -> Store:
    return FaultyStore(inner, Faults())


STORES: dict[str, Callable[[pytest.FixtureRequest], Subject]] = {
    "memory": memory,
    "folder": folder,
    "s3-multipart": lambda request: s3(request, "multipart"),
    "s3-header": lambda request: s3(request, "header"),
    "s3-put": lambda request: s3(request, "put"),
    "dryrun-memory": lambda request: over(DryRunStore, memory(request)),
    "dryrun-folder": lambda request: over(DryRunStore, folder(request)),
    "counting-memory": lambda request: over(CountingStore, memory(request)),
    "faulty-memory": lambda request: over(without_a_fault, memory(request)),
    "faulty-folder": lambda request: over(without_a_fault, folder(request)),
}


@pytest.fixture(params=STORES)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """Each store in turn, empty."""
    made = STORES[request.param](request)
    yield made
    made.store.close()


CATALOGS = ("memory", "overlay", "faulty", "folder", "s3")


@pytest.fixture(params=CATALOGS)
def catalog(request, tmp_path):
    """Each catalog in turn, empty."""
    made = {
        "memory": MemoryCatalog,
        "faulty": lambda: FaultyCatalog(MemoryCatalog(), Faults()),
        "overlay": lambda: MemoryCatalog(base=DeltaCatalog(str(tmp_path / "warehouse"))),
        "folder": lambda: DeltaCatalog(str(tmp_path / "ware house – 100 % é")),
        "s3": lambda: on_s3(request),
    }[request.param]()
    yield made
    made.close()
    made.close()


def on_s3(request):
    bucket = request.getfixturevalue("s3_bucket")
    endpoint = request.getfixturevalue("moto_endpoint")
    options = {
        "AWS_ACCESS_KEY_ID": "test-access-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret-key",
        "AWS_REGION": "eu-west-2",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
    }
    return DeltaCatalog(f"s3://{bucket}", lambda: options)
