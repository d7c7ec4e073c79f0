"""Environment and flags -> Settings, read once at the entry point and passed down."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import unquote, urlsplit

from warehouse import __version__
from warehouse.errors import SettingsError

CopyMode = Literal["header", "multipart", "put", "head"]
LogFormat = Literal["text", "json"]

# The second is the older name.
VARIABLES = ("WAREHOUSE_BUCKET", "BUCKET_NAME")

DEFAULT_CONCURRENCY = 32
MAXIMUM_CONCURRENCY = 1024

# An inventory is made each day, and can take the next one to arrive.
DEFAULT_INVENTORY_MAX_AGE = timedelta(hours=48)

ACCEPTED = "a bucket is s3://name or a bare name, a folder is file:///path, /path or ./path"

# S3's rules for new buckets are narrower; the oldest buckets, and those of other servers, are not.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOURS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
# IAM User Guide, "IAM identifiers": partitions are aws, aws-cn, aws-us-gov and their like.
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+")
# Service Authorization Reference, Amazon SNS, "Resource types": a topic.
_TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}")
# API_CreateStack, `StackName`.
_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a warehouse lives: an S3 bucket's name, or a folder's path.

    `bare` where a bucket was named without `s3://`, so that a folder may have been meant; `origin` is what
    named it, for a person to correct.
    """

    kind: Literal["s3", "folder"]
    name: str
    bare: bool = field(default=False, compare=False)
    origin: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"s3://{self.name}" if self.kind == "s3" else self.name

    def holds(self, path: Path) -> bool:
        """Whether a file that is written at a path lies in the warehouse, links followed or replaced."""
        if self.kind != "folder":
            return False
        replaced = os.path.normpath(os.path.join(os.path.realpath(path.parent), path.name))
        root = os.path.realpath(self.name)
        return any(Path(one).is_relative_to(root) for one in (os.path.realpath(path), replaced))

    def key_of(self, text: str) -> str:
        """The key of an object as a person gives it: by itself, behind a slash or this bucket's name; in a
        folder, also as the path of a file. Raises SettingsError where it names another bucket or folder.
        """
        key = self._key_behind_the_name(text)
        if not key:
            raise SettingsError("that is the bucket itself: name an object in it")
        return key

    def _key_behind_the_name(self, text: str) -> str:
        if text.startswith("s3://"):
            bucket, _, key = text.removeprefix("s3://").partition("/")
            if (self.kind, self.name) != ("s3", bucket):
                raise SettingsError(f"that object is in s3://{bucket}, and this is {self}: name that bucket")
            return key
        if self.kind == "s3":
            return text.removeprefix("/").removeprefix(f"{self.name}/")
        path = _path_of(text) if text.startswith("file:") else text
        if (inside := self._key_of_file(path)) is not None:
            return inside
        if path != text or (os.path.isabs(path) and os.path.lexists(path)):
            raise SettingsError(f"that file does not lie in {self}: name the folder that it lies in")
        return text.removeprefix("/")

    def _key_of_file(self, path: str) -> str | None:
        """The key of a file in this folder; None for a path elsewhere, and for what need not be a path."""
        begins = (os.path.join(self.name, ""), os.path.join(".", ""), "/")
        if not path.startswith(begins) and not os.path.lexists(path):
            return None
        parent, name = os.path.split(os.path.abspath(path))
        for root in (os.path.abspath(self.name), os.path.realpath(self.name)):
            for folder in (parent, os.path.realpath(parent)):
                full = os.path.join(folder, name)
                if full == root:
                    return ""
                if full.startswith(os.path.join(root, "")):
                    return os.path.relpath(full, root)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one run is told. `warnings` are for the person who told it.

    With `inventory`, the raw objects are those of an S3 Inventory no older than `inventory_max_age`.
    `local_only` keeps summary tables on this machine, in the folder `out` or in one of their own; without
    `message`, no file is written for a notification.
    """

    location: Location
    dry_run: bool = False
    local_only: bool = False
    out: Path | None = None
    message: bool = True
    strict: bool = False
    inventory: bool = False
    inventory_max_age: timedelta = DEFAULT_INVENTORY_MAX_AGE
    concurrency: int = DEFAULT_CONCURRENCY
    profile: str | None = None
    role_arn: str | None = None
    endpoint_url: str | None = None
    copy_mode: CopyMode | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSettings:
    """What a container is told beside the pipeline's own settings.

    Without a topic, with its region, nothing is sent; without a stack, nothing is measured.
    """

    topic_arn: str | None = None
    topic_region: str | None = None
    stack: str | None = None
    log_format: LogFormat = "text"


def read_settings(
    environment: Mapping[str, str],
    *,
    bucket: str | None = None,
    origin: str = "the argument BUCKET",
    dry_run: bool = False,
    local_only: bool = False,
    out: Path | None = None,
    strict: bool = False,
    inventory: bool = False,
    inventory_max_age: str | None = None,
    concurrency: int | None = None,
    profile: str | None = None,
    role_arn: str | None = None,
    writes: Mapping[str, Path | None] | None = None,
) -> Settings:
    """Join flags and environment; a flag wins over its variable. `origin` is what gave `bucket`, in words.

    `writes` are the places of this machine that the command writes to, by the argument that names each: none
    may lie within the warehouse, whose objects only a load writes. Raises SettingsError.
    """
    warnings = []
    if environment.get("COMMIT"):
        warnings.append(f"COMMIT is ignored: the code that runs is version {__version__}, as installed")
    if not bucket:
        origin, bucket = _bucket(environment)
    location = replace(locate(bucket), origin=origin)
    inventory = inventory or bool(environment.get("WAREHOUSE_INVENTORY"))
    if inventory_max_age is not None and not inventory:
        raise SettingsError("--inventory-max-age needs --inventory: add it, or leave both out")
    for argument, path in (writes or {}).items():
        if path is not None and location.holds(path):
            raise SettingsError(f"{argument} lies within the warehouse itself: name a place outside of it")
    return Settings(
        location=location,
        dry_run=dry_run or bool(environment.get("DRY_RUN")),
        local_only=local_only or out is not None or bool(environment.get("LOCAL_ONLY")),
        out=out,
        message=not environment.get("NO_OUTPUT_FILE"),
        strict=strict,
        inventory=inventory,
        inventory_max_age=_inventory_max_age(inventory_max_age, environment),
        concurrency=concurrency if concurrency is not None else read_concurrency(environment),
        profile=profile or environment.get("AWS_PROFILE") or None,
        role_arn=role_arn_of(role_arn),
        endpoint_url=_endpoint_url(environment) if location.kind == "s3" else None,
        copy_mode=_copy_mode(environment.get("WAREHOUSE_S3_COPY") or None),
        warnings=tuple(warnings),
    )


def locate(bucket: str) -> Location:
    """Read a bucket as a person writes it: `s3://name` or a bare name, or a folder as `file:///path`,
    `/path`, `./path` or `../path`. A bare name that is a folder here means that folder. Raises SettingsError.
    """
    _require_text(bucket)
    if bucket.startswith("s3://"):
        name, _, rest = bucket.removeprefix("s3://").partition("/")
        if not name or rest:
            raise SettingsError("a bucket is named s3://bucket, without a path behind it")
        if not _BUCKET.fullmatch(name):
            raise SettingsError("what stands behind s3:// is no name that a bucket can have")
        return Location("s3", name)
    if bucket.startswith("file:"):
        return Location("folder", _path_of(bucket))
    if _SCHEME.match(bucket):
        raise SettingsError(f"that kind of address is not known: {ACCEPTED}")
    if "/" in bucket or bucket in (".", "..") or os.path.isdir(bucket):
        return Location("folder", bucket)
    if not _BUCKET.fullmatch(bucket):
        raise SettingsError(
            f"{bucket[:80]!r} is no folder here, and no name that a bucket can have: {ACCEPTED}"
        )
    return Location("s3", bucket, bare=True)


def read_concurrency(environment: Mapping[str, str]) -> int:
    """How many objects are in work at once, from WAREHOUSE_CONCURRENCY. Raises SettingsError."""
    text = environment.get("WAREHOUSE_CONCURRENCY") or str(DEFAULT_CONCURRENCY)
    if not _WHOLE_NUMBER.fullmatch(text) or not 1 <= int(text) <= MAXIMUM_CONCURRENCY:
        raise SettingsError(f"WAREHOUSE_CONCURRENCY must be a whole number from 1 to {MAXIMUM_CONCURRENCY}")
    return int(text)


def read_log_format(environment: Mapping[str, str]) -> LogFormat:
    """How lines are written, from WAREHOUSE_LOG_FORMAT. Raises SettingsError."""
    text = environment.get("WAREHOUSE_LOG_FORMAT") or "text"
    for known in get_args(LogFormat):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise SettingsError(f"WAREHOUSE_LOG_FORMAT must be one of {', '.join(get_args(LogFormat))}")


def read_task_settings(environment: Mapping[str, str]) -> TaskSettings:
    """Whom a container tells of its run, and how. Raises SettingsError."""
    topic, stack = environment.get("TOPIC_ARN") or None, environment.get("WAREHOUSE_STACK") or None
    parts = _TOPIC_ARN.fullmatch(topic or "")
    if topic is not None and parts is None:
        raise SettingsError("TOPIC_ARN is not of the form arn:aws:sns:<region>:<12 digits>:<name>")
    if stack is not None and not _STACK.fullmatch(stack):
        raise SettingsError("WAREHOUSE_STACK is a name of letters, digits and hyphens, such as warehouse-dev")
    return TaskSettings(
        topic_arn=topic,
        topic_region=parts["region"] if parts else None,
        stack=stack,
        log_format=read_log_format(environment),
    )


def _inventory_max_age(flag: str | None, environment: Mapping[str, str]) -> timedelta:
    name, text = "--inventory-max-age", flag
    if text is None:
        name, text = "WAREHOUSE_INVENTORY_MAX_AGE", environment.get("WAREHOUSE_INVENTORY_MAX_AGE") or None
    if text is None:
        return DEFAULT_INVENTORY_MAX_AGE
    if not _HOURS.fullmatch(text) or not float(text):
        raise SettingsError(f"{name} must be a number of hours above 0, such as 36 or 1.5")
    return timedelta(hours=float(text))


def _bucket(environment: Mapping[str, str]) -> tuple[str, str]:
    """The variable that names a bucket, and the name."""
    named = [(name, environment[name]) for name in VARIABLES if environment.get(name)]
    if not named:
        raise SettingsError("no bucket: name one, or set WAREHOUSE_BUCKET")
    if len({bucket for _, bucket in named}) > 1:
        raise SettingsError("WAREHOUSE_BUCKET and BUCKET_NAME are both set and differ: unset one")
    return named[0]


def _path_of(url: str) -> str:
    """The path of a file:// URL. Only escapes are undone: `#` and `?` are characters like others."""
    rest = url.removeprefix("file:")
    path = rest.removeprefix("//").removeprefix("localhost") if rest.startswith("//") else rest
    if not path.startswith("/"):
        raise SettingsError("a folder is named file:///path, with three slashes")
    path = unquote(path, errors="surrogateescape")
    _require_text(path)
    return path


def _require_text(name: str) -> None:
    try:
        usable = "\0" not in name and bool(name.encode())
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise SettingsError("the name of the bucket or folder is no text in UTF-8 without NUL: rename it")


def role_arn_of(text: str | None) -> str | None:
    """The ARN of a role to assume, as --role-arn gives it. Raises SettingsError."""
    if text is not None and not _ROLE_ARN.fullmatch(text):
        raise SettingsError("--role-arn is not of the form arn:aws:iam::<12 digits>:role/<name>")
    return text


def _endpoint_url(environment: Mapping[str, str]) -> str | None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if text := environment.get(name):
            if not _is_endpoint(text):
                raise SettingsError(f"{name} is not of the form https://host or http://host:port")
            return text
    return None


def _is_endpoint(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


def _copy_mode(text: str | None) -> CopyMode | None:
    for mode in get_args(CopyMode):
        if text == mode:
            return mode  # type: ignore[no-any-return]
    if text is not None:
        raise SettingsError(f"WAREHOUSE_S3_COPY must be one of {', '.join(get_args(CopyMode))}")
    return None
