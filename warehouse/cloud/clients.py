"""The only place where clients of AWS's control plane are made, and where what they raise becomes ours.

What is raised names the service, the operation and AWS's code; AWS's own message is not passed on where it
may quote a key or a value, but for those of CloudFormation and ECS, which speak of the template and of tasks.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import botocore.exceptions as boto
from botocore.config import Config
from botocore.parsers import ResponseParserError

from warehouse.errors import CloudError, CloudFault, CloudUnavailable
from warehouse.storage.aws import open_session, usable_settings

# What a person has to mend before the same request can succeed; all else may pass.
DENIED = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"),
        *("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"),
        *("OptInRequired", "AuthFailure", "InvalidAccessKeyId", "MissingAuthenticationToken"),
    }
)
# A signature holds for fifteen minutes, by AWS's clock.
MISSIGNED = frozenset(
    {"SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed", "RequestExpired"}
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
_TALKATIVE = frozenset({"cloudformation", "ecs"})
# Asked for on the way to any request, to get credentials; of which service they are.
_FOR_CREDENTIALS = {"AssumeRole": "sts", "AssumeRoleWithWebIdentity": "sts", "GetRoleCredentials": "sso"}

_BY_HAND = "what the stack made was changed or deleted by hand: CloudFormation's drift detection says what"
# What will be refused again however often it is asked for, and what to do about it.
REFUSED: Mapping[tuple[str, str], str] = {
    # It says itself what it does not take.
    ("cloudformation", "ValidationError"): "",
    ("cloudformation", "InsufficientCapabilitiesException"): "",
    ("ecs", "ClientException"): _BY_HAND,
    ("ecs", "ClusterNotFoundException"): _BY_HAND,
    ("ecs", "InvalidParameterException"): _BY_HAND,
    ("events", "ResourceNotFoundException"): _BY_HAND,
    ("logs", "ResourceNotFoundException"): _BY_HAND,
    ("s3", "NoSuchBucket"): _BY_HAND,
}
# What passes by itself: AWS's words for a server's fault, and for too many requests.
PASSING = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "SlowDown"),
        *("TooManyRequestsException", "InternalError", "InternalFailure", "ServerException", "ServerError"),
        *("ServiceUnavailable", "ServiceUnavailableException", "RequestTimeout", "500", "502", "503", "504"),
    }
)
_ARN = re.compile(r"arn:aws[a-z-]*:[^\s,;]+")


_WITHOUT_CREDENTIALS = (
    *(boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError),
    # A login by single sign-on that was forgotten or has run out.
    *(boto.SSOError, boto.TokenRetrievalError, boto.RefreshWithMFAUnsupportedError),
)


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
        raise _refusal(_FOR_CREDENTIALS.get(error.operation_name, service), error) from None
    except _WITHOUT_CREDENTIALS as error:
        said = (
            f"there are no credentials ({type(error).__name__}): log in again, set them, or name a profile"
            " with --profile"
        )
        raise CloudUnavailable(service, "", said) from None
    except boto.NoRegionError:
        said = "no region is set: set AWS_DEFAULT_REGION, or name a profile that has one"
        raise CloudUnavailable(service, "", said) from None
    except boto.InvalidRegionError:
        said = "that is no AWS region: look at --region, AWS_DEFAULT_REGION, or the profile's region"
        raise CloudUnavailable(service, "", said) from None
    except boto.ParamValidationError:
        said = "nothing was asked, since something is not of the form that AWS takes: look at what was given"
        raise CloudUnavailable(service, "", said) from None
    except ResponseParserError:
        said = "the answer is none of AWS's: look at AWS_ENDPOINT_URL, the region, and proxies on the way"
        raise CloudFault(service, "", said) from None
    except (boto.BotoCoreError, boto.HTTPClientError) as error:
        raise CloudFault(service, "", f"no answer ({type(error).__name__}): try again") from None


def _refusal(service: str, error: boto.ClientError) -> CloudError:
    """What an answer of AWS's that is an error means."""
    operation = error.operation_name
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", "")) or "Unknown"
    if code in DENIED:
        needs = ACTIONS.get((service, operation), f"{service}:{operation}")
        said = f"not allowed ({code}); the caller needs {needs}, with credentials that are valid"
        return CloudUnavailable(service, operation, said, code=code)
    if code in MISSIGNED:
        said = f"{code}: set this machine's clock (NTP), or correct the secret key"
        return CloudUnavailable(service, operation, said, code=code)
    told = _ARN.sub("…", " ".join(str(answer.get("Message", "")).split())) if service in _TALKATIVE else ""
    remedy = "try again" if code in PASSING else REFUSED.get((service, code), "")
    said = "; ".join(part for part in (f"{code}: {told}" if told else code, remedy) if part)
    kind = CloudUnavailable if (service, code) in REFUSED else CloudFault
    return kind(service, operation, said, code=code)
