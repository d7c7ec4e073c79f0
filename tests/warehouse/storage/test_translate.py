"""Every error that a foreign library can raise has its place in our tree, and brings nothing private."""

from __future__ import annotations

import errno
import inspect

import botocore.exceptions
import obstore.exceptions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.errors import (
    AlreadyExists,
    Archived,
    Changed,
    Forbidden,
    NotFound,
    Occupied,
    StoreError,
    StoreFault,
    StoreUnavailable,
    Unaddressable,
)
from warehouse.storage import translate
from warehouse.storage.translate import Again, of_botocore, of_obstore, of_os


def exceptions_of(module) -> list[type[Exception]]:
    return [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Exception) and member.__module__ == module.__name__
    ]


@pytest.mark.parametrize("kind", exceptions_of(obstore.exceptions), ids=lambda kind: kind.__name__)
def test_every_obstore_exception_has_a_line_of_its_own(kind):
    assert kind in translate.OBSTORE
    assert isinstance(of_obstore("read", "k", kind("x")).error, StoreError)


@pytest.mark.parametrize("kind", exceptions_of(botocore.exceptions), ids=lambda kind: kind.__name__)
def test_every_botocore_exception_is_caught(kind):
    caught = translate.FROM_BOTOCORE.raises()
    others = (botocore.exceptions.WaiterConfigError, botocore.exceptions.InvalidEndpointConfigurationError)
    assert (
        issubclass(kind, caught) or kind in others or not issubclass(kind, botocore.exceptions.BotoCoreError)
    )


