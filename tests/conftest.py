"""An S3 server on the loopback for all tests that want one: moto, made atomic, with faults on request."""

from __future__ import annotations

import re
import shutil
import socket
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config
from cloud_server import CloudServer, Installation
from hypothesis import settings
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import create_backend_app
from permissions import Grant, allowed
from werkzeug.serving import WSGIRequestHandler, make_server

from hard_drop import warehouse_in
from support import load
from warehouse.demo import write_drop

# A change is judged by what it changes and not by the luck of a draw, so the suite draws the same
# examples each time; `--hypothesis-profile fresh` draws new ones, and more, as the nightly run does.
settings.register_profile("suite", derandomize=True, print_blob=True)
settings.register_profile("fresh", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile("suite")

REGION = "eu-west-2"

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


class S3Server:
    """moto behind a lock: one request at a time, as atomic as S3 is; it records and spoils requests.

    moto ignores the conditions on CopyObject; those are added here, as API_CopyObject has them, while
    `copies_heed`. Who is named in `roles`, by an access key, may do what is granted there and nothing else.
    """

    def __init__(self) -> None:
        # Not moto's dispatcher: it looks for all of moto's services on the disk at each request.
        self._moto = create_backend_app("s3")
        self._lock = threading.Lock()
        self._session = boto3.Session("test-access-key", "test-secret-key", region_name=REGION)
        self.faults: list[Fault] = []
        self.roles: dict[str, Sequence[Grant]] = {}
        self.seen: list[Request] = []
        self.copies_heed = True
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Quiet)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()

    def session(self) -> boto3.Session:
        """One session for all: each new one reads the service's description again."""
        return self._session

    @cached_property
    def client(self) -> Any:
        """A boto3 client, for tests to play the uploader with."""
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        return self._session.client("s3", endpoint_url=self.endpoint, config=config)

    def new_bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def upload(self, bucket: str, objects: Iterable[tuple[str, bytes]]) -> None:
        """Put objects behind the protocol's back, as they stand after as many PutObject requests."""
        with self._lock:
            for key, data in objects:
                _backend().put_object(bucket, key, data)

    def copy_bucket(self, template: str) -> str:
        """A new bucket with the objects of another, ETags and times too, without a request for each."""
        name = self.new_bucket()
        with self._lock:
            copies = _backend().get_bucket(name).keys
            for key in _backend().get_bucket(template).keys.values():
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


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Tests are quiet."""


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


def _backend() -> Any:
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def _unmet(request: Request) -> Fault | None:
    backend = _backend()
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


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def s3_server(_s3_server: S3Server) -> Iterator[S3Server]:
    """The server, with no fault planned and nothing recorded."""
    _s3_server.faults.clear()
    _s3_server.roles.clear()
    _s3_server.seen.clear()
    yield _s3_server
    _s3_server.faults.clear()
    _s3_server.roles.clear()
    _s3_server.copies_heed = True


@pytest.fixture(scope="session")
def moto_endpoint(_s3_server: S3Server) -> str:
    """The URL of the server, for whoever needs no more (`AWS_ENDPOINT_URL`). Any credentials will do."""
    return _s3_server.endpoint


@pytest.fixture
def s3_bucket(_s3_server: S3Server) -> str:
    """The name of a new, empty bucket."""
    return _s3_server.new_bucket()


@pytest.fixture(scope="session")
def _drop_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demonstration") / "drop"
    write_drop(folder)
    return folder


@pytest.fixture
def drop(_drop_once: Path, tmp_path: Path) -> Path:
    """A folder that holds the demonstration's raw drop and configuration, not yet loaded."""
    return Path(shutil.copytree(_drop_once, tmp_path / "drop"))


@pytest.fixture(scope="session")
def loaded_once(_drop_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration, loaded: a folder to copy, not to change."""
    folder = Path(shutil.copytree(_drop_once, tmp_path_factory.mktemp("loaded") / "drop"))
    store, catalog = warehouse_in(folder)
    assert load(store, catalog).code == 0
    # What a store keeps for its work goes with it.
    store.close()
    return folder


@pytest.fixture(scope="session")
def _cloud_server() -> Iterator[CloudServer]:
    server = CloudServer()
    yield server
    server.stop()


@pytest.fixture
def cloud_server(_cloud_server: CloudServer) -> Iterator[CloudServer]:
    """The whole of moto, which answers for itself again afterwards."""
    yield _cloud_server
    _cloud_server.instead.clear()
    _cloud_server.calls.clear()


@pytest.fixture
def installation(cloud_server: CloudServer) -> Installation:
    """A stack of its own, with its name behind `warehouse-`."""
    return cloud_server.install(f"t{uuid.uuid4().hex[:8]}")
