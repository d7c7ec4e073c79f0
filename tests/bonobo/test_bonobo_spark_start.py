"""What is missing is said in one line, with what to install."""

import os
import sys

import pytest

from bonobo.errors import UsageError
from bonobo.spark_start import (
    default_settings,
    in_a_thread,
    python_there,
    require_java,
    require_master,
    require_pyspark,
)


def java(folder, says, code=0):
    path = folder / "bin" / "java"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {code}\n")
    path.chmod(0o755)
    return folder


@pytest.mark.parametrize("says", ['openjdk version "17.0.15" 2025-04-15', 'java version "21" 2023-09-19 LTS'])
def test_a_java_that_is_new_enough_will_do(tmp_path, says):
    require_java({"JAVA_HOME": str(java(tmp_path, says))})
    require_java({"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"})


@pytest.mark.parametrize(
    ("says", "code", "found"),
    [
        ('java version "1.8.0_292"', 0, "found 8"),
        ('openjdk version "11.0.2"', 0, "found 11"),
        ("something else", 0, "found an unknown version"),
        ("no", 1, "what it names does not run"),
    ],
)
def test_another_java_is_refused(tmp_path, says, code, found):
    with pytest.raises(UsageError, match=f"needs Java 17 or later.*{found}"):
        require_java({"JAVA_HOME": str(java(tmp_path, says, code))})


def test_without_java_the_package_is_named(tmp_path):
    with pytest.raises(UsageError, match="openjdk-17-jre-headless"):
        require_java({"PATH": str(tmp_path)})
    with pytest.raises(UsageError, match="JAVA_HOME is set"):
        require_java({"JAVA_HOME": str(tmp_path)})


def test_without_pyspark_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="extra"):
        require_pyspark()


def test_what_was_asked_for_wins_over_what_suits():
    said = {"spark.ui.enabled": "true"}
    settings = default_settings(said.get, {"spark.ui.showConsoleProgress": "true"})
    assert settings["spark.ui.showConsoleProgress"] == "true"
    assert "spark.ui.enabled" not in settings
    assert settings["spark.driver.extraJavaOptions"].startswith("-Dlog4j2.configurationFile=file:///")


def test_the_python_there_is_this_one_unless_told_otherwise(monkeypatch):
    setting = "spark.pyspark.python"
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    assert python_there({}.get, {}) == sys.executable
    monkeypatch.setenv("PYSPARK_PYTHON", "variable")
    assert python_there({}.get, {}) == "variable"
    assert python_there({setting: "submitted"}.get, {}) == "submitted"
    assert python_there({setting: "submitted"}.get, {setting: "asked"}) == "asked"


def test_what_a_thread_raises_is_raised_here():
    assert in_a_thread(lambda: 3) == 3
    with pytest.raises(KeyError):
        in_a_thread(lambda: {}["x"])


@pytest.mark.parametrize(
    "master", ["local", "local[*]", "local[2,4]", "spark://a:7077,b:7077", "yarn", "k8s://https://a"]
)
def test_masters_of_spark_are_let_through(master):
    require_master(master)


@pytest.mark.parametrize("master", ["", "bogus://a", "spark://", "local[]", "locally", "host:7077"])
def test_what_is_no_master_is_refused_in_one_line(master):
    with pytest.raises(UsageError, match="Spark has no master such as"):
        require_master(master)
