"""Tries what a bucket lets its caller do, by requests that leave nothing behind or the same small object.

Nothing is deleted. What may be written is found out by requests that must be refused for another reason than
a missing permission: servers look at permissions first.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from warehouse.domain.records import ObjectInfo
from warehouse.errors import AlreadyExists, Changed, NotFound, StoreFault
from warehouse.storage.s3 import CHECK_RETRY, S3Store
from warehouse.storage.s3_copy import CopyMode, S3Copier

if TYPE_CHECKING:
    import boto3

# The ETag of no object: it is no MD5 of anything that was ever put, but for a chance of 1 in 2**128.
NO_ETAG = "0" * 32


class S3Probe(S3Store):
    """A bucket that is tried. `ahead`: how far this clock is before the server's, once `check` was asked."""

    def __init__(
        self,
        bucket: str,
        *,
        session: boto3.Session,
        endpoint_url: str | None = None,
        copy_mode: CopyMode | None = None,
        concurrency: int = 1,
    ) -> None:
        super().__init__(
            bucket,
            session=session,
            endpoint_url=endpoint_url,
            copy_mode=copy_mode,
            concurrency=concurrency,
            retry=CHECK_RETRY,
        )
        self.ahead: timedelta | None = None
        self._requests.on_answer("HeadBucket", self._note_date)

    def heeds_if_match(self, key: str) -> bool:
        """Put what may replace a version that there never was: whether it is refused for that reason.

        Raises Forbidden where nothing may be put there. Where it is not refused, an empty object is left.
        """
        try:
            self._requests.ask(
                "create", key, "put_object", {"Key": key, "Body": b"", "IfMatch": f'"{NO_ETAG}"'}
            )
        except (Changed, NotFound):
            return True
        except StoreFault:
            # Servers that do not know the condition say so by a code of their own.
            return False
        return False

    def begin_upload(self, key: str) -> str:
        """Begin an upload, which is no object until it is completed; gives its name. Raises Forbidden."""
        begun = self._requests.ask("create", key, "create_multipart_upload", {"Key": key})
        name: str = begun["UploadId"]
        return name

    def abort_upload(self, key: str, upload: str) -> None:
        """Let go of an upload. Raises Forbidden."""
        self._requests.ask("abort", key, "abort_multipart_upload", {"Key": key, "UploadId": upload})

    def heeds_copy_conditions(self, mode: CopyMode, source: ObjectInfo, target: ObjectInfo) -> bool:
        """Whether a copy by this way leaves alone what stands at its target, and is of the version named.

        Where it does not, the target holds the source's bytes then. Raises Forbidden.
        """
        try:
            S3Copier(self._requests, mode, self.same_bytes).copy(source, target.key)
        except AlreadyExists:
            # A copy in parts is compared with its source before it is completed, `put` reads by ETag.
            return mode != "header" or self._heeds_copy_source(source, target)
        except StoreFault:
            return False
        return False

    def _heeds_copy_source(self, source: ObjectInfo, target: ObjectInfo) -> bool:
        named = {"Bucket": self._requests.bucket, "Key": source.key}
        with suppress(StoreFault):
            try:
                self._requests.ask(
                    "copy",
                    target.key,
                    "copy_object",
                    {"Key": target.key, "CopySource": named, "CopySourceIfMatch": f'"{NO_ETAG}"'},
                )
            except (Changed, AlreadyExists):
                return True
        return False

    def reads_by_version(self, info: ObjectInfo, data: bytes) -> bool:
        """Whether a range is the range that was asked for, and another version is refused.

        Raises StoreError.
        """
        ranged = self.read(info.key, start=2, length=3, etag=info.etag).data == data[2:5]
        try:
            self.read(info.key, etag=NO_ETAG)
        except Changed:
            return ranged
        return False

    def may_read(self, prefix: str, absent: str) -> bool:
        """Read a byte of the first object under a prefix, else what is not there; whether there was one.

        Who may not read is told so also of what is not there. Raises StoreError.
        """
        first = next(self.list(prefix), None)
        if first is not None:
            self.read(first.key, length=1)
            return True
        with suppress(NotFound):
            self.read(absent, length=1)
        return False

    def put_once(self, key: str, data: bytes) -> tuple[ObjectInfo, bool]:
        """The object of that key, and whether it was made now. Raises StoreError."""
        try:
            return self.create(key, data), True
        except AlreadyExists:
            return self.head(key), False

    def refuses_another(self, key: str) -> bool:
        """Whether a create is refused where an object stands. Raises StoreError."""
        try:
            self.create(key, b"")
        except AlreadyExists:
            return True
        return False

    def _note_date(self, answer: dict[str, Any]) -> None:
        with suppress(KeyError, ValueError, TypeError):
            headers = {name.lower(): value for name, value in answer["headers"].items()}
            self.ahead = datetime.now(UTC) - parsedate_to_datetime(headers["date"])
