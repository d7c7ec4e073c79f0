"""An ETag of S3 is taken for an MD5 only where it is one."""

from __future__ import annotations

import pytest

from warehouse.errors import Changed
from warehouse.storage.s3 import S3Store

PART = bytes(5 * 1024 * 1024)


@pytest.fixture
def store(s3_server, s3_bucket):
    made = S3Store(s3_bucket, session=s3_server.session(), endpoint_url=s3_server.endpoint)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("how", "is_md5"),
    [({}, True), ({"ServerSideEncryption": "AES256"}, True), ({"ServerSideEncryption": "aws:kms"}, False)],
)
def test_by_its_encryption(store, s3_server, s3_bucket, how, is_md5):
    s3_server.client.put_object(Bucket=s3_bucket, Key="x", Body=b"data", **how)
    assert store.etag_is_md5(store.head("x")) is is_md5


def test_an_object_of_parts(store, s3_server, s3_bucket):
    client, whose = s3_server.client, {"Bucket": s3_bucket, "Key": "x"}
    upload = client.create_multipart_upload(**whose)["UploadId"]
    etag = client.upload_part(**whose, UploadId=upload, PartNumber=1, Body=PART)["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    client.complete_multipart_upload(**whose, UploadId=upload, MultipartUpload=parts)
    assert not store.etag_is_md5(store.head("x"))


def test_an_object_that_was_replaced(store):
    info = store.create("x", b"data")
    store._requests.ask("put", "x", "put_object", {"Key": "x", "Body": b"other"})
    with pytest.raises(Changed):
        store.etag_is_md5(info)
