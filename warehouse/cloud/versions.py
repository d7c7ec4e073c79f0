"""All versions of the objects of a bucket: listed and deleted for ever. For `warehouse cloud purge` alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from warehouse.cloud.clients import Access, client, translated
from warehouse.domain.purging import Version


class Versions:
    """The versions in one bucket. Raises CloudError."""

    def __init__(self, bucket: str, access: Access) -> None:
        self._bucket = bucket
        self._s3 = client("s3", access)

    def under(self, prefix: str) -> Iterator[Version]:
        """Yield every version and delete marker under a prefix, sorted by key."""
        for page in self._pages(prefix):
            yield from sorted(_versions(page), key=lambda one: one.key)

    def of(self, key: str) -> Iterator[Version]:
        """Yield every version and delete marker of one key."""
        for page in self._pages(key):
            found = list(_versions(page))
            yield from (one for one in found if one.key == key)
            if any(one.key != key for one in found):
                # The key itself comes first of all that begin with it.
                return

    def delete(self, versions: Sequence[Version]) -> list[tuple[Version, str]]:
        """Delete up to 1,000 for ever; give those that were not, with S3's code."""
        named = [{"Key": one.key, "VersionId": one.id} for one in versions]
        with translated("s3"):
            answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": named, "Quiet": True})
        refused = {(one["Key"], one.get("VersionId")): one["Code"] for one in answer.get("Errors", ())}
        return [(one, refused[one.key, one.id]) for one in versions if (one.key, one.id) in refused]

    def _pages(self, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
        with translated("s3"):
            yield from pages


def _versions(page: dict[str, Any]) -> Iterator[Version]:
    for one in page.get("Versions", ()):
        yield Version(one["Key"], one["VersionId"], one["Size"])
    for one in page.get("DeleteMarkers", ()):
        yield Version(one["Key"], one["VersionId"], marker=True)
