"""One AWS session a run: the usual chain of credentials, a profile, or a role; always refreshable.

boto3 is imported where a session is made: a warehouse in a folder does without.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ConfigParseError,
    InvalidRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from obstore.exceptions import BaseError

from warehouse.errors import SettingsError, StoreUnavailable
from warehouse.storage.s3_requests import DEFAULT_REGION

if TYPE_CHECKING:
    import boto3
    from botocore.session import Session as BotocoreSession

# Which setting to look at, by what the libraries say of it; never its value, which may be secret.
UNUSABLE: tuple[tuple[type[Exception], str], ...] = (
    (ProfileNotFound, "the AWS profile does not exist: see `aws configure list-profiles`"),
    (
        ConfigParseError,
        "an AWS configuration file is malformed: look at AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, "
        "or the files in ~/.aws",
    ),
    (InvalidRegionError, "that is no AWS region: look at AWS_DEFAULT_REGION, or the profile's region"),
    (
        PartialCredentialsError,
        "the AWS credentials are incomplete: look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        "or the profile",
    ),
    (ValueError, "that is no endpoint: look at AWS_ENDPOINT_URL, or the profile's endpoint_url"),
)

_SILENT = logging.NullHandler()


@contextmanager
def usable_settings() -> Generator[None]:
    """Sessions and clients are made in here: AWS settings that they refuse are raised as SettingsError."""
    try:
        yield
    except (BotoCoreError, BaseError, ValueError) as error:
        # Any other of botocore's many complaints: its class is the best name that it has.
        other = (
            f"the AWS settings cannot be used ({type(error).__name__}): look at the variables and the profile"
        )
        raise SettingsError(
            next((text for kind, text in UNUSABLE if isinstance(error, kind)), other)
        ) from None


def open_session(profile: str | None = None, role_arn: str | None = None) -> boto3.Session:
    """A session of the chain, of `profile`, or of `role_arn` assumed from either (STS AssumeRole).

    Makes no request for a profile or the chain; a role is assumed at the first use. Raises SettingsError.
    """
    for library in ("botocore", "boto3", "urllib3"):
        # Their records quote keys and header values. Where nobody asked for them, Python would show their
        # warnings on standard error.
        logging.getLogger(library).addHandler(_SILENT)
    import boto3

    with usable_settings():
        session = boto3.Session(botocore_session=_botocore_session(), profile_name=profile)
        return session if role_arn is None else _assume(session, role_arn)


def storage_options(
    session: boto3.Session, endpoint_url: str | None = None, region: str | None = None
) -> dict[str, str]:
    """The session's credentials as they are now, in the words of the Delta tables' store.

    `region` is the bucket's own, where it is known better than the session knows it.

    Raises StoreUnavailable where the session has none.
    """
    try:
        credentials = session.get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials is not None else None
    except BotoCoreError as error:
        said = f"the AWS credentials cannot be fetched ({type(error).__name__}): log in again"
        raise StoreUnavailable("find AWS credentials", "", said) from error
    if frozen is None or not frozen.access_key or not frozen.secret_key:
        said = "there are no AWS credentials: log in, or name a --profile"
        raise StoreUnavailable("find AWS credentials", "", said)
    options = {
        "AWS_ACCESS_KEY_ID": frozen.access_key,
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
        "AWS_REGION": region or session.region_name or DEFAULT_REGION,
        "aws_conditional_put": "etag",
    }
    if frozen.token:
        options["AWS_SESSION_TOKEN"] = frozen.token
    if endpoint_url:
        options["AWS_ENDPOINT_URL"] = endpoint_url
        options["AWS_ALLOW_HTTP"] = str(endpoint_url.startswith("http://")).lower()
    return options


def _botocore_session() -> BotocoreSession:
    from botocore.session import get_session

    session = get_session()
    # Most of the time of reading a listing would go into the general parser of times.
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    return session


def _timestamp(value: Any) -> datetime:
    """A time of an answer; S3's listings write it by ISO 8601 (API_Object, `LastModified`)."""
    if isinstance(value, str) and value[10:11] == "T":
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    from botocore.utils import parse_timestamp

    return parse_timestamp(value)


def _assume(session: boto3.Session, role_arn: str) -> boto3.Session:
    import boto3
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    source = session.get_credentials()
    if source is None:
        raise StoreUnavailable("assume the role", "", "there are no credentials to assume it with")
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session._session.create_client,
        source_credentials=source,
        role_arn=role_arn,
        extra_args={"RoleSessionName": "warehouse"},
    )
    assumed = _botocore_session()
    # botocore has no public way to give a session credentials that refresh themselves.
    assumed._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    if session.region_name:
        assumed.set_config_variable("region", session.region_name)
    return boto3.Session(botocore_session=assumed)
