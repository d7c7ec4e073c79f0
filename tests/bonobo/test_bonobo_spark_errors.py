"""Of what Spark raises one line is shown: the cause, and nothing that a row may hold."""

import errno
import pickle
import re

import pytest

from bonobo.errors import BonoboError, UsageError
from bonobo.spark_errors import SparkFailed, ThereOnly, of_executor, said_by_spark, translated


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "An error occurred\n: java.lang.X\n\tat a\nCaused by: o.SparkException: Job aborted: why\n",
            "Job aborted: why",
        ),
        ("An error occurred\n: o.SparkException: Could not parse Master URL: 'x'\n\tat b", "Could not parse"),
        (
            ": o.PythonException: Traceback (most recent call last):\nValueError: of a patient",
            "PythonException",
        ),
        (
            ": o.SparkException: Exception thrown in awaitResult: \n\tat a\n"
            "Caused by: o.PythonException: Traceback (most recent call last):\n"
            "Caused by: x.Error: a patient\n"
            "\tat b\nCaused by: java.io.IOException: No space left on device\n",
            "IOException: No space left on device",
        ),
        (
            ": o.PythonException: Traceback (most recent call last):\npyspark.errors.exceptions.base."
            "PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in worker has 3.10\n\tat a",
            "[PYTHON_VERSION_MISMATCH] Python in worker",
        ),
        ("[JAVA_GATEWAY_EXITED] Java gateway process exited.", "[JAVA_GATEWAY_EXITED] Java gateway"),
        (
            ": o.PythonException: Traceback (most recent call last):\nE: 2\n[ID] of a patient\n\tat a",
            "PythonException",
        ),
        ("", "RuntimeError"),
        (
            "An error\n: o.SparkException: Exception thrown in awaitResult: \n\tat a\n"
            "Caused by: o.PythonException: [PYTHON_EXCEPTION] In Python: Traceback (most recent call last):\n"
            '  File "x.py", line 3, in loads\n    return x\n           ^\n'
            "MemoryError: of a patient\n SQLSTATE: 38000\n\tat b",
            "[PYTHON_EXCEPTION] In Python (MemoryError)",
        ),
    ],
)
def test_of_java_one_line_is_shown_and_nothing_that_a_row_may_hold(text, shown):
    said = said_by_spark(RuntimeError(text))
    assert shown in said
    assert "\n" not in said
    assert "patient" not in said


def test_a_java_that_has_ended_without_a_word_is_said():
    assert said_by_spark(EOFError()) == said_by_spark(ConnectionResetError()) == "its Java process has ended"


def of_spark(text):
    with pytest.raises(BonoboError) as raised, translated():
        raise RuntimeError(text)
    return raised.value


PYTHON = ": o.PythonException: [PYTHON_EXCEPTION] In Python: Traceback (most recent call last):\n  x\n"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (
            f"{PYTHON}ModuleNotFoundError: No module named 'bonobo'\n\tat b",
            2,
            "(ModuleNotFoundError: No module named 'bonobo'); install on the executors",
        ),
        (
            f"{PYTHON}pyspark.errors.exceptions.base.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] 3.12\n",
            2,
            "let the setting spark.pyspark.python name a Python",
        ),
        (
            ': o.SparkException: Job aborted: java.io.IOException: Cannot run program "/x/python": error=2',
            2,
            "let the setting spark.pyspark.python name a Python",
        ),
        (f"{PYTHON}MemoryError\n\tat b", 4, "(MemoryError); an executor has too little memory"),
        (
            f"{PYTHON}ImportError: /a/b.so: failed to map segment from shared object\n",
            4,
            "an executor has too little memory",
        ),
        (
            ": o.SparkException: Job aborted: o.SparkException: Python worker exited unexpectedly (crashed). "
            "Consider setting 'spark.sql.x' to 'true'",
            4,
            "(crashed); an executor has too little memory",
        ),
        (
            ": o.SparkException: Job aborted: ExecutorLostFailure: Command exited with code 137",
            4,
            "an executor has too little memory",
        ),
        (
            ": o.SparkException: Job aborted: java.io.IOException: No space left on device",
            4,
            "a disk is full",
        ),
        (
            ": o.SparkException: Job aborted: Master removed our application: FAILED",
            4,
            "ended again and again",
        ),
        (": o.SparkException: Job aborted: why", 4, "Job aborted: why; look into the logs of the executors"),
    ],
)
def test_each_cause_that_is_known_has_its_code_and_says_what_to_do(text, code, said):
    error = of_spark(text)
    assert said in str(error)
    assert "\n" not in str(error)
    assert error.exit_code == code


def test_a_disk_that_is_full_here_is_told_from_a_java_that_has_ended():
    def full():
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")
        except OSError:
            raise pickle.PicklingError("could not") from None

    with pytest.raises(SparkFailed, match="No space left on device; a disk is full") as raised, translated():
        full()
    assert "/tmp/x" not in str(raised.value)
    with pytest.raises(SparkFailed, match=r"Java process has ended; the driver has too little"), translated():
        raise EOFError


def test_a_long_line_keeps_both_ends():
    error = of_spark(f": o.SparkException: Job aborted {'x' * 400} No space left on device")
    assert re.search(r"Job aborted x+ … x+ No space left on device; a disk is full", str(error))
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (MemoryError(), SparkFailed, "too little memory"),
        (ImportError("x.so: failed to map segment from shared object"), SparkFailed, "too little memory"),
        (UsageError("no credentials: look"), ThereOnly, "^on an executor: no credentials: look$"),
        (ModuleNotFoundError(name="duckdb"), UsageError, r"the services cannot .*\(no module duckdb\)"),
        (ImportError("of a patient"), UsageError, r"the services cannot .*\(ImportError\): install there"),
    ],
)
def test_what_an_executor_lacks_is_said_as_such(raised, kind, said):
    error = of_executor(raised, "the services")
    assert type(error) is kind
    assert re.search(said, str(error))
    travelled = pickle.loads(pickle.dumps(error))
    assert (str(travelled), travelled.exit_code) == (str(error), error.exit_code)


def test_what_no_executor_is_to_blame_for_stays_as_it_is():
    error = ValueError()
    assert of_executor(error, "the services") is error
