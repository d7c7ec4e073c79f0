"""A graph's file is the process's `__main__` while it runs, and leaves no trace of that."""

import inspect
import os
import pickle
import sys
import textwrap
import traceback

import pytest

from bonobo.errors import UsageError
from bonobo.loading import INSPECTED, Target, drawn, execute, importable


@pytest.fixture
def target(tmp_path, monkeypatch):
    """Write a file, and name it as the command line does."""
    monkeypatch.chdir(tmp_path)

    def target(text, name="graph.py", module=None):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return Target.named(None if module else name, module)

    yield target
    for name in [name for name in sys.modules if name.split(".")[0] == "loadable"]:
        del sys.modules[name]


FUNCTION = """
    import sys

    class Thing:
        pass

    def function():
        return sys.argv
"""


def test_a_file_is_the_main_module(target):
    before = sys.modules["__main__"]
    with importable(target(FUNCTION), ["--limit", "3"]):
        namespace = execute(target(FUNCTION))
        main = sys.modules["__main__"]
        assert namespace is vars(main)
        assert main is not before
        assert pickle.loads(pickle.dumps(main.function)) is main.function
        assert type(pickle.loads(pickle.dumps(main.Thing()))) is main.Thing
        assert main.function() == ["graph.py", "--limit", "3"]
        path = os.path.abspath("graph.py")
        assert (main.__file__, main.__spec__, main.__package__) == (path, None, None)
        assert main.__loader__.get_filename("__main__") == path
        assert "return sys.argv" in inspect.getsource(main.function)
    assert sys.modules["__main__"] is before


def test_a_module_is_the_main_module_and_knows_its_package(target):
    target("", "loadable/__init__.py")
    target("WORD = 'Salut'", "loadable/words.py")
    text = "from .words import WORD\n" + textwrap.dedent(FUNCTION)
    before = sys.modules["__main__"]
    job = target(text, "loadable/job.py", module="loadable.job")
    with importable(job):
        namespace = execute(job)
        assert sys.modules["__main__"].WORD == "Salut"
        assert namespace["__name__"] == "__main__"
        assert namespace["__spec__"].name == "loadable.job"
        assert namespace["__package__"] == "loadable"
    assert sys.modules["__main__"] is before


def test_of_a_package_it_is_its_main(target):
    target("", "loadable/__init__.py")
    package = target("PLACE = __spec__.name", "loadable/__main__.py", module="loadable")
    with importable(package):
        assert execute(package)["PLACE"] == "loadable.__main__"


def test_main_comes_back_after_an_error(target):
    before = dict(sys.modules)["__main__"]
    failing = target("1 / 0")
    with pytest.raises(ZeroDivisionError), importable(failing):
        execute(failing)
    assert sys.modules["__main__"] is before


def test_to_inspect_is_not_to_be_main(target):
    before = sys.modules["__main__"]
    text = """
        import sys
        import bonobo
        from dataclasses import dataclass

        @dataclass
        class Named:
            name: "str"

        def get_graph():
            return bonobo.Graph([sys.modules[__name__].__name__], print)
    """
    inspected = target(text)
    with importable(inspected):
        assert drawn(inspected)[0] == [INSPECTED]
        assert sys.modules["__main__"] is before
    assert INSPECTED not in sys.modules


def test_tracebacks_name_file_and_line(target):
    failing = target("def fails():\n    raise LookupError\nfails()\n")
    with pytest.raises(LookupError) as raised, importable(failing):
        execute(failing)
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.name, last.line) == ("graph.py", 2, "fails", "raise LookupError")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ny = (\n", r"^graph\.py, line 2: "),
        (b"# coding: latin-1\n'\xe9'\nx =", r"^graph\.py, line 3: "),
        (b"x = '\xff'\n", r"^graph\.py, line "),
        (b"x = '\0'\n", r"graph\.py.* holds NUL bytes$"),
        (b"# coding: nothing-such\n", r"^graph\.py(, line \d+)?: .*nothing-such"),
        ("x = 1\nimport nowhere_at_all", r"^graph\.py, line 2: cannot import .*'nowhere_at_all'"),
        ("from json import nothing_such", r"^graph\.py, line 1: cannot import .*nothing_such"),
    ],
)
def test_a_file_that_does_not_load(target, text, message):
    wrong = target(text)
    with pytest.raises(UsageError, match=message), importable(wrong):
        execute(wrong)


def test_an_import_that_fails_is_placed_where_it_stands(target, tmp_path):
    target("\nimport nowhere_at_all", "loadable.py")
    wrong = target("import loadable")
    with pytest.raises(UsageError, match=r"loadable\.py, line 2: cannot import"), importable(wrong):
        execute(wrong)


@pytest.mark.parametrize(
    "name", ["nowhere", "nowhere.at.all", "loadable", "loadable.nothing", "", ".", "loadable.x.y"]
)
def test_a_module_that_is_not_there(target, name):
    target("", "loadable/__init__.py")
    missing = Target(module=name)
    with (
        pytest.raises(UsageError, match=r"^cannot import what the graph needs: "),
        importable(missing),
    ):
        execute(missing)


def test_a_module_without_python_code(target):
    with pytest.raises(UsageError, match="has no Python code to run"):
        execute(Target(module="_opcode"))


def test_a_file_that_may_not_be_read(target, tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    forbidden = target("")
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(UsageError, match=r"'graph\.py' cannot be read: Permission denied"):
        execute(forbidden)


def test_a_graph_that_needs_arguments_is_asked_of_the_script(target):
    script = target("""
        import bonobo

        def get_graph(limit):
            return bonobo.Graph(range(limit), print)

        if __name__ == "__main__":
            bonobo.run(get_graph(3))
    """)
    with importable(script):
        assert drawn(script)[0] == range(3)


def test_a_graph_that_needs_arguments_and_gets_none(target):
    script = target("def get_graph(limit): pass")
    with pytest.raises(UsageError, match="get_graph needs arguments"), importable(script):
        drawn(script)


def test_what_has_no_signature_is_called(target):
    with pytest.raises(UsageError, match=r"must return a bonobo\.Graph, not dict"):
        drawn(target("get_graph = dict"))
