"""The S3 requests that the store is made of: counted, retried, translated, and answered in our own types.

Object data goes through obstore, everything else through boto3. Keys that obstore refuses or trims go
through boto3 altogether, so that each key that S3 can list can also be read.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import obstore

from warehouse.domain.records import ObjectInfo
from warehouse.errors import AlreadyExists, Changed, StoreError, Unaddressable
from warehouse.storage.retry import Retrier, RetryPolicy
from warehouse.storage.s3_clients import control_client, data_client, on_aws
from warehouse.storage.store import Chunk
from warehouse.storage.translate import FROM_BOTOCORE, FROM_OBSTORE

if TYPE_CHECKING:
    import boto3

T = TypeVar("T")

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MAX_KEY_BYTES = 1024
ARCHIVED_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
DEFAULT_REGION = "us-east-1"

_REFUSED_BY_OBSTORE = re.compile(r"(^|/)(\.{0,2})(/|$)|[\x00-\x1f\x7f]")


def addressable(key: str) -> bool:
    """Whether obstore takes a key as it is: it refuses some, and trims slashes (`a/` would read `a`)."""
    return _REFUSED_BY_OBSTORE.search(key) is None


def check_key(operation: str, key: str) -> None:
    """Refuse what S3 has no name for."""
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise Unaddressable(operation, key, "not UTF-8") from None
    if not 0 < length <= MAX_KEY_BYTES:
        raise Unaddressable(operation, key, f"S3 keys have 1 to {MAX_KEY_BYTES} bytes")


def bare(etag: str | None) -> str:
    """An ETag without its quotes."""
    return (etag or "").strip('"')


def archived(description: Mapping[str, Any]) -> bool:
    """Whether an object must be restored before it can be read (HeadObject, ListObjectsV2).

    Intelligent-Tiering tells by `ArchiveStatus`, and a restored copy by `Restore`.
    """
    cold = description.get("StorageClass") in ARCHIVED_CLASSES or bool(description.get("ArchiveStatus"))
    return cold and 'ongoing-request="false"' not in description.get("Restore", "")


class S3Requests:
    """One bucket's requests. Makes its clients when it is made, and sends nothing until it is asked."""

    def __init__(
        self,
        bucket: str,
        *,
        session: boto3.Session,
        endpoint_url: str | None,
        region: str | None,
        concurrency: int,
        retry: RetryPolicy,
    ) -> None:
        self.bucket = bucket
        self._session = session
        self._endpoint_url = endpoint_url
        self._concurrency = concurrency
        self._retrier = Retrier(retry, self._renew)
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._open(region)

    def counts(self) -> dict[str, int]:
        """Requests sent so far, each attempt counted, by the API's name of the request."""
        with self._lock:
            return dict(self._counts)

    @property
    def region(self) -> str:
        """Where the bucket is taken to be: as configured, or as it was found."""
        return self._region

    def close(self) -> None:
        self._retrier.close()
        self._control.close()

    def move_to(self, region: str) -> None:
        """Turn to the region where the bucket was found. Only S3's own endpoints depend on it."""
        if on_aws(self.endpoint) and region != self._region:
            self._control.close()
            self._open(region)

    def on_answer(self, request: str, listen: Callable[[dict[str, Any]], None]) -> None:
        """Let `listen` see each answer to a request, by the API's name of it: also one that is a refusal."""

        def hear(response_dict: dict[str, Any] | None = None, **_: Any) -> None:
            if response_dict is not None:
                listen(response_dict)

        self._control.meta.events.register(f"response-received.s3.{request}", hear)

    def ask(
        self,
        operation: str,
        key: str,
        request: str,
        parameters: Mapping[str, Any],
        *,
        unmet: type[StoreError] = Changed,
        leave: Collection[str] = (),
        settle: Callable[[], dict[str, Any] | None] | None = None,
        policy: RetryPolicy | None = None,
    ) -> dict[str, Any]:
        """Send one request by boto3's method name and return its answer. The rest is as in `Retrier.call`."""
        method = getattr(self._control, request)
        name = "".join(word.capitalize() for word in request.split("_"))

        def work() -> dict[str, Any]:
            self._count(name)
            answer: dict[str, Any] = method(Bucket=self.bucket, **parameters)
            return answer

        return self._retrier.call(
            operation, key, FROM_BOTOCORE, work, unmet=unmet, leave=leave, settle=settle, policy=policy
        )

    def head(
        self, operation: str, key: str, *, etag: str | None = None, checksums: bool = False
    ) -> dict[str, Any]:
        """HeadObject, of that version if `etag` is given. Raises NotFound, Changed."""
        check_key(operation, key)
        parameters = {"Key": key}
        if etag is not None:
            parameters["IfMatch"] = f'"{etag}"'
        if checksums:
            parameters["ChecksumMode"] = "ENABLED"
        return self.ask(operation, key, "head_object", parameters)

    def describe(self, operation: str, key: str, *, etag: str | None = None) -> ObjectInfo:
        """One object as HeadObject has it: unlike obstore's, with what tells an archived object."""
        answer = self.head(operation, key, etag=etag)
        return ObjectInfo(
            key,
            answer["ContentLength"],
            bare(answer.get("ETag")),
            answer["LastModified"].astimezone(UTC),
            archived=archived(answer),
        )

    def get(self, operation: str, key: str, start: int, length: int | None, etag: str | None) -> Chunk:
        """GetObject of a range. Raises `Left("InvalidRange")` where the range begins past the end."""
        check_key(operation, key)
        library, work = (
            (FROM_OBSTORE, self._get_by_obstore) if addressable(key) else (FROM_BOTOCORE, self._get_by_boto)
        )
        return self._retrier.call(
            operation, key, library, lambda: work(key, start, length, etag), leave=("InvalidRange",)
        )

    def put_new(
        self, operation: str, key: str, data: bytes, settle: Callable[[], ObjectInfo | None]
    ) -> ObjectInfo:
        """PutObject with `If-None-Match: *`. The time of change is our clock's: the answer has none."""
        check_key(operation, key)
        library, work = (
            (FROM_OBSTORE, self._put_by_obstore) if addressable(key) else (FROM_BOTOCORE, self._put_by_boto)
        )
        return self._retrier.call(
            operation,
            key,
            library,
            lambda: ObjectInfo(key, len(data), bare(work(key, data)), datetime.now(UTC)),
            unmet=AlreadyExists,
            settle=settle,
        )

    def put_file(
        self, operation: str, key: str, file: Path, settle: Callable[[], ObjectInfo | None]
    ) -> ObjectInfo:
        """PutObject of a local file with `If-None-Match: *`, a block in memory at a time; at most 5 GB."""
        check_key(operation, key)

        def work() -> ObjectInfo:
            self._count("PutObject")
            with file.open("rb") as body:
                answer = self._control.put_object(Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*")
            return ObjectInfo(key, file.stat().st_size, bare(answer["ETag"]), datetime.now(UTC))

        return self._retrier.call(operation, key, FROM_BOTOCORE, work, unmet=AlreadyExists, settle=settle)

    def _open(self, region: str | None) -> None:
        self._control = control_client(
            self._session, endpoint=self._endpoint_url, region=region, concurrency=self._concurrency
        )
        self.endpoint: str = self._control.meta.endpoint_url
        known = region or self._session.region_name or self._control.meta.region_name
        self._region = DEFAULT_REGION if known in (None, "aws-global") else known
        self._renew()

    def _renew(self) -> None:
        """A new obstore client, which asks for credentials anew."""
        self._data = data_client(
            self.bucket,
            self._session,
            endpoint=self.endpoint,
            region=self._region,
            concurrency=self._concurrency,
        )

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def _get_by_obstore(self, key: str, start: int, length: int | None, etag: str | None) -> Chunk:
        self._count("GetObject")
        options: obstore.GetOptions = {}
        if etag is not None:
            options["if_match"] = f'"{etag}"'
        if length is not None:
            options["range"] = (start, start + length)
        elif start:
            options["range"] = {"offset": start}
        answer = obstore.get(self._data, key, options=options)
        meta = answer.meta
        info = ObjectInfo(key, meta["size"], bare(meta["e_tag"]), meta["last_modified"].astimezone(UTC))
        return Chunk(bytes(answer.bytes()), start, info)

    def _get_by_boto(self, key: str, start: int, length: int | None, etag: str | None) -> Chunk:
        self._count("GetObject")
        options: dict[str, str] = {}
        if etag is not None:
            options["IfMatch"] = f'"{etag}"'
        if length is not None:
            options["Range"] = f"bytes={start}-{start + length - 1}"
        elif start:
            options["Range"] = f"bytes={start}-"
        answer = self._control.get_object(Bucket=self.bucket, Key=key, **options)
        data: bytes = answer["Body"].read()
        whole = answer.get("ContentRange", f"/{len(data)}").rpartition("/")[2]
        changed = answer["LastModified"].astimezone(UTC)
        return Chunk(data, start, ObjectInfo(key, int(whole), bare(answer["ETag"]), changed))

    def _put_by_obstore(self, key: str, data: bytes) -> str | None:
        self._count("PutObject")
        return obstore.put(self._data, key, data, mode="create", use_multipart=False)["e_tag"]

    def _put_by_boto(self, key: str, data: bytes) -> str | None:
        self._count("PutObject")
        etag: str | None = self._control.put_object(Bucket=self.bucket, Key=key, Body=data, IfNoneMatch="*")[
            "ETag"
        ]
        return etag
