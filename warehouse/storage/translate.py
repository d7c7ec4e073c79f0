"""Foreign errors become ours here and nowhere else: one table for each library.

What we raise carries a short code of the cause (`503 SlowDown`, `ENOSPC`), never the foreign message:
those quote URLs and paths, and with them keys.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import botocore.exceptions as boto
import obstore.exceptions as obs

from warehouse.errors import (
    AlreadyExists,
    Archived,
    Changed,
    Forbidden,
    NotFound,
    Occupied,
    StoreError,
    StoreFault,
    StoreUnavailable,
    Unaddressable,
)


class Again(Enum):
    """Whether the same request may succeed later: no; yes; yes, once it is signed with new credentials."""

    NO = "no"
    YES = "yes"
    RENEW = "renew"


@dataclass(frozen=True, slots=True)
class Fault:
    """Our error, the code that it came from, and whether to try again."""

    error: StoreError
    code: str
    again: Again


Verdict = tuple[type[StoreError], Again]

GONE: Verdict = (NotFound, Again.NO)
DENIED: Verdict = (Forbidden, Again.NO)
EXPIRED: Verdict = (Forbidden, Again.RENEW)
FROZEN: Verdict = (Archived, Again.NO)
UNNAMEABLE: Verdict = (Unaddressable, Again.NO)
UNUSABLE: Verdict = (StoreUnavailable, Again.NO)
PASSING: Verdict = (StoreFault, Again.YES)
BROKEN: Verdict = (StoreFault, Again.NO)

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
S3_CODES: Mapping[str, Verdict] = {
    "NoSuchKey": GONE,
    "NoSuchVersion": GONE,
    "NoSuchBucket": UNUSABLE,
    "PermanentRedirect": UNUSABLE,
    "AuthorizationHeaderMalformed": UNUSABLE,
    "AccessDenied": DENIED,
    "AllAccessDisabled": DENIED,
    "InvalidAccessKeyId": DENIED,
    "SignatureDoesNotMatch": DENIED,
    "RequestTimeTooSkewed": DENIED,
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "RequestExpired": EXPIRED,
    "TokenRefreshRequired": EXPIRED,
    "InvalidObjectState": FROZEN,
    "ObjectNotInActiveTierError": FROZEN,
    "KeyTooLongError": UNNAMEABLE,
    "ConditionalRequestConflict": PASSING,
    "OperationAborted": PASSING,
    "SlowDown": PASSING,
    "RequestTimeout": PASSING,
    "InternalError": PASSING,
    "ServiceUnavailable": PASSING,
    "Throttling": PASSING,
    "ThrottlingException": PASSING,
    "RequestLimitExceeded": PASSING,
    "BandwidthLimitExceeded": PASSING,
}

# For answers whose code is unknown or absent: a HEAD has no body (RFC 9110 section 9.3.2).
S3_STATUS: Mapping[int, Verdict] = {
    401: DENIED,
    403: DENIED,
    404: GONE,
    408: PASSING,
    409: PASSING,
    425: PASSING,
    429: PASSING,
    500: PASSING,
    502: PASSING,
    503: PASSING,
    504: PASSING,
}

# What obstore raises where no HTTP status is in the message, the nearest class first.
OBSTORE: Mapping[type[Exception], Verdict] = {
    obs.NotFoundError: GONE,
    obs.InvalidPathError: UNNAMEABLE,
    obs.JoinError: BROKEN,
    obs.NotSupportedError: BROKEN,
    obs.AlreadyExistsError: (AlreadyExists, Again.NO),
    obs.PreconditionError: (Changed, Again.NO),
    obs.NotModifiedError: BROKEN,
    obs.PermissionDeniedError: DENIED,
    obs.UnauthenticatedError: DENIED,
    obs.UnknownConfigurationKeyError: BROKEN,
    obs.GenericError: PASSING,
    obs.BaseError: BROKEN,
    FileNotFoundError: GONE,
    ValueError: UNNAMEABLE,
    OSError: PASSING,
}

# What botocore raises where there was no answer to read.
BOTOCORE: Mapping[type[Exception], Verdict] = {
    boto.NoCredentialsError: DENIED,
    boto.PartialCredentialsError: DENIED,
    boto.CredentialRetrievalError: DENIED,
    boto.TokenRetrievalError: DENIED,
    boto.NoAuthTokenError: DENIED,
    boto.SSOError: DENIED,
    boto.ConnectionError: PASSING,
    boto.HTTPClientError: PASSING,
    boto.IncompleteReadError: PASSING,
    boto.InvalidRegionError: UNUSABLE,
    boto.NoRegionError: UNUSABLE,
    boto.ParamValidationError: UNNAMEABLE,
    boto.BotoCoreError: BROKEN,
}


OS: Mapping[int, type[StoreError]] = {
    errno.ENOENT: NotFound,
    errno.EEXIST: AlreadyExists,
    errno.EACCES: Forbidden,
    errno.EPERM: Forbidden,
    errno.EROFS: Forbidden,
    errno.ENAMETOOLONG: Unaddressable,
    errno.ELOOP: Occupied,
    errno.ENOTDIR: Occupied,
    errno.EISDIR: Occupied,
    errno.EILSEQ: Unaddressable,
}

# What a caller of S3 must be allowed to do (service authorization reference, Amazon S3). Who may not list is
# not told that nothing stands at a key (API_GetObject, API_HeadObject), but refused.
READING = "s3:GetObject, and s3:ListBucket where nothing stands"
PERMISSIONS: Mapping[str, str] = {
    "list": "s3:ListBucket",
    "list_folders": "s3:ListBucket",
    "check": "s3:ListBucket",
    "head": READING,
    "read": READING,
    "same_bytes": "s3:GetObject",
    "create": "s3:PutObject",
    "copy": "s3:GetObject and s3:PutObject",
    "remove": "s3:DeleteObject",
}

# obstore's messages end in a dump of the error in which strings are escaped: a line of that form cannot
# come from a key.
_STATUS_LINE = re.compile(r"^\s+status: (\d{3}),$", re.MULTILINE)
_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,64})</Code>")
_REDIRECT_LINE = re.compile(r"^\s+inner: BareRedirect,$", re.MULTILINE)


def of_obstore(operation: str, key: str, error: Exception, unmet: type[StoreError] = Changed) -> Fault:
    """Translate what obstore raised; `unmet` is what a failed precondition (412) means to this request."""
    text = str(error)
    if _REDIRECT_LINE.search(text):
        return _s3(operation, key, 301, "PermanentRedirect", unmet)
    statuses = _STATUS_LINE.findall(text)
    if statuses:
        codes = _CODE.findall(text)
        return _s3(operation, key, int(statuses[-1]), codes[-1] if codes else "", unmet)
    ours, again = _nearest(OBSTORE, error)
    if ours in (AlreadyExists, Changed):
        ours = unmet
    return _fault(operation, key, ours, again, type(error).__name__)


def of_botocore(operation: str, key: str, error: Exception, unmet: type[StoreError] = Changed) -> Fault:
    """Translate what boto3 or botocore raised; `unmet` as in `of_obstore`."""
    if isinstance(error, boto.ClientError):
        answer = error.response.get("Error", {})
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        condition = str(answer.get("Condition", "")).lower()
        if condition.startswith("x-amz-copy-source"):
            unmet = Changed
        return _s3(operation, key, status, str(answer.get("Code", "")), unmet)
    return _fault(operation, key, *_nearest(_botocore(), error), type(error).__name__)


def of_os(operation: str, key: str, error: OSError) -> StoreError:
    """Translate what the operating system said about a file that was to be read or written."""
    number = error.errno or 0
    ours = OS.get(number, StoreFault)
    return ours(operation, key, errno.errorcode.get(number, type(error).__name__))


def _botocore() -> Mapping[type[Exception], Verdict]:
    # Imported where something was raised: for a warehouse in a folder, botocore is never read whole.
    from botocore.parsers import ResponseParserError

    # Outside botocore's tree: an answer that was cut short, or is no XML.
    return {**BOTOCORE, ResponseParserError: PASSING}


@dataclass(frozen=True, slots=True)
class Library:
    """What a library may raise, asked where something was raised, and how that is translated."""

    raises: Callable[[], tuple[type[Exception], ...]]
    translate: Callable[[str, str, Exception, type[StoreError]], Fault]


FROM_OBSTORE = Library(lambda: tuple(OBSTORE), of_obstore)
FROM_BOTOCORE = Library(lambda: (boto.ClientError, *_botocore()), of_botocore)


def _s3(operation: str, key: str, status: int, code: str, unmet: type[StoreError]) -> Fault:
    if status == 412 or code == "PreconditionFailed":
        return _fault(operation, key, unmet, Again.NO, "412 PreconditionFailed")
    if status == 416:
        return _fault(operation, key, *BROKEN, "InvalidRange")
    if code.isdigit():
        code = ""
    verdict = S3_CODES.get(code) or S3_STATUS.get(status) or (PASSING if status >= 500 else BROKEN)
    return _fault(operation, key, *verdict, code or str(status))


def _fault(operation: str, key: str, ours: type[StoreError], again: Again, code: str) -> Fault:
    cause = code
    if ours is Forbidden and operation in PERMISSIONS:
        cause = f"{code}; needs {PERMISSIONS[operation]}"
    return Fault(ours(operation, key, cause), code, again)


def _nearest(table: Mapping[type[Exception], Verdict], error: Exception) -> Verdict:
    return next((table[kind] for kind in type(error).__mro__ if kind in table), BROKEN)
