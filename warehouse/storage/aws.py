"""One AWS session a run: the usual chain of credentials, a profile, or a role; always refreshable."""

from __future__ import annotations

import boto3
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ProfileNotFound
from botocore.session import get_session

from warehouse.errors import SettingsError, StoreUnavailable
from warehouse.storage.s3_requests import DEFAULT_REGION


def open_session(profile: str | None = None, role_arn: str | None = None) -> boto3.Session:
    """A session of the chain, of `profile`, or of `role_arn` assumed from either (STS AssumeRole).

    Makes no request for a profile or the chain; a role is assumed at the first use. Raises SettingsError.
    """
    try:
        session = boto3.Session(profile_name=profile)
    except ProfileNotFound:
        raise SettingsError("the AWS profile does not exist: see `aws configure list-profiles`") from None
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
        raise StoreUnavailable("find AWS credentials", "", type(error).__name__) from error
    if frozen is None or not frozen.access_key or not frozen.secret_key:
        raise StoreUnavailable("find AWS credentials", "", "there are none: log in, or name a --profile")
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


def _assume(session: boto3.Session, role_arn: str) -> boto3.Session:
    source = session.get_credentials()
    if source is None:
        raise StoreUnavailable("assume the role", "", "there are no credentials to assume it with")
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session._session.create_client,
        source_credentials=source,
        role_arn=role_arn,
        extra_args={"RoleSessionName": "warehouse"},
    )
    assumed = get_session()
    assumed._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    if session.region_name:
        assumed.set_config_variable("region", session.region_name)
    return boto3.Session(botocore_session=assumed)
