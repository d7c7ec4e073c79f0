"""A bucket as a store: S3, or a server that speaks its protocol. Writes are conditional, never blind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

from botocore.exceptions import NoCredentialsError

from warehouse.domain.records import ObjectInfo
from warehouse.errors import Changed, Forbidden, NotFound, StoreError, StoreFault, StoreUnavailable
from warehouse.storage.compare import same_stream
from warehouse.storage.prefixes import check_folder_prefix
from warehouse.storage.retry import Left, RetryPolicy
from warehouse.storage.s3_clients import on_aws
from warehouse.storage.s3_copy import CopyMode, S3Copier
from warehouse.storage.s3_requests import S3Requests, archived, bare
from warehouse.storage.store import Chunk

if TYPE_CHECKING:
    import boto3

# A person waits for `check`: what is down for seconds is told to them, not waited for.
CHECK_RETRY = RetryPolicy(attempts=3, seconds=20.0)

# HeadObject's names of full-object checksums, the strongest first.
CHECKSUMS = ("ChecksumSHA256", "ChecksumSHA1", "ChecksumCRC64NVME", "ChecksumCRC32C", "ChecksumCRC32")

_MD5 = re.compile(r"[0-9a-f]{32}")

# Why a bucket cannot be used, by what HeadBucket met, and what to do about it.
UNUSABLE: Mapping[type[StoreError], str] = {
    NotFound: "there is no bucket of this name here; check its spelling, the region and the endpoint",
    Forbidden: "access was denied; check AWS_PROFILE, and that the role may s3:ListBucket",
    StoreFault: "the endpoint cannot be reached or refuses the request; check the network, "
    "AWS_ENDPOINT_URL and that the credentials have not expired",
}
NO_CREDENTIALS = "no credentials were found; log in, or name a --profile"


class S3Store:
    """The objects of one bucket.

    `endpoint_url` and `region` default to what the session knows (environment, profile). `copy_mode` None
    means `header` on S3 itself and `multipart` elsewhere; see `s3_copy`. `concurrency` is the number of
    threads that the connection pools are made for.
    """

    def __init__(
        self,
        bucket: str,
        *,
        session: boto3.Session,
        endpoint_url: str | None = None,
        region: str | None = None,
        copy_mode: CopyMode | None = None,
        concurrency: int = 32,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._requests = S3Requests(
            bucket,
            session=session,
            endpoint_url=endpoint_url,
            region=region,
            concurrency=concurrency,
            retry=retry or RetryPolicy(),
        )
        self.copy_mode: CopyMode = copy_mode or ("header" if on_aws(self._requests.endpoint) else "multipart")
        self._copier = S3Copier(self._requests, self.copy_mode, self.same_bytes)

    @property
    def location(self) -> str:
        return f"s3://{self._requests.bucket}"

    @property
    def region(self) -> str:
        """The bucket's region; `check` learns it."""
        return self._requests.region

    def check(self) -> None:
        """Ask whether the bucket can be used (HeadBucket), and learn its region. Raises StoreUnavailable."""
        try:
            answer = self._requests.ask("check", "", "head_bucket", {}, policy=CHECK_RETRY)
        except StoreUnavailable:
            raise StoreUnavailable("check", cause=UNUSABLE[NotFound]) from None
        except StoreError as error:
            sentence = UNUSABLE.get(type(error), UNUSABLE[StoreFault])
            if NoCredentialsError.__name__ in str(error.cause):
                sentence = NO_CREDENTIALS
            raise StoreUnavailable("check", cause=sentence) from None
        if region := answer.get("BucketRegion"):
            self._requests.move_to(region)

    def requests(self) -> dict[str, int]:
        """Requests sent so far, each attempt counted, by the API's name of the request."""
        return self._requests.counts()

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        last = ""
        for page in self._pages("list", Prefix=prefix):
            for entry in page.get("Contents", ()):
                # Code points order as UTF-8 bytes do. Directory buckets and some servers keep no order:
                # merging such a listing would silently lose objects.
                if entry["Key"] < last:
                    raise StoreFault("list", cause="the server does not list keys in their byte order")
                last = entry["Key"]
                yield ObjectInfo(
                    last,
                    entry["Size"],
                    bare(entry.get("ETag")),
                    entry["LastModified"].astimezone(UTC),
                    archived=archived(entry),
                )

    def list_folders(self, prefix: str = "") -> Iterator[str]:
        check_folder_prefix(prefix)
        for page in self._pages("list_folders", Prefix=prefix, Delimiter="/"):
            for entry in page.get("CommonPrefixes", ()):
                name = entry["Prefix"][len(prefix) : -1]
                if name:
                    yield name

    def head(self, key: str) -> ObjectInfo:
        return self._requests.describe("head", key)

    def read(self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None) -> Chunk:
        if length != 0:
            try:
                chunk = self._requests.get("read", key, start, length, etag)
            except Left:
                # 416: the object is empty, or ends before `start`.
                pass
            else:
                self._copier.note(chunk)
                return chunk
        info = self._requests.describe("read", key, etag=etag)
        if length != 0 and start < info.size:
            # Between the two requests it grew.
            raise Changed("read", key)
        return Chunk(b"", start, info)

    def create(self, key: str, data: bytes) -> ObjectInfo:
        def settle() -> ObjectInfo | None:
            found = self.read(key)
            return found.info if found.data == data else None

        return self._requests.put_new("create", key, data, settle)

    def copy(self, source: ObjectInfo, target: str) -> ObjectInfo:
        return self._copier.copy(source, target)

    def same_bytes(self, first: ObjectInfo, second: ObjectInfo) -> bool:
        if first.size != second.size:
            return False
        one, two = (
            self._requests.head("same_bytes", named.key, etag=named.etag, checksums=True)
            for named in (first, second)
        )
        known = _same_checksums(one, two)
        return same_stream(self, first, second) if known is None else known

    def etag_is_md5(self, info: ObjectInfo) -> bool:
        """Whether the ETag of a version is the MD5 of its bytes (HeadObject); no part of the protocol."""
        return _plain_md5(self._requests.head("etag_is_md5", info.key, etag=info.etag))

    def close(self) -> None:
        self._requests.close()

    def _pages(self, operation: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """The pages of ListObjectsV2. boto3 asks for URL-encoded keys (XML loses some) and decodes them."""
        while True:
            page = self._requests.ask(operation, "", "list_objects_v2", parameters)
            yield page
            if not page.get("IsTruncated"):
                return
            if not page.get("NextContinuationToken"):
                raise StoreFault(operation, cause="the listing broke off without a way to go on")
            parameters["ContinuationToken"] = page["NextContinuationToken"]


def _same_checksums(one: Mapping[str, Any], two: Mapping[str, Any]) -> bool | None:
    """What two HeadObject answers tell of two objects of one size; None where they tell nothing.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html: composite checksums
    depend on the parts. An ETag is the MD5 of the bytes only for single-part objects without KMS or
    customer keys (API_Object, `ETag`).
    """
    if one.get("ChecksumType") == two.get("ChecksumType") == "FULL_OBJECT":
        for name in CHECKSUMS:
            if name in one and name in two:
                return bool(one[name] == two[name])
    if _plain_md5(one) and _plain_md5(two):
        return bare(one["ETag"]) == bare(two["ETag"])
    return None


def _plain_md5(description: Mapping[str, Any]) -> bool:
    encrypted = description.get("ServerSideEncryption") not in (None, "AES256")
    customer_key = "SSECustomerAlgorithm" in description
    return not encrypted and not customer_key and _MD5.fullmatch(bare(description.get("ETag"))) is not None
