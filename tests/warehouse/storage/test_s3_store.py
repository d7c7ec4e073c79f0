"""What only S3 can get wrong: keys that no folder holds, lost answers, refusals, archives, two clients."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime

import boto3
import pytest

from warehouse.domain.records import ObjectInfo
from warehouse.errors import (
    AlreadyExists,
    Archived,
    Changed,
    Forbidden,
    NotFound,
    StoreFault,
    StoreUnavailable,
    Unaddressable,
)
from warehouse.storage import s3 as s3_module
from warehouse.storage.retry import RetryPolicy
from warehouse.storage.s3 import S3Store
from warehouse.storage.s3_clients import SessionCredentials, on_aws
from warehouse.storage.s3_copy import S3Copier, _JustRead
from warehouse.storage.s3_requests import addressable

QUICK = RetryPolicy(attempts=4, seconds=20.0, base=0.001, cap=0.01)

# What an uploader can write, and obstore neither lists nor reads.
OBSTORE_REFUSES = ["a//b", "./a", "a/..", "a/./b", "/a", "a/", "a/b/", "x\x01y", "x\x7fy", "//"]


@pytest.fixture
def fault(s3_server):
    """Plan a fault: `fault("GetObject", 503, "SlowDown")`."""
    return s3_server.plan


@pytest.fixture
def make(s3_server, s3_bucket):
    """Make a store on the test's bucket."""
    made = []

    def new(bucket=s3_bucket, **options):
        options = {
            "session": s3_server.session(),
            "endpoint_url": s3_server.endpoint,
            "retry": QUICK,
            **options,
        }
        made.append(S3Store(bucket, **options))
        return made[-1]

    yield new
    for store in made:
        store.close()


@pytest.fixture
def store(make):
    return make()


@pytest.fixture
def upload(s3_server, s3_bucket):
    def put(key, data=b"x", **more):
        s3_server.client.put_object(Bucket=s3_bucket, Key=key, Body=data, **more)

    return put


def uploads_under_way(server, bucket):
    return server.client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])


class TestKeys:
    def test_any_key_is_listed(self, store, upload):
        for key in [*OBSTORE_REFUSES, "plain", "raw-a/images/"]:
            upload(key, b"" if key.endswith("/") else b"x")
        listed = list(store.list())
        assert [info.key for info in listed] == sorted([*OBSTORE_REFUSES, "plain", "raw-a/images/"])
        marker = next(info for info in listed if info.key == "raw-a/images/")
        assert (marker.size, marker.defect) == (0, None)
        assert "raw-a" in list(store.list_folders())

    @pytest.mark.parametrize("key", OBSTORE_REFUSES)
    def test_what_is_listed_can_be_read(self, store, upload, key):
        assert not addressable(key)
        trimmed = key.strip("/")
        if trimmed not in ("", key):
            upload(trimmed, b"another object, which obstore would take for it")
        made = store.create(key, b"0123456789")
        assert store.head(key).etag == made.etag
        assert store.read(key, start=2, length=3, etag=made.etag).data == b"234"
        assert store.read(key, start=8).data == b"89"
        assert store.read(key).info.size == 10
        assert store.read(key, start=10, length=5).data == b""
        with pytest.raises(Changed):
            store.read(key, etag="0" * 32)
        with pytest.raises(AlreadyExists):
            store.create(key, b"again")
        assert store.read(store.copy(made, "copied").key).data == b"0123456789"

    @pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513, "\ud800"])
    def test_what_s3_has_no_name_for(self, store, key):
        source = store.create("source", b"x")
        for attempt in (
            lambda: store.head(key),
            lambda: store.read(key),
            lambda: store.create(key, b""),
            lambda: store.copy(source, key),
            lambda: store.copy(replace(source, key=key), "target"),
        ):
            with pytest.raises(Unaddressable):
                attempt()

    @pytest.mark.parametrize("key", ["a", "a b/c+d%20", "é/😀", "...", "a/..b", ".hidden", "x" * 1024])
    def test_plain_keys_go_the_fast_way(self, key):
        assert addressable(key)


