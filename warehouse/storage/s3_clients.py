"""The two clients of S3: boto3 for listing and control, obstore for object data. Neither retries."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import NoCredentialsError
from obstore.store import S3Store as ObstoreS3

if TYPE_CHECKING:
    import boto3
    from obstore.store import S3Credential

# Where S3's own endpoints live; anything else is a server that speaks its protocol.
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn")

CONNECT_SECONDS = 10
# Longer than any server-side copy of a part takes, and than a ranged read; a stuck request ends.
REQUEST_SECONDS = 120

# botocore renews credentials that have less than ten minutes left, or fails: what it hands out lives
# that long, and obstore may keep it that long.
CREDENTIALS_LIVE = timedelta(minutes=10)


def on_aws(endpoint: str) -> bool:
    """Whether an endpoint URL is S3's own."""
    return (urlsplit(endpoint).hostname or "").endswith(AWS_DOMAINS)


def control_client(
    session: boto3.Session, *, endpoint: str | None, region: str | None, concurrency: int
) -> Any:
    """A boto3 client. `endpoint` None leaves it to the session (`AWS_ENDPOINT_URL`, the profile).

    Checksums only where S3 requires them: older servers refuse the others, and a multipart copy without
    one of ours gets a full-object CRC64NVME from S3, which is what `same_bytes` can use.
    """
    # botocore is read whole where a bucket is opened: a warehouse in a folder does without.
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=REQUEST_SECONDS,
        max_pool_connections=concurrency,
        retries={"mode": "standard", "total_max_attempts": 1},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # Servers other than S3 seldom have a DNS name for each bucket.
    by_path = config.merge(Config(s3={"addressing_style": "path"}))
    if endpoint is not None and not on_aws(endpoint):
        return session.client("s3", endpoint_url=endpoint, region_name=region, config=by_path)
    client = session.client("s3", endpoint_url=endpoint, region_name=region, config=config)
    if on_aws(client.meta.endpoint_url):
        return client
    return session.client("s3", region_name=region, config=by_path)


class SessionCredentials:
    """Hands a boto3 session's credentials to obstore, renewed by the session as they run out."""

    def __init__(self, session: boto3.Session) -> None:
        self._session = session
        self._lock = threading.Lock()

    def __call__(self) -> S3Credential:
        with self._lock:
            credentials = self._session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            frozen = credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key or "",
            "secret_access_key": frozen.secret_key or "",
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + CREDENTIALS_LIVE,
        }


def data_client(
    bucket: str, session: boto3.Session, *, endpoint: str, region: str, concurrency: int
) -> ObstoreS3:
    """An obstore client for the same endpoint as the boto3 client's.

    The endpoint is always given: left out, obstore would look for one in the environment by itself.
    """
    return ObstoreS3(
        bucket,
        config={
            "endpoint": endpoint,
            "aws_endpoint_url_s3": endpoint,
            "region": region,
            "virtual_hosted_style_request": False,
            "skip_signature": False,
        },
        client_options={
            "allow_http": urlsplit(endpoint).scheme == "http",
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=REQUEST_SECONDS),
            "pool_max_idle_per_host": str(concurrency),
        },
        retry_config={"max_retries": 0},
        credential_provider=SessionCredentials(session),
    )
