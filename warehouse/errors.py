"""One tree of errors. No message holds a key, an identifier or a value: those stay in attributes.

::

    WarehouseError                 exit_code
    ├── SettingsError              2   environment or flags
    ├── ConfigurationError         2   config.json; `problems` lists every one
    ├── InventoryError             2   the S3 Inventory that should stand in for the listing
    ├── QueryError                 2   SQL that cannot be answered
    ├── OutputLost                 4   standard output could not be written
    ├── PatientInBothSets          5   a patient stands under training and under validation
    ├── CloudError                 4   a service of AWS said no: service, operation, code
    │   ├── CloudFault             4   it failed, or refused for a reason of its own
    │   └── CloudUnavailable       2   no credentials, no permission, no such stack, or it would refuse again
    └── StoreError                 4   a store said no: operation, key, cause
        ├── NotFound               4   no such object
        │   └── Occupied           4   and none can be made there: something else stands in the way
        ├── AlreadyExists          4   a create-only write met an object
        ├── Changed                4   the object is no longer the version that was listed
        ├── Archived               4   the object must be restored before it can be read
        ├── DamagedAssignment      4   what stands where a claim should is none of that patient
        ├── Unaddressable          4   this store cannot hold such a key
        ├── Forbidden              4   a permission is missing
        ├── StoreFault             4   a transient fault outlived its retries
        └── StoreUnavailable       2   no such bucket, no credentials, no such folder

`exit_code` is what a command ends with when the error ends it; errors that concern one object
become that object's outcome instead.
"""

from __future__ import annotations

from collections.abc import Sequence


class WarehouseError(Exception):
    """Whatever this package says no with."""

    exit_code = 70


class SettingsError(WarehouseError):
    """The environment or the flags make no sense together."""

    exit_code = 2


class ConfigurationError(WarehouseError):
    """config.json cannot be used. `problems` holds one sentence each; nothing was decided."""

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class InventoryError(WarehouseError):
    """No inventory can stand in for the listing. The message is a sentence; nothing was decided."""

    exit_code = 2


class QueryError(WarehouseError):
    """A person's SQL cannot be answered. The message is for that person: it may quote SQL and data."""

    exit_code = 2


class OutputLost(WarehouseError):
    """What a command found could not be written to standard output, whose `cause` the message gives."""

    exit_code = 4

    def __init__(self, cause: Exception) -> None:
        said = getattr(cause, "strerror", None) or type(cause).__name__
        super().__init__(f"standard output cannot be written: {said}; mend it, run again")


class PatientInBothSets(WarehouseError):
    """The patient stands under training and under validation: nothing of it may be added to either."""

    exit_code = 5


class CloudError(WarehouseError):
    """A service of AWS said no. `service` and `operation` are its names in the API; the message is a line."""

    exit_code = 4

    def __init__(self, service: str, operation: str, said: str, code: str = "") -> None:
        self.service = service
        self.operation = operation
        self.code = code
        where = f"{service} {operation}".strip()
        super().__init__(f"{where}: {said}")


class CloudFault(CloudError):
    """It failed, or refused for a reason of its own, whose `code` is AWS's."""

    exit_code = 4


class CloudUnavailable(CloudError):
    """It cannot be used as things stand; the message says what to mend."""

    exit_code = 2


class StoreError(WarehouseError):
    """A store refused or failed. `operation` is the verb, `key` the object (private), `cause` the origin.

    The message names the verb and the kind of cause, never the key: a key holds a patient identifier.
    """

    exit_code = 4
    saying = "failed"

    def __init__(self, operation: str, key: str = "", cause: BaseException | str | None = None) -> None:
        self.operation = operation
        self.key = key
        self.cause = cause
        super().__init__(operation, key, cause)

    def __str__(self) -> str:
        if self.cause is None:
            return f"{self.operation}: {self.saying}"
        cause = self.cause if isinstance(self.cause, str) else type(self.cause).__name__
        return f"{self.operation}: {self.saying} ({cause})"

    def __repr__(self) -> str:
        # The default would show the arguments, and with them the key.
        return f"{type(self).__name__}({str(self)!r})"


class NotFound(StoreError):
    saying = "no such object"


class Occupied(NotFound):
    """In a folder: a link or a pipe, a folder in the place of a file, or a file in that of a folder."""

    saying = "something that is no object stands there or on the way there"


class AlreadyExists(StoreError):
    saying = "an object stands there already"


class Changed(StoreError):
    saying = "the object changed since it was listed"


class Archived(StoreError):
    saying = "the object is archived and must be restored first"


class DamagedAssignment(StoreError):
    saying = "the document that stands there is no assignment of this patient"


class Unaddressable(StoreError):
    saying = "this store cannot hold such a key"


class Forbidden(StoreError):
    saying = "permission denied"


class StoreFault(StoreError):
    saying = "failed"


class StoreUnavailable(StoreError):
    """The bucket or folder itself cannot be used; `cause` is a sentence that says why and what to do."""

    exit_code = 2

    def __str__(self) -> str:
        return str(self.cause)
