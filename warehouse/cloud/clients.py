"""The only place where clients of AWS's control plane are made, and where what they raise becomes ours.

What is raised names the service, the operation and AWS's code; AWS's own message is not passed on where it
may quote a key or a value, but for CloudFormation's, which speak of the template.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import botocore.exceptions as boto
from botocore.config import Config

from warehouse.errors import CloudFault, CloudUnavailable
from warehouse.storage.aws import open_session, usable_settings

# What a person has to mend before the same request can succeed; all else may pass.
DENIED = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"),
        *("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"),
        *("SignatureDoesNotMatch", "InvalidSignatureException", "OptInRequired", "AuthFailure"),
        *("InvalidAccessKeyId", "RequestTimeTooSkewed", "MissingAuthenticationToken"),
    }
)
# What IAM calls an operation, where it has another name or asks for more (Service Authorization Reference).
ACTIONS: Mapping[tuple[str, str], str] = {
    ("s3", "ListObjectVersions"): "s3:ListBucketVersions",
    ("s3", "DeleteObjects"): "s3:DeleteObjectVersion",
    ("ecs", "RunTask"): "ecs:RunTask, and iam:PassRole on the roles of the task",
    (
        "ecs",
        "RegisterTaskDefinition",
    ): "ecs:RegisterTaskDefinition, and iam:PassRole on the roles of the task",
}
_TALKATIVE = frozenset({"cloudformation"})
_ARN = re.compile(r"arn:aws[a-z-]*:[^\s,;]+")


@dataclass(frozen=True, slots=True)
class Access:
    """How AWS is talked to: None leaves it to the chain of settings and credentials."""

    profile: str | None = None
    role_arn: str | None = None
    region: str | None = None


def client(service: str, access: Access, *, seconds: float = 60, attempts: int = 5) -> Any:
    """A client of a service, by boto3's name for it (`ecs`). Makes no request. Raises SettingsError.

    Each of the `attempts` at a request waits up to `seconds` for a connection, and as long for an answer.
    """
    session: Any = open_session(access.profile, access.role_arn)
    retries: Any = {"mode": "standard", "total_max_attempts": attempts}
    config = Config(retries=retries, connect_timeout=seconds, read_timeout=seconds)
    with usable_settings(), translated(service):
        return session.client(service, region_name=access.region, config=config)


@contextmanager
def translated(service: str) -> Generator[None]:
    """Raise what botocore raises as CloudUnavailable, where a person has to mend it, or CloudFault."""
    try:
        yield
    except boto.ClientError as error:
        answer = error.response.get("Error", {})
        code = str(answer.get("Code", "")) or "Unknown"
        if code in DENIED:
            named = f"{service}:{error.operation_name}"
            needs = ACTIONS.get((service, error.operation_name), named)
            said = f"not allowed ({code}); the caller needs {needs}, with credentials that are valid"
            raise CloudUnavailable(service, error.operation_name, said) from None
        said = code
        if service in _TALKATIVE:
            said = f"{code}: {_ARN.sub('…', ' '.join(str(answer.get('Message', '')).split()))}"
        raise CloudFault(service, error.operation_name, said, code=code) from None
    except (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError) as error:
        said = (
            f"there are no credentials ({type(error).__name__}): set them, or name a profile with --profile"
        )
        raise CloudUnavailable(service, "", said) from None
    except boto.NoRegionError:
        said = "no region is set: set AWS_DEFAULT_REGION, or name a profile that has one"
        raise CloudUnavailable(service, "", said) from None
    except boto.WaiterError as error:
        raise CloudFault(service, "", f"it did not get there in time ({type(error).__name__})") from None
    except (boto.BotoCoreError, boto.HTTPClientError) as error:
        raise CloudFault(service, "", f"no answer ({type(error).__name__}): try again") from None
