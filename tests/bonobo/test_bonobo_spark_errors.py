"""Of what Spark raises one line is shown: the cause, and nothing that a row may hold."""

import pytest

from bonobo.spark_errors import said_by_spark


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
    ],
)
def test_of_java_one_line_is_shown_and_nothing_that_a_row_may_hold(text, shown):
    said = said_by_spark(RuntimeError(text))
    assert shown in said
    assert "\n" not in said
    assert "patient" not in said


def test_a_java_that_has_ended_without_a_word_is_said():
    assert said_by_spark(EOFError()) == said_by_spark(ConnectionResetError()) == "its Java process has ended"
