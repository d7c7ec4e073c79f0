"""What servers of the tests share: moto behind a lock, on a port of the loopback, from start to stop."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

REGION = "eu-west-2"

_KEYS = ("test-access-key", "test-secret-key")

Start = Callable[..., Any]


class Loopback(ABC):
    """A server that answers from the moment it is made, through `__call__`; `moto` is what stands behind."""

    def __init__(self, moto: Any) -> None:
        self._moto = moto
        self._lock = threading.Lock()
        self._session = boto3.Session(*_KEYS, region_name=REGION)
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Quiet)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @abstractmethod
    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Answer a request (WSGI)."""

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()

    def session(self) -> boto3.Session:
        """One session for all: each new one reads the service's description again."""
        return self._session

    def upload(self, bucket: str, objects: Iterable[tuple[str, bytes]]) -> None:
        """Put objects behind the protocol's back, as they stand after as many PutObject requests."""
        with self._lock:
            for key, data in objects:
                s3_backend().put_object(bucket, key, data)

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to talk to the server and to nobody else."""
        access, secret = _KEYS
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": REGION,
        }


def s3_backend() -> Any:
    """What all buckets are in: one for all servers of a process."""
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def service_app(service: Any) -> Any:
    """What answers for one service of moto, without what only browsers and authors of web pages need."""
    app = create_backend_app(service)
    # Together they take a quarter of a request's time: help with forms, and headers for other sites (CORS).
    app.debug = False
    app.after_request_funcs.clear()
    return app


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Tests are quiet."""
