"""Whatever Spark raises becomes one of our own errors: one line that names the cause, and what to do.

What a node's exception says may hold what is in rows: of Python's own lines only the class is shown, and
which module is not there.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from bonobo.errors import BonoboError, UsageError, code_carried
from bonobo.stage import PartitionFailed

_OF_JAVA = re.compile(r"(?:Caused by: |: )([\w.$]+(?:Exception|Error): .*)")
_OF_PYSPARK = re.compile(r"(?:\A|^pyspark\.errors\.[\w.]+: )(\[[A-Z_.]+\] .*)", re.MULTILINE)
# Behind the frames of the first traceback stands what was raised first.
_OF_PYTHON = re.compile(
    r"Traceback \(most recent call last\):\n(?:[ \t].*\n)*"
    r"([\w.]+(?:: No module named '[\w.]+'|: [\w./+-]+: failed to map segment)?)"
)
# Python's own lines, and advice on settings of SQL.
_CUT = re.compile(r"Traceback|\. Consider setting|\. SQLSTATE")

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_JAVA_ENDED = "its Java process has ended"
_LOOK = "look into the logs of the executors, and run again"
_MEMORY = (
    "an executor has too little memory, mostly: give it more (spark.executor.memoryOverhead; "
    "spark.executor.pyspark.memory where that is set), or fewer cores, and run again"
)

# What is said, what to do, and whether it is one to put right before anything is done.
_REMEDIES: tuple[tuple[str, str, bool], ...] = (
    (
        r"PYTHON_VERSION_MISMATCH|Cannot run program",
        "let the setting spark.pyspark.python name a Python on the executors, of the same version as here",
        True,
    ),
    (
        r"No module named '",
        "install on the executors what is installed here, in the same versions",
        True,
    ),
    (
        r"No space left|File too large|[Qq]uota exceeded",
        "a disk is full: let spark.local.dir name a larger one (on workers of a standalone cluster "
        "SPARK_LOCAL_DIRS does), and run again",
        False,
    ),
    (
        r"Python worker exited|MemoryError|OutOfMemory|failed to map segment|code 137|cannot allocate memory",
        _MEMORY,
        False,
    ),
    (
        _JAVA_ENDED,
        "the driver has too little memory, mostly: give it more (spark.driver.memory), and run again",
        False,
    ),
    (
        r"Master removed our application",
        "its executors ended again and again; look into their logs, and run again",
        False,
    ),
)


class SparkFailed(BonoboError):
    """Spark gave the work up; `said` is what it says, which tells what to do."""

    exit_code = 4

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(f"Spark gave the work up: {_short(said)}; {_remedy(said)[0]}")

    def __reduce__(self) -> tuple[type[SparkFailed], tuple[str]]:
        return type(self), (self.said,)


@contextmanager
def translated() -> Iterator[None]:
    """Whatever Spark raises becomes PartitionFailed, UsageError or SparkFailed."""
    try:
        yield
    except Exception as error:
        raise _of_spark(error) from error


class ThereOnly(BonoboError):
    """What a person is told of services, and is true of executors: here they could be made."""

    def __init__(self, said: str, exit_code: int) -> None:
        self.said, self.exit_code = said, exit_code
        super().__init__(f"on an executor: {said}")

    def __reduce__(self) -> tuple[type[ThereOnly], tuple[str, int]]:
        return type(self), (self.said, self.exit_code)


def of_executor(error: Exception, what: str) -> Exception:
    """What is told of an error with which `what` could not be made on an executor."""
    if isinstance(error, MemoryError) or "failed to map segment" in str(error):
        # A library that the memory does not suffice for is no module that is missing.
        return SparkFailed("MemoryError on an executor")
    if isinstance(error, ImportError):
        return not_to_be_made(what, f"no module {error.name}" if error.name else type(error).__name__)
    code = code_carried(error)
    return error if code is None else ThereOnly(str(error), code)


def not_to_be_made(what: str, lacking: str) -> UsageError:
    """What is told where executors lack what `what` is made of."""
    return UsageError(
        f"{what} cannot be made on executors ({lacking}): install there what is installed here, in the same "
        "versions"
    )


def _of_spark(error: Exception) -> Exception:
    """What a job that failed says: what a partition raised, or what Spark has to say."""
    failed = PartitionFailed.find(str(error))
    if failed is not None:
        return failed
    said = _said(error)
    remedy, is_usage = _remedy(said)
    return (
        UsageError(f"Spark cannot do the work: {_short(said)}; {remedy}") if is_usage else SparkFailed(said)
    )


def said_by_spark(error: Exception) -> str:
    """The line of an error of Spark that names the cause; never what a node's exception says."""
    return _short(_said(error))


def _said(error: Exception) -> str:
    text = str(error)
    own: list[str] = _OF_PYSPARK.findall(text)
    causes: list[str] = []
    quoted = False
    for line in text.splitlines():
        # Java quotes what Python printed, up to its own next frame.
        quoted = quoted and not line.startswith("\tat ")
        said = None if quoted else _OF_JAVA.match(line)
        if said is not None:
            causes.append(_CUT.split(said[1])[0])
        quoted = quoted or "Traceback" in line
    aborted = [cause for cause in causes if "Job aborted" in cause]
    told = [*own[:1], *aborted, *reversed(causes), _nothing_said(error)][0].rstrip(": .")
    raised = None if own else _OF_PYTHON.search(text)
    return told if raised is None else f"{told} ({raised[1]})"


def _nothing_said(error: Exception) -> str:
    behind: BaseException | None = error
    while behind is not None:
        # pyspark raises something of its own where it could not write.
        if isinstance(behind, OSError) and behind.errno in _DISK:
            return "No space left on device"
        behind = behind.__context__
    gone = isinstance(error, EOFError | OSError) or type(error).__name__ == "Py4JNetworkError"
    return _JAVA_ENDED if gone else type(error).__name__


def _remedy(said: str) -> tuple[str, bool]:
    """What to do, and whether it is one to put right before anything is done."""
    for pattern, remedy, is_usage in _REMEDIES:
        if re.search(pattern, said):
            return remedy, is_usage
    return _LOOK, False


def _short(said: str) -> str:
    """As much as a line bears, and both ends of it: the cause stands last."""
    return said if len(said) <= 300 else f"{said[:140]} … {said[-157:]}"
