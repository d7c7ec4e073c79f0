"""All versions of the objects of a bucket: listed and deleted for ever. For `warehouse cloud purge` alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from warehouse.cloud.clients import Access, client, translated
from warehouse.domain.purging import Version, fits_xml
from warehouse.errors import CloudError


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
        together = [one for one in versions if fits_xml(one.key)]
        refused = self._delete_together(together) if together else {}
        for one in versions:
            if not fits_xml(one.key) and (code := self._delete_alone(one)):
                refused[one.key, one.id] = code
        return [(one, refused[one.key, one.id]) for one in versions if (one.key, one.id) in refused]

    def _delete_together(self, versions: Sequence[Version]) -> dict[tuple[str, str], str]:
        named = [{"Key": one.key, "VersionId": one.id} for one in versions]
        with translated("s3"):
            answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": named, "Quiet": True})
        return {(one["Key"], one["VersionId"]): one["Code"] for one in answer.get("Errors", ())}

    def _delete_alone(self, version: Version) -> str:
        """Delete one version by its address, which any key fits in; S3's code where it is not deleted."""
        try:
            with translated("s3"):
                self._s3.delete_object(Bucket=self._bucket, Key=version.key, VersionId=version.id)
        except CloudError as error:
            if not error.code:
                raise
            return error.code
        return ""

    def _pages(self, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
        with translated("s3"):
            yield from pages


def _versions(page: dict[str, Any]) -> Iterator[Version]:
    for one in page.get("Versions", ()):
        yield Version(one["Key"], one["VersionId"], one["Size"])
    for one in page.get("DeleteMarkers", ()):
        yield Version(one["Key"], one["VersionId"], marker=True)
