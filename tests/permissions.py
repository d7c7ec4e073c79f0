"""What a request to S3 needs to be allowed, and whether it is: enough of IAM to try least privilege."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote


class Sent(Protocol):
    """A request as the server saw it; `name` is the API's name for it."""

    path: str
    headers: Mapping[str, str]

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Grant:
    """An action of S3's (Service Authorization Reference) on keys of a bucket.

    `keys` is a pattern where something is granted, a key where it is needed, and empty for the bucket itself.
    """

    action: str
    bucket: str
    keys: str = ""


def needed(request: Sent) -> Iterator[Grant]:
    """What a request needs to be allowed; a request that nobody thought of needs what nobody has."""
    bucket, _, key = request.path.lstrip("/").partition("/")
    if request.name == "ListObjectsV2" or (request.name == "HeadObject" and not key):
        yield Grant("s3:ListBucket", bucket)
        return
    actions = {
        "GetObject": "s3:GetObject",
        "HeadObject": "s3:GetObject",
        "AbortMultipartUpload": "s3:AbortMultipartUpload",
        "DeleteObject": "s3:DeleteObject",
        **dict.fromkeys(
            ("PutObject", "CopyObject", "CreateMultipartUpload", "UploadPartCopy", "CompleteMultipartUpload"),
            "s3:PutObject",
        ),
    }
    yield Grant(actions.get(request.name, "nobody's"), bucket, key)
    if source := unquote(request.headers.get("x-amz-copy-source", "")).lstrip("/"):
        yield Grant("s3:GetObject", *source.split("/", 1))


def allowed(grants: Sequence[Grant], request: Sent) -> bool:
    """Whether all that a request needs is granted."""

    def held(grant: Grant, wanted: Grant) -> bool:
        matches = re.fullmatch(grant.keys, wanted.keys, re.DOTALL) is not None
        return matches and (grant.action, grant.bucket) == (wanted.action, wanted.bucket)

    return all(any(held(grant, wanted) for grant in grants) for wanted in needed(request))
