"""Copies inside S3: created only where nothing stands, and only from the version that was named.

Four ways (`WAREHOUSE_S3_COPY`). Copies inside S3 go through boto3, since obstore 0.12 can put no condition on
the source:

========== ============================================= ==========================================
way        the target must not exist                     the source must be that version
========== ============================================= ==========================================
header     CopyObject, `If-None-Match: *`                `x-amz-copy-source-if-match`
multipart  CompleteMultipartUpload, `If-None-Match: *`   the same on UploadPartCopy, then checked
put        PutObject, `If-None-Match: *`                 GetObject, `If-Match`
head       HeadObject before: a race can overwrite       HeadObject before, and the header
========== ============================================= ==========================================

More than 5 GB are copied by multipart, whatever the way. Neither multipart nor put keeps the source's user
metadata and content type; nothing here reads them.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from warehouse.domain.records import ObjectInfo
from warehouse.errors import AlreadyExists, Changed, NotFound, StoreError, StoreFault
from warehouse.storage.retry import Left
from warehouse.storage.s3_requests import S3Requests, bare, check_key
from warehouse.storage.store import Chunk

CopyMode = Literal["header", "multipart", "put", "head"]

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html: up to 5 GB in one request.
MAX_SINGLE_COPY = 5 * 1000**3
# Parts of 1 GiB: an object of 5 TiB has half of the 10,000 parts that S3 allows.
PART = 1024**3
# How often a multipart copy begins anew after S3 asks for that (409 on its completion).
CONFLICTS = 5

# What `put` holds in memory of one object; a larger one goes through a temporary file.
IN_MEMORY = 4 * 1024 * 1024

# What `put` keeps of objects that were read whole, since most of them are copied next.
JUST_READ = 16 * 1024 * 1024

CONFLICT = "ConditionalRequestConflict"
NO_UPLOAD = "NoSuchUpload"


class S3Copier:
    """Copies by one of the four ways. `same_bytes` tells whether two objects are alike."""

    def __init__(
        self,
        requests: S3Requests,
        mode: CopyMode,
        same_bytes: Callable[[ObjectInfo, ObjectInfo], bool],
        *,
        max_single: int = MAX_SINGLE_COPY,
        part: int = PART,
        in_memory: int = IN_MEMORY,
    ) -> None:
        self._requests = requests
        self._mode = mode
        self._same_bytes = same_bytes
        self._max_single = max_single
        self._part = part
        self._in_memory = in_memory
        self._just_read = _JustRead(JUST_READ if mode == "put" else 0)

    def note(self, chunk: Chunk) -> None:
        """Learn what was read: what is known whole need not be read again to be put."""
        if len(chunk.data) == chunk.info.size:
            self._just_read.add(chunk.info, chunk.data)

    def copy(self, source: ObjectInfo, target: str) -> ObjectInfo:
        """Copy that version to `target`. Raises AlreadyExists, Changed, NotFound, Archived."""
        check_key("copy", source.key)
        check_key("copy", target)
        if self._mode == "multipart" or source.size > self._max_single:
            return self._by_multipart(source, target)
        if self._mode == "head":
            return self._by_head(source, target)
        if self._mode == "put":
            return self._by_put(source, target)
        return self._by_header(source, target)

    def _by_header(self, source: ObjectInfo, target: str) -> ObjectInfo:
        try:
            return self._copy_object(source, target, IfNoneMatch="*")
        except AlreadyExists:
            # Both conditions answer 412, and not every server says which one failed.
            if self._find(target) is None:
                raise Changed("copy", source.key) from None
            raise

    def _by_head(self, source: ObjectInfo, target: str) -> ObjectInfo:
        self._require(source)
        if self._find(target) is not None:
            raise AlreadyExists("copy", target)
        return self._copy_object(source, target)

    def _by_put(self, source: ObjectInfo, target: str) -> ObjectInfo:
        if source.size <= self._in_memory:
            data = self._just_read.take(source)
            if data is None:
                data = self._requests.get("copy", source.key, 0, None, source.etag).data
            return self._requests.put_new("copy", target, data, lambda: self._ours(source, target))
        with tempfile.NamedTemporaryFile(prefix="warehouse-copy-") as file:
            for start in range(0, source.size, self._in_memory):
                file.write(self._requests.get("copy", source.key, start, self._in_memory, source.etag).data)
            file.flush()
            return self._requests.put_file(
                "copy", target, Path(file.name), lambda: self._ours(source, target)
            )

    def _copy_object(self, source: ObjectInfo, target: str, **condition: str) -> ObjectInfo:
        answer = self._requests.ask(
            "copy",
            target,
            "copy_object",
            {"Key": target, **self._from(source), **condition},
            unmet=AlreadyExists if condition else Changed,
            settle=lambda: self._settle(source, target),
        )
        return self._copied(source, target, answer["CopyObjectResult"].get("ETag"))

    def _by_multipart(self, source: ObjectInfo, target: str) -> ObjectInfo:
        if source.size == 0:
            # S3 has no part that copies nothing.
            self._require(source)
            return self._requests.put_new("copy", target, b"", lambda: self._empty(target))
        for _ in range(CONFLICTS):
            with contextlib.suppress(Left):
                return self._upload(source, target)
        raise StoreFault("copy", target, CONFLICT)

    def _upload(self, source: ObjectInfo, target: str) -> ObjectInfo:
        """One multipart copy from its beginning; raises `Left(CONFLICT)` if S3 wants another."""
        begun = self._requests.ask("copy", target, "create_multipart_upload", {"Key": target})
        upload = {"Key": target, "UploadId": begun["UploadId"]}
        try:
            parts = self._copy_parts(source, target, upload)
            # A server that ignores the condition on the source is found out here: a single plain part
            # has the ETag of the version that it was copied from.
            if [part["ETag"] for part in parts] != [source.etag]:
                self._require(source)
            return self._complete(source, target, upload, parts)
        except BaseException:
            # The refusal that is under way matters more than an upload that stays behind, which the
            # bucket's life-cycle rule clears away.
            with contextlib.suppress(StoreError):
                self._requests.ask("copy", target, "abort_multipart_upload", upload)
            raise

    def _copy_parts(self, source: ObjectInfo, target: str, upload: dict[str, str]) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        for number, start in enumerate(range(0, source.size, self._part), 1):
            end = min(start + self._part, source.size) - 1
            whole = start == 0 and end == source.size - 1
            answer = self._requests.ask(
                "copy",
                source.key,
                "upload_part_copy",
                {
                    **upload,
                    **self._from(source),
                    **({} if whole else {"CopySourceRange": f"bytes={start}-{end}"}),
                    "PartNumber": number,
                },
            )
            parts.append({"PartNumber": number, "ETag": bare(answer["CopyPartResult"]["ETag"])})
        return parts

    def _complete(
        self, source: ObjectInfo, target: str, upload: dict[str, str], parts: list[dict[str, Any]]
    ) -> ObjectInfo:
        try:
            answer = self._requests.ask(
                "copy",
                target,
                "complete_multipart_upload",
                {**upload, "IfNoneMatch": "*", "MultipartUpload": {"Parts": parts}},
                unmet=AlreadyExists,
                leave=(CONFLICT, NO_UPLOAD),
                settle=lambda: self._settle(source, target),
            )
        except Left as left:
            if left.code == CONFLICT:
                raise
            # The upload is gone: an earlier attempt, whose answer was lost, has completed it.
            answer = self._settle(source, target) or {}
            if not answer:
                raise StoreFault("copy", target, NO_UPLOAD) from None
        return self._copied(source, target, answer.get("ETag"))

    def _from(self, source: ObjectInfo) -> dict[str, Any]:
        return {
            "CopySource": {"Bucket": self._requests.bucket, "Key": source.key},
            "CopySourceIfMatch": f'"{source.etag}"',
        }

    def _copied(self, source: ObjectInfo, target: str, etag: str | None) -> ObjectInfo:
        return ObjectInfo(target, source.size, bare(etag), datetime.now(UTC))

    def _require(self, source: ObjectInfo) -> None:
        """The source is still the version that was named."""
        if self._requests.describe("copy", source.key).etag != source.etag:
            raise Changed("copy", source.key)

    def _find(self, key: str) -> ObjectInfo | None:
        try:
            return self._requests.describe("copy", key)
        except NotFound:
            return None

    def _settle(self, source: ObjectInfo, target: str) -> dict[str, Any] | None:
        """The answer that was lost, if what stands at the target is a copy of the source."""
        found = self._ours(source, target)
        return None if found is None else {"ETag": found.etag, "CopyObjectResult": {"ETag": found.etag}}

    def _ours(self, source: ObjectInfo, target: str) -> ObjectInfo | None:
        """What stands at the target, if that is a copy of the source."""
        found = self._find(target)
        return found if found is not None and self._same_bytes(source, found) else None

    def _empty(self, target: str) -> ObjectInfo | None:
        found = self._find(target)
        return found if found is not None and found.size == 0 else None


class _JustRead:
    """Whole objects by their version, each given once; the oldest go when `limit` bytes are held."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._objects: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, info: ObjectInfo, data: bytes) -> None:
        if len(data) > self._limit:
            return
        with self._lock:
            self._drop(info)
            self._objects[info.key, info.etag] = data
            self._held += len(data)
            while self._held > self._limit:
                self._held -= len(self._objects.popitem(last=False)[1])

    def take(self, info: ObjectInfo) -> bytes | None:
        with self._lock:
            return self._drop(info)

    def _drop(self, info: ObjectInfo) -> bytes | None:
        data = self._objects.pop((info.key, info.etag), None)
        self._held -= len(data or b"")
        return data
