"""An S3 server on the loopback: moto, made atomic, with faults on request."""

from __future__ import annotations

import re
import socket
import uuid
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from botocore.config import Config
from loopback import REGION, Loopback, s3_backend, service_app
from permissions import Grant, allowed

ERROR = (
    "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{}</Code><Message>a test's doing</Message></Error>"
)


@dataclass(frozen=True)
class Request:
    """What a client sent; `name` is the API's name for the few requests that tests ask about."""

    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        if "uploadId=" in self.query or self.query.startswith("uploads"):
            names = {
                "POST": "CompleteMultipartUpload",
                "PUT": "UploadPartCopy",
                "DELETE": "AbortMultipartUpload",
            }
            return "CreateMultipartUpload" if self.query.startswith("uploads") else names[self.method]
        if "list-type=2" in self.query:
            return "ListObjectsV2"
        if "x-amz-copy-source" in self.headers:
            return "CopyObject"
        names = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
        return names.get(self.method, self.method)

    @property
    def access_key(self) -> str:
        """Whose request it is, by its signature (Signature Version 4, in the Authorization header)."""
        found = re.search(r"Credential=([^/]+)/", self.headers.get("authorization", ""))
        return found[1] if found else ""


@dataclass
class Fault:
    """Answers the next `times` requests of one name with a status and an S3 code, instead of moto.

    `after` lets moto act first, so that the effect is there and only its answer is lost. Status 0 cuts
    the connection without an answer. `body` stands in for S3's error document;
    so many bytes as `missing` says are promised and never sent. Only requests whose path and query `about`
    is found in are meant, and with `with_header` those that have such a header.
    """

    name: str
    status: int
    code: str
    times: int = 1
    after: bool = False
    body: str | None = None
    missing: int = 0
    about: str = ""
    with_header: str = ""

    def is_for(self, request: Request) -> bool:
        uri = f"{request.path}?{unquote(request.query)}"
        if self.with_header and self.with_header not in request.headers:
            return False
        return self.name == request.name and re.search(self.about, uri) is not None


class S3Server(Loopback):
    """moto behind a lock: one request at a time, as atomic as S3 is; it records and spoils requests.

    moto ignores the conditions on CopyObject; those are added here, as API_CopyObject has them, while
    `copies_heed`. Who is named in `roles`, by an access key, may do what is granted there and nothing else.
    """

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.roles: dict[str, Sequence[Grant]] = {}
        self.seen: list[Request] = []
        self.copies_heed = True
        # Not moto's dispatcher: it looks for all of moto's services on the disk at each request.
        super().__init__(service_app("s3"))

    @cached_property
    def client(self) -> Any:
        """A boto3 client, for tests to play the uploader with."""
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        return self.session().client("s3", endpoint_url=self.endpoint, config=config)

    def new_bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def copy_bucket(self, template: str) -> str:
        """A new bucket with the objects of another, ETags and times too, without a request for each."""
        name = self.new_bucket()
        with self._lock:
            copies = s3_backend().get_bucket(name).keys
            for key in s3_backend().get_bucket(template).keys.values():
                copied = copy(key)
                copied.bucket_name, copied._metadata = name, copy(key._metadata)
                copies[copied.name] = copied
        return name

    def plan(self, name: str, status: int, code: str, **more: Any) -> None:
        """Spoil the next requests of that name; see `Fault`."""
        self.faults.append(Fault(name, status, code, **more))

    def names_seen(self) -> list[str]:
        return [request.name for request in self.seen]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, _, query = environ["RAW_URI"].partition("?")
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        request = Request(environ["REQUEST_METHOD"], unquote(path), query, headers)
        with self._lock:
            self.seen.append(request)
            grants = self.roles.get(request.access_key)
            if grants is not None and not allowed(grants, request):
                denied = Fault(request.name, 403, "AccessDenied")
                return _answer(denied, environ, start_response)
            fault = next((fault for fault in self.faults if fault.is_for(request)), None)
            if fault is not None:
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
                if fault.after:
                    list(self._moto(environ, lambda *_: None))
                return _answer(fault, environ, start_response)
            if request.name == "CopyObject" and self.copies_heed and (unmet := _unmet(request)):
                return _answer(unmet, environ, start_response)
            return list(self._moto(environ, start_response))


def _answer(fault: Fault, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if not fault.after:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if not fault.status:
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionError("the test wants no answer")
    document = ERROR.format(fault.code) if fault.body is None else fault.body
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else document.encode()
    headers = {
        "Content-Length": str(len(body) + fault.missing),
        "ETag": '"e"',
        "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
    }
    start_response(f"{fault.status} {fault.code}", list(headers.items()))
    return [body]


def _unmet(request: Request) -> Fault | None:
    backend = s3_backend()
    bucket, key = request.path.lstrip("/").split("/", 1)
    source_bucket, source_key = unquote(request.headers["x-amz-copy-source"]).lstrip("/").split("/", 1)
    source = backend.get_object(source_bucket, source_key)
    wanted = request.headers.get("x-amz-copy-source-if-match")
    if source is not None and wanted is not None and wanted.strip('"') != source.etag.strip('"'):
        return Fault("CopyObject", 412, "PreconditionFailed")
    taken = backend.get_object(bucket, key) is not None
    if request.headers.get("if-none-match") == "*" and taken:
        return Fault("CopyObject", 412, "PreconditionFailed")
    return None
