"""Whatever Spark raises becomes one of our own errors, with the line that names the cause.

What a node's exception says may hold what is in rows: of Python's own lines none is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from bonobo.errors import BonoboError
from bonobo.stage import PartitionFailed

_OF_JAVA = re.compile(r"(?:Caused by: |: )([\w.$]+(?:Exception|Error): .*)")
_OF_PYSPARK = re.compile(r"(?:\A|^pyspark\.errors\.[\w.]+: )(\[[A-Z_.]+\] .*)", re.MULTILINE)


class SparkFailed(BonoboError):
    """Spark gave the work up."""

    exit_code = 4

    def __init__(self, said: str) -> None:
        super().__init__(
            f"Spark gave the work up: {said}; look into the logs of the executors, and run again"
        )


@contextmanager
def translated() -> Iterator[None]:
    """Whatever Spark raises becomes PartitionFailed or SparkFailed."""
    try:
        yield
    except Exception as error:
        raise _of_spark(error) from error


def _of_spark(error: Exception) -> Exception:
    """What a job that failed says: what a partition raised, or what Spark has to say."""
    said = str(error)
    failed = PartitionFailed.find(said)
    if failed is not None:
        return failed
    return SparkFailed(said_by_spark(error))


def _nothing_said(error: Exception) -> str:
    gone = isinstance(error, EOFError | OSError) or type(error).__name__ == "Py4JNetworkError"
    return "its Java process has ended" if gone else type(error).__name__


def said_by_spark(error: Exception) -> str:
    """The line of an error of Spark that names the cause; never what a node's exception says."""
    own: list[str] = _OF_PYSPARK.findall(str(error))
    causes: list[str] = []
    quoted = False
    for line in str(error).splitlines():
        # Java quotes what Python printed, up to its own next frame.
        quoted = quoted and not line.startswith("\tat ")
        said = None if quoted else _OF_JAVA.match(line)
        if said is not None:
            causes.append(said[1].partition("Traceback")[0])
        quoted = quoted or "Traceback" in line
    aborted = [cause for cause in causes if "Job aborted" in cause]
    told = [*own[:1], *aborted, *reversed(causes), _nothing_said(error)]
    return told[0][:300].rstrip(": .")