class TestUse:
    def test_making_one_sends_nothing(self, make, s3_server):
        s3_server.seen.clear()
        store = make()
        assert s3_server.seen == []
        assert store.location.startswith("s3://bucket-")

    def test_check(self, store):
        store.check()

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (404, "no bucket of this name"),
            (403, "access was denied"),
            (400, "credentials have not expired"),
            (503, "cannot be reached"),
        ],
    )
    def test_check_says_why(self, store, fault, monkeypatch, status, words):
        monkeypatch.setattr(s3_module, "CHECK_RETRY", QUICK)
        fault("HeadObject", status, "", times=9)
        with pytest.raises(StoreUnavailable, match=words) as raised:
            store.check()
        assert raised.value.exit_code == 2

    def test_missing_bucket(self, make):
        store = make("no-such-bucket-here")
        with pytest.raises(StoreUnavailable, match="no bucket of this name"):
            store.check()
        for attempt in (
            lambda: list(store.list()),
            lambda: store.read("k"),
            lambda: store.create("k", b""),
        ):
            with pytest.raises(StoreUnavailable):
                attempt()

    def test_nobody_listens(self, make, monkeypatch):
        monkeypatch.setattr(s3_module, "CHECK_RETRY", QUICK)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            store = make(endpoint_url=f"http://127.0.0.1:{free.getsockname()[1]}")
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                store.check()
            for attempt in (
                lambda: store.read("patient-4711"),
                lambda: store.head("patient-4711"),
                lambda: list(store.list()),
            ):
                with pytest.raises(StoreFault) as raised:
                    attempt()
                assert "4711" not in str(raised.value)

    def test_no_credentials(self, make, monkeypatch, tmp_path):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
            monkeypatch.setenv(name, str(tmp_path / "none"))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        store = make(session=boto3.Session(region_name="eu-west-2"))
        with pytest.raises(StoreUnavailable, match="no credentials were found"):
            store.check()
        with pytest.raises(Forbidden, match="s3:GetObject"):
            store.read("k")

    def test_endpoint_of_the_environment(self, make, s3_server, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
        store = make(endpoint_url=None)
        store.create("k", b"x")
        assert [info.key for info in store.list()] == ["k"]

    @pytest.mark.parametrize(
        ("endpoint", "theirs"),
        [
            ("https://s3.eu-west-2.amazonaws.com", True),
            ("https://s3.amazonaws.com", True),
            ("https://bucket.vpce-1-2.s3.eu-west-2.vpce.amazonaws.com", True),
            ("https://s3.cn-north-1.amazonaws.com.cn", True),
            ("http://127.0.0.1:9000", False),
            ("https://amazonaws.com.example.org", False),
        ],
    )
    def test_whose_endpoint(self, endpoint, theirs):
        assert on_aws(endpoint) is theirs

    def test_requests_are_counted(self, store):
        source = store.create("k", b"x")
        store.read("k")
        store.copy(source, "copied")
        list(store.list())
        assert store.requests() == {
            "PutObject": 1,
            "GetObject": 1,
            "CreateMultipartUpload": 1,
            "UploadPartCopy": 1,
            "CompleteMultipartUpload": 1,
            "ListObjectsV2": 1,
        }


TRANSIENT = [(503, "SlowDown"), (500, "InternalError"), (0, "")]
# A request, the verb that sends it, and what the verb gives.
VERBS = {
    "GetObject": (lambda store, info: store.read("k", etag=info.etag).data, b"data"),
    "HeadObject": (lambda store, info: store.head("k").size, 4),
    "ListObjectsV2": (lambda store, info: [found.key for found in store.list()], ["k"]),
    "PutObject": (lambda store, info: store.create("new", b"x").size, 1),
    "CreateMultipartUpload": (lambda store, info: store.copy(info, "copied").size, 4),
    "UploadPartCopy": (lambda store, info: store.copy(info, "copied").size, 4),
    "CompleteMultipartUpload": (lambda store, info: store.copy(info, "copied").size, 4),
}


class TestFaults:
    @pytest.mark.parametrize("request_name", VERBS)
    @pytest.mark.parametrize(("status", "code"), TRANSIENT)
    def test_passing(self, store, upload, fault, request_name, status, code):
        upload("k", b"data")
        info = store.head("k")
        fault(request_name, status, code, times=2)
        before = store.requests().get(request_name, 0)
        act, expected = VERBS[request_name]
        assert act(store, info) == expected
        assert store.requests()[request_name] == before + 3

    @pytest.mark.parametrize("request_name", VERBS)
    @pytest.mark.parametrize(
        ("status", "code", "ours"), [(503, "SlowDown", StoreFault), (403, "AccessDenied", Forbidden)]
    )
    def test_staying(self, store, upload, fault, s3_server, s3_bucket, request_name, status, code, ours):
        upload("k", b"data")
        info = store.head("k")
        fault(request_name, status, code, times=99)
        with pytest.raises(ours) as raised:
            VERBS[request_name][0](store, info)
        assert (code in str(raised.value)) or request_name == "HeadObject"
        s3_server.faults.clear()
        assert [found.key for found in store.list()] == ["k"]
        assert uploads_under_way(s3_server, s3_bucket) == []

    def test_a_refusal_names_the_permission(self, store, fault):
        fault("PutObject", 403, "AccessDenied")
        with pytest.raises(Forbidden, match="needs s3:PutObject"):
            store.create("k", b"")

    def test_a_short_body(self, store, upload, fault):
        for key in ("k", "a//b"):
            upload(key, b"data")
            fault("GetObject", 200, "OK", body="da", missing=2)
            assert store.read(key).data == b"data"
        assert store.requests()["GetObject"] == 4

    def test_a_listing_that_breaks_off(self, store, upload, fault, monkeypatch):
        for number in range(3):
            upload(f"k{number}")
        page = s3_module.S3Requests.ask

        def small(self, operation, key, request, parameters, **more):
            return page(self, operation, key, request, {**parameters, "MaxKeys": 2}, **more)

        monkeypatch.setattr(s3_module.S3Requests, "ask", small)
        assert [info.key for info in store.list()] == ["k0", "k1", "k2"]
        listing = store.list()
        assert [next(listing).key, next(listing).key] == ["k0", "k1"]
        fault("ListObjectsV2", 403, "AccessDenied")
        with pytest.raises(Forbidden, match="s3:ListBucket"):
            next(listing)

    @pytest.mark.parametrize(
        ("entries", "words"),
        [
            ("<IsTruncated>true</IsTruncated>", "broke off"),
            (
                "<IsTruncated>false</IsTruncated>"
                + "".join(
                    f"<Contents><Key>{key}</Key><Size>1</Size><ETag>e</ETag>"
                    "<LastModified>2020-01-01T00:00:00Z</LastModified></Contents>"
                    for key in "ba"
                ),
                "byte order",
            ),
        ],
    )
    def test_a_listing_that_cannot_be_trusted(self, store, fault, entries, words):
        fault("ListObjectsV2", 200, "OK", body=f"<ListBucketResult>{entries}</ListBucketResult>")
        with pytest.raises(StoreFault, match=words):
            list(store.list())

    def test_a_mangled_listing(self, store, upload, fault):
        upload("k")
        fault("ListObjectsV2", 200, "OK", body="<ListBucketResult><Contents><Key>")
        assert [info.key for info in store.list()] == ["k"]

    def test_expired_credentials_are_asked_for_anew(self, store, upload, fault, monkeypatch):
        upload("k", b"data")
        asked = []
        real = SessionCredentials.__call__
        monkeypatch.setattr(SessionCredentials, "__call__", lambda self: asked.append(1) or real(self))
        store.read("k")
        fault("GetObject", 400, "ExpiredToken")
        assert store.read("k").data == b"data"
        assert len(asked) == 2

    def test_credentials_that_stay_expired(self, store, fault):
        fault("GetObject", 400, "ExpiredToken", times=99)
        with pytest.raises(Forbidden, match="ExpiredToken"):
            store.read("k")


class TestLostAnswers:
    """The effect is there, its answer is not: what the next attempt meets may be our own."""

    @pytest.mark.parametrize("key", ["k", "a//b"])
    @pytest.mark.parametrize("status", [500, 0])
    def test_of_a_create(self, store, fault, key, status):
        fault("PutObject", status, "InternalError", after=True)
        made = store.create(key, b"mine")
        assert store.requests()["PutObject"] == 2
        assert store.head(key).etag == made.etag

    def test_of_a_create_that_lost_the_race(self, store, upload, fault):
        upload("k", b"theirs")
        fault("PutObject", 500, "InternalError")
        with pytest.raises(AlreadyExists):
            store.create("k", b"mine")
        assert store.read("k").data == b"theirs"

    def test_a_first_refusal_is_never_ours(self, store, upload):
        upload("k", b"mine")
        with pytest.raises(AlreadyExists):
            store.create("k", b"mine")
        assert "GetObject" not in store.requests()

    @pytest.mark.parametrize(
        ("mode", "request_name"),
        [("multipart", "CompleteMultipartUpload"), ("header", "CopyObject"), ("put", "PutObject")],
    )
    def test_of_a_copy(self, make, fault, mode, request_name):
        store = make(copy_mode=mode)
        source = store.create("source", b"data")
        fault(request_name, 500, "InternalError", after=True)
        made = store.copy(source, "target")
        assert store.head("target").etag == made.etag
        assert store.read("target").data == b"data"

    def test_of_a_completion_that_s3_forgot(self, store, fault):
        source = store.create("source", b"data")
        fault("CompleteMultipartUpload", 500, "InternalError", after=True)
        fault("CompleteMultipartUpload", 404, "NoSuchUpload")
        made = store.copy(source, "target")
        assert store.head("target").etag == made.etag

    def test_of_a_copy_that_lost_the_race(self, make, upload, fault):
        store = make(copy_mode="header")
        source = store.create("source", b"mine")
        upload("target", b"other")
        fault("CopyObject", 500, "InternalError")
        with pytest.raises(AlreadyExists):
            store.copy(source, "target")

    def test_of_a_copy_through_a_file(self, make, fault):
        store = make(copy_mode="put")
        source = store.create("source", b"data")
        copier = S3Copier(store._requests, "put", store.same_bytes, in_memory=3)
        fault("PutObject", 500, "InternalError", after=True)
        made = copier.copy(source, "target")
        assert store.head("target").etag == made.etag

    def test_of_an_empty_copy(self, store, fault):
        source = store.create("source", b"")
        fault("PutObject", 500, "InternalError", after=True)
        assert store.copy(source, "target").size == 0

    def test_a_conflict_is_tried_again(self, store, fault):
        fault("PutObject", 409, "ConditionalRequestConflict", times=2)
        assert store.create("k", b"x").size == 1


class TestCopies:
    def test_header_mode_sends_both_conditions(self, make, s3_server):
        store = make(copy_mode="header")
        source = store.create("so urce+%é", b"x")
        s3_server.seen.clear()
        store.copy(source, "target")
        (sent,) = s3_server.seen
        assert sent.name == "CopyObject"
        assert sent.headers["if-none-match"] == "*"
        assert sent.headers["x-amz-copy-source-if-match"] == f'"{source.etag}"'

    def test_multipart_mode_sends_both_conditions(self, store, s3_server):
        source = store.create("source", b"x")
        s3_server.seen.clear()
        store.copy(source, "target")
        sent = {request.name: request.headers for request in s3_server.seen}
        assert list(sent) == ["CreateMultipartUpload", "UploadPartCopy", "CompleteMultipartUpload"]
        assert sent["UploadPartCopy"]["x-amz-copy-source-if-match"] == f'"{source.etag}"'
        assert sent["CompleteMultipartUpload"]["if-none-match"] == "*"

    def test_the_default_away_from_s3_is_multipart(self, store, s3_server):
        store.copy(store.create("source", b"x"), "target")
        assert "CopyObject" not in s3_server.names_seen()

    def test_a_server_that_ignores_the_source_condition_is_found_out(
        self, store, upload, s3_server, s3_bucket
    ):
        upload("source", b"first")
        listed = store.head("source")
        upload("source", b"other")
        with pytest.raises(Changed):
            store.copy(listed, "target")
        assert "UploadPartCopy" in s3_server.names_seen()
        assert uploads_under_way(s3_server, s3_bucket) == []
        with pytest.raises(NotFound):
            store.head("target")

    def test_large_objects_go_in_parts(self, make, s3_bucket, s3_server):
        store = make(copy_mode="header")
        mebibyte = 1024 * 1024
        data = bytes(range(256)) * (11 * 4096)
        source = store.create("source", data)
        copier = S3Copier(
            store._requests, "header", store.same_bytes, max_single=6 * mebibyte, part=5 * mebibyte
        )
        made = copier.copy(source, "target")
        assert s3_server.names_seen().count("UploadPartCopy") == 3
        assert store.head("target").etag == made.etag
        assert made.etag.endswith("-3")
        assert store.same_bytes(source, store.head("target"))

    def test_a_completion_that_must_begin_anew(self, store, fault, s3_server, s3_bucket):
        source = store.create("source", b"data")
        fault("CompleteMultipartUpload", 409, "ConditionalRequestConflict", times=2)
        store.copy(source, "target")
        assert s3_server.names_seen().count("CreateMultipartUpload") == 3
        assert store.read("target").data == b"data"
        assert uploads_under_way(s3_server, s3_bucket) == []

    def test_a_completion_that_never_comes(self, store, fault, s3_server, s3_bucket):
        source = store.create("source", b"data")
        fault("CompleteMultipartUpload", 409, "ConditionalRequestConflict", times=99)
        with pytest.raises(StoreFault, match="ConditionalRequestConflict"):
            store.copy(source, "target")
        assert uploads_under_way(s3_server, s3_bucket) == []

    def test_a_failed_clean_up_does_not_hide_the_cause(self, store, upload, fault):
        source = store.create("source", b"data")
        upload("target", b"old")
        fault("AbortMultipartUpload", 403, "AccessDenied")
        with pytest.raises(AlreadyExists):
            store.copy(source, "target")

    @pytest.mark.parametrize(
        ("mode", "request_name"),
        [("multipart", "UploadPartCopy"), ("multipart", "CompleteMultipartUpload"), ("header", "CopyObject")],
    )
    def test_success_with_an_error_inside(self, make, fault, mode, request_name):
        """API_CopyObject: an error during the copy comes in the body of a 200."""
        store = make(copy_mode=mode)
        source = store.create("source", b"data")
        fault(request_name, 200, "InternalError")
        assert store.copy(source, "target").size == 4
        assert store.requests()[request_name] == 2
        fault(request_name, 200, "SlowDown", times=99)
        with pytest.raises(StoreFault, match="SlowDown"):
            store.copy(source, "other")

    def test_put_mode_sends_both_conditions(self, make, s3_server):
        store = make(copy_mode="put")
        source = store.create("so urce+%é", b"x")
        s3_server.seen.clear()
        store.copy(source, "target")
        assert s3_server.names_seen() == ["GetObject", "PutObject"]
        read, written = s3_server.seen
        assert read.headers["if-match"] == f'"{source.etag}"'
        assert written.headers["if-none-match"] == "*"

    def test_put_mode_puts_what_was_just_read_whole(self, make, upload, s3_server):
        store = make(copy_mode="put")
        upload("source", b"first")
        first = store.read("source", start=0, length=100).info
        s3_server.seen.clear()
        store.copy(first, "target")
        assert s3_server.names_seen() == ["PutObject"]
        assert store.read("target").data == b"first"

    def test_put_mode_puts_the_version_that_was_named(self, make, upload, s3_server):
        store = make(copy_mode="put")
        upload("source", b"first")
        first = store.read("source").info
        upload("source", b"other")
        other = store.read("source", length=3).info
        store.copy(other, "second")
        store.copy(first, "target")
        assert store.read("target").data == b"first"
        assert store.read("second").data == b"other"

    def test_what_was_read_is_kept_within_bounds(self):
        objects = [ObjectInfo(name, 4, "e", datetime.now(UTC)) for name in "abc"]
        just_read = _JustRead(10)
        for info in objects:
            just_read.add(info, info.key.encode() * 4)
            just_read.add(info, info.key.encode() * 4)
        assert [just_read.take(info) for info in objects] == [None, b"bbbb", b"cccc"]
        assert just_read.take(objects[1]) is None
        just_read.add(objects[0], bytes(11))
        assert just_read.take(objects[0]) is None

    def test_put_mode_sends_large_objects_through_a_file(self, make, upload, s3_server):
        store = make(copy_mode="put")
        source = store.create("source", bytes(range(250)))
        copier = S3Copier(store._requests, "put", store.same_bytes, in_memory=100)
        s3_server.seen.clear()
        made = copier.copy(source, "target")
        assert s3_server.names_seen() == ["GetObject"] * 3 + ["PutObject"]
        assert store.read("target").data == bytes(range(250))
        assert (made.size, made.etag) == (250, store.head("target").etag)
        with pytest.raises(AlreadyExists):
            copier.copy(source, "target")
        upload("source", b"other")
        with pytest.raises(Changed):
            copier.copy(source, "another")

    def test_head_mode_looks_first(self, make, upload, s3_server):
        store = make(copy_mode="head")
        source = store.create("source", b"data")
        assert store.read(store.copy(source, "target").key).data == b"data"
        with pytest.raises(AlreadyExists):
            store.copy(source, "target")
        upload("source", b"other data")
        with pytest.raises(Changed):
            store.copy(source, "another")
        with pytest.raises(NotFound):
            store.copy(replace(source, key="missing"), "another")
        assert s3_server.names_seen().count("CopyObject") == 1


class TestArchives:
    @pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
    def test_archived(self, make, upload, storage_class):
        upload("cold", b"data", StorageClass=storage_class)
        store = make(copy_mode="header")
        (listed,) = store.list()
        assert listed.archived
        assert store.head("cold").archived
        for attempt in (
            lambda: store.read("cold"),
            lambda: store.read("cold", start=0, length=2, etag=listed.etag),
            lambda: store.copy(listed, "target"),
        ):
            with pytest.raises(Archived):
                attempt()

    def test_restored(self, store, upload, s3_server, s3_bucket):
        upload("cold", b"data", StorageClass="GLACIER")
        s3_server.client.restore_object(Bucket=s3_bucket, Key="cold", RestoreRequest={"Days": 1})
        assert not store.head("cold").archived
        assert store.read("cold").data == b"data"

    @pytest.mark.parametrize("storage_class", ["STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING"])
    def test_merely_cool(self, store, upload, storage_class):
        upload("cool", b"data", StorageClass=storage_class)
        assert not store.head("cool").archived
        assert not next(store.list()).archived
        assert store.read("cool").data == b"data"


class TestSameBytes:
    def test_plain_etags_need_no_reading(self, store, s3_server):
        one, two, other = (
            store.create(key, data) for key, data in zip("abc", (b"x", b"x", b"y"), strict=True)
        )
        assert store.same_bytes(one, two)
        assert not store.same_bytes(one, other)
        assert "GetObject" not in s3_server.names_seen()

    def test_sizes_need_no_request(self, store, s3_server):
        one, two = store.create("a", b"x"), store.create("b", b"xx")
        s3_server.seen.clear()
        assert not store.same_bytes(one, two)
        assert s3_server.seen == []

    def test_etags_under_kms_tell_nothing(self, store, upload, s3_server):
        for key in "ab":
            upload(key, b"x", ServerSideEncryption="aws:kms")
        assert store.same_bytes(store.head("a"), store.head("b"))
        assert s3_server.names_seen().count("GetObject") == 2

    @pytest.mark.parametrize(
        ("one", "two", "verdict"),
        [
            ({}, {}, None),
            ({"ETag": '"x"'}, {"ETag": '"x"'}, None),
            ({"ETag": f'"{"a" * 32}"'}, {"ETag": f'"{"a" * 32}"'}, True),
            ({"ETag": f'"{"a" * 32}"'}, {"ETag": f'"{"b" * 32}"'}, False),
            ({"ETag": f'"{"a" * 32}-1"'}, {"ETag": f'"{"a" * 32}-1"'}, None),
            (
                {"ETag": f'"{"a" * 32}"', "ServerSideEncryption": "AES256"},
                {"ETag": f'"{"a" * 32}"'},
                True,
            ),
            (
                {"ETag": f'"{"a" * 32}"', "ServerSideEncryption": "aws:kms"},
                {"ETag": f'"{"a" * 32}"'},
                None,
            ),
            (
                {"ETag": f'"{"a" * 32}"', "SSECustomerAlgorithm": "AES256"},
                {"ETag": f'"{"b" * 32}"'},
                None,
            ),
            (
                {"ChecksumType": "FULL_OBJECT", "ChecksumCRC64NVME": "q"},
                {"ChecksumType": "FULL_OBJECT", "ChecksumCRC64NVME": "q"},
                True,
            ),
            (
                {"ChecksumType": "FULL_OBJECT", "ChecksumCRC64NVME": "q"},
                {"ChecksumType": "FULL_OBJECT", "ChecksumCRC64NVME": "r"},
                False,
            ),
            (
                {"ChecksumType": "FULL_OBJECT", "ChecksumCRC64NVME": "q"},
                {"ChecksumType": "FULL_OBJECT", "ChecksumSHA256": "q"},
                None,
            ),
            (
                {"ChecksumType": "COMPOSITE", "ChecksumCRC32": "q"},
                {"ChecksumType": "COMPOSITE", "ChecksumCRC32": "q"},
                None,
            ),
        ],
    )
    def test_what_heads_tell(self, one, two, verdict):
        assert s3_module._same_checksums(one, two) is verdict
        assert s3_module._same_checksums(two, one) is verdict
