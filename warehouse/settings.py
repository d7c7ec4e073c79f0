"""Environment and flags -> Settings, read once at the entry point and passed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import unquote, urlsplit

from warehouse import __version__
from warehouse.errors import SettingsError

CopyMode = Literal["header", "multipart", "head"]

DEFAULT_CONCURRENCY = 32
MAXIMUM_CONCURRENCY = 1024


@dataclass(frozen=True, slots=True)
class Location:
    """Where a warehouse lives: an S3 bucket's name, or a folder's path."""

    kind: Literal["s3", "folder"]
    name: str

    def __str__(self) -> str:
        return f"s3://{self.name}" if self.kind == "s3" else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one run is told. `warnings` are for the person who told it."""

    location: Location
    dry_run: bool = False
    strict: bool = False
    concurrency: int = DEFAULT_CONCURRENCY
    profile: str | None = None
    role_arn: str | None = None
    endpoint_url: str | None = None
    copy_mode: CopyMode | None = None
    warnings: tuple[str, ...] = ()


def read_settings(
    environment: Mapping[str, str],
    *,
    bucket: str | None = None,
    dry_run: bool = False,
    strict: bool = False,
    concurrency: int | None = None,
    profile: str | None = None,
    role_arn: str | None = None,
) -> Settings:
    """Join flags and environment; a flag wins over its variable. Raises SettingsError."""
    warnings = []
    if environment.get("COMMIT"):
        warnings.append(f"COMMIT is ignored: the code that runs is version {__version__}, as installed")
    return Settings(
        location=locate(bucket or _bucket(environment)),
        dry_run=dry_run or bool(environment.get("DRY_RUN")),
        strict=strict,
        concurrency=concurrency if concurrency is not None else read_concurrency(environment),
        profile=profile or environment.get("AWS_PROFILE") or None,
        role_arn=role_arn,
        endpoint_url=environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or None,
        copy_mode=_copy_mode(environment.get("WAREHOUSE_S3_COPY") or None),
        warnings=tuple(warnings),
    )


def locate(bucket: str) -> Location:
    """Read a bucket as a person writes it: `s3://name` or a bare name, or a folder as `file:///path`,
    `/path`, `./path` or `../path`. A bare name that is a folder here means that folder."""
    if bucket.startswith("s3://"):
        name, _, rest = bucket.removeprefix("s3://").partition("/")
        if not name or rest:
            raise SettingsError("a bucket is named s3://bucket, without a path behind it")
        return Location("s3", name)
    if bucket.startswith("file:"):
        url = urlsplit(bucket)
        if url.netloc not in ("", "localhost") or not url.path.startswith("/"):
            raise SettingsError("a folder is named file:///path, with three slashes")
        return Location("folder", unquote(url.path))
    if "/" in bucket or bucket in (".", "..") or Path(bucket).is_dir():
        return Location("folder", bucket)
    return Location("s3", bucket)


def read_concurrency(environment: Mapping[str, str]) -> int:
    """How many objects are in work at once, from WAREHOUSE_CONCURRENCY. Raises SettingsError."""
    text = environment.get("WAREHOUSE_CONCURRENCY") or str(DEFAULT_CONCURRENCY)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAXIMUM_CONCURRENCY:
        raise SettingsError(f"WAREHOUSE_CONCURRENCY must be a whole number from 1 to {MAXIMUM_CONCURRENCY}")
    return int(text)


def _bucket(environment: Mapping[str, str]) -> str:
    names = {environment[name] for name in ("WAREHOUSE_BUCKET", "BUCKET_NAME") if environment.get(name)}
    if not names:
        raise SettingsError("no bucket: name one, or set WAREHOUSE_BUCKET")
    if len(names) > 1:
        raise SettingsError("WAREHOUSE_BUCKET and BUCKET_NAME are both set and differ: unset one")
    return names.pop()


def _copy_mode(text: str | None) -> CopyMode | None:
    for mode in get_args(CopyMode):
        if text == mode:
            return mode  # type: ignore[no-any-return]
    if text is not None:
        raise SettingsError(f"WAREHOUSE_S3_COPY must be one of {', '.join(get_args(CopyMode))}")
    return None