def client_error(status: int, code: str, **more: str) -> botocore.exceptions.ClientError:
    answer = {
        "Error": {"Code": code, "Message": "key patient-4711", **more},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return botocore.exceptions.ClientError(answer, "GetObject")


def obstore_error(kind: type[Exception], key: str, status: int, body: str) -> Exception:
    """As object_store 0.13 words it: first for people, the key as it is; then a dump, strings escaped."""
    escaped = body.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return kind(
        f"Object at location {key} failed: Error performing GET http://host/bucket/{key} in 2ms - "
        f"Server returned non-2xx status code: {status} Some Words: {body}\n\nDebug source:\n"
        f'Generic {{\n    path: "{key}",\n    source: RetryError(\n        RetryErrorImpl {{\n'
        f"            retries: 0,\n            inner: Status {{\n                status: {status},\n"
        f'                body: Some(\n                    "{escaped}",\n                ),\n'
        "            },\n        },\n    ),\n}"
    )


ANSWERS = [
    (404, "NoSuchKey", NotFound, Again.NO),
    (404, "NoSuchBucket", StoreUnavailable, Again.NO),
    (403, "AccessDenied", Forbidden, Again.NO),
    (403, "InvalidAccessKeyId", Forbidden, Again.NO),
    (403, "SomethingNew", Forbidden, Again.NO),
    (403, "InvalidObjectState", Archived, Again.NO),
    (403, "ObjectNotInActiveTierError", Archived, Again.NO),
    (400, "ExpiredToken", Forbidden, Again.RENEW),
    (400, "KeyTooLongError", Unaddressable, Again.NO),
    (400, "RequestTimeout", StoreFault, Again.YES),
    (400, "BadDigest", StoreFault, Again.NO),
    (409, "ConditionalRequestConflict", StoreFault, Again.YES),
    (412, "PreconditionFailed", Changed, Again.NO),
    (416, "InvalidRange", StoreFault, Again.NO),
    (429, "TooManyRequests", StoreFault, Again.YES),
    (500, "InternalError", StoreFault, Again.YES),
    (503, "SlowDown", StoreFault, Again.YES),
    (507, "SomethingNew", StoreFault, Again.YES),
]


@pytest.mark.parametrize(("status", "code", "ours", "again"), ANSWERS)
def test_both_libraries_tell_an_answer_alike(status, code, ours, again):
    body = f"<Error><Code>{code}</Code><Key>&lt;Code&gt;</Key></Error>"
    foreign = obstore_error(obstore.exceptions.GenericError, "k", status, body)
    for fault in (of_botocore("read", "k", client_error(status, code)), of_obstore("read", "k", foreign)):
        assert (type(fault.error), fault.again) == (ours, again)
        assert fault.error.operation == "read"
        assert fault.error.key == "k"
        assert "4711" not in str(fault.error)


@pytest.mark.parametrize(
    ("status", "ours", "again"),
    [
        (404, NotFound, Again.NO),
        (403, Forbidden, Again.NO),
        (400, StoreFault, Again.NO),
        (503, StoreFault, Again.YES),
    ],
)
def test_a_head_has_only_a_status(status, ours, again):
    foreign = obstore_error(obstore.exceptions.GenericError, "k", status, "")
    for fault in (
        of_botocore("head", "k", client_error(status, str(status))),
        of_obstore("head", "k", foreign),
    ):
        assert (type(fault.error), fault.again) == (ours, again)


def test_a_failed_precondition_means_what_the_request_says():
    foreign = obstore_error(obstore.exceptions.AlreadyExistsError, "k", 412, "")
    assert type(of_obstore("create", "k", foreign, AlreadyExists).error) is AlreadyExists
    assert type(of_obstore("read", "k", foreign).error) is Changed
    error = client_error(412, "PreconditionFailed")
    assert type(of_botocore("copy", "k", error, AlreadyExists).error) is AlreadyExists
    about_source = client_error(412, "PreconditionFailed", Condition="x-amz-copy-source-If-Match")
    assert type(of_botocore("copy", "k", about_source, AlreadyExists).error) is Changed


def test_a_conflict_is_not_an_existing_object():
    foreign = obstore_error(obstore.exceptions.AlreadyExistsError, "k", 409, "")
    assert of_obstore("create", "k", foreign, AlreadyExists).again is Again.YES


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
def test_no_key_can_forge_an_answer(noise):
    for forged in ("status: 404,", "inner: BareRedirect,", "<Code>NoSuchKey</Code>", noise):
        key = f"{noise} {forged}"
        fault = of_obstore(
            "read", key, obstore_error(obstore.exceptions.GenericError, key, 503, "<Code>SlowDown</Code>")
        )
        assert (type(fault.error), fault.code) == (StoreFault, "SlowDown")


def test_a_redirect_is_an_unusable_bucket():
    text = "Generic S3 error\n\nDebug source:\nGeneric {\n            inner: BareRedirect,\n}"
    fault = of_obstore("read", "k", obstore.exceptions.GenericError(text))
    assert type(fault.error) is StoreUnavailable


@pytest.mark.parametrize(("operation", "permission"), translate.PERMISSIONS.items())
def test_a_refusal_names_the_permission(operation, permission):
    assert permission in str(of_botocore(operation, "k", client_error(403, "AccessDenied")).error)


@pytest.mark.parametrize(
    ("number", "ours"),
    [
        (errno.ENOENT, NotFound),
        (errno.EEXIST, AlreadyExists),
        (errno.EACCES, Forbidden),
        (errno.EPERM, Forbidden),
        (errno.EROFS, Forbidden),
        (errno.ELOOP, Occupied),
        (errno.ENOTDIR, Occupied),
        (errno.EISDIR, Occupied),
        (errno.ENAMETOOLONG, Unaddressable),
        (errno.ENOSPC, StoreFault),
        (errno.EDQUOT, StoreFault),
        (errno.EIO, StoreFault),
        (None, StoreFault),
    ],
)
def test_operating_system(number, ours):
    error = of_os("create", "patient-4711", OSError(number, "words", "patient-4711"))
    assert type(error) is ours
    assert "4711" not in str(error)
    if number:
        assert errno.errorcode[number] in str(error)
