"""Rejected rows, whole, as lines of JSON: the one place where the engine writes what a row holds."""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from threading import Lock
from typing import Any

from bonobo.constants import Row
from bonobo.errors import BonoboError, UsageError
from bonobo.report import Rejected

DeadLetters = Callable[[Rejected, Row], None]
"""What the service `dead_letters` is: called from any thread, once for each row that was given up."""

# Without O_NONBLOCK the opening of a pipe that nobody reads would wait for a reader.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK
_OWNER_ONLY = 0o600


class DeadLetterFile:
    """A file of rejected rows, a service for `dead_letters`; it is appended to, and made for its owner only.

    **It holds rows, and so whatever is private in them**: keep it where the rows themselves may be kept.

    A line is an object: `run`, `node`, `sequence`, `exception`, `where`, `attempts`, the `row` as an array,
    and `fields`, their names, where the row has names. Bytes are `{"base64": ...}`, dataclasses and mappings
    from text are objects, lists and tuples are arrays; what else JSON cannot hold is `{"repr": ...}`. Each
    line is written at once. Raises UsageError where the file cannot be opened, BonoboError where a line
    cannot be written.

    >>> import bonobo, pathlib, tempfile
    >>> from bonobo.dead_letters import DeadLetterFile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "rejected.jsonl")
    ...     graph = bonobo.Graph([2, 0], bonobo.parallel(lambda x: 1 / x, on_error="dead_letter"))
    ...     services = {"dead_letters": DeadLetterFile(path)}
    ...     report = bonobo.run(graph, services=services, console=bonobo.QUIET)
    ...     json.loads(path.read_text())["row"]
    [0]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._lock = Lock()
        try:
            self._descriptor: int | None = os.open(path, _FLAGS, _OWNER_ONLY)
            os.set_blocking(self._descriptor, True)
        except (OSError, ValueError) as error:
            shown = os.fsdecode(path)
            raise UsageError(f"dead letters cannot be written to {shown!r}: {_reason(error)}") from None

    def __call__(self, rejected: Rejected, row: Row) -> None:
        """Append a row and what is known of its failure."""
        line = json.dumps(_letter(rejected, row), allow_nan=False).encode() + b"\n"
        with self._lock:
            if self._descriptor is None:
                raise BonoboError("a dead letter came after its file was closed")
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError as error:
                raise BonoboError(f"a dead letter could not be written: {_reason(error)}") from None

    def close(self) -> None:
        """Close the file; twice is no harm. Raises BonoboError where that fails."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            os.close(descriptor)
        except OSError as error:
            raise BonoboError(f"the dead letters could not be closed: {_reason(error)}") from None


def _letter(rejected: Rejected, row: Row) -> Mapping[str, Any]:
    letter = {**asdict(rejected), "row": [_written(value) for value in row]}
    names = getattr(row, "_fields", None)
    if names is not None:
        letter["fields"] = [str(name) for name in names]
    return letter


def _written(value: Any) -> Any:
    try:
        encoded = _encoded(value)
        json.dumps(encoded, allow_nan=False)
    except Exception:
        # Cycles, numbers of too many digits, objects that raise when looked at.
        return _shown(value)
    return encoded


def _encoded(value: Any) -> Any:
    if value is None or isinstance(value, bool | str) or type(value) is int:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _shown(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return {"base64": base64.b64encode(value).decode()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _encoded(getattr(value, field.name, None)) for field in fields(value)}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _encoded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(item) for item in value]
    return _shown(value)


def _shown(value: Any) -> Mapping[str, str]:
    try:
        return {"repr": repr(value)}
    except Exception:
        return {"repr": f"<{type(value).__name__}>"}


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
