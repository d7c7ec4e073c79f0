"""Arrows point one way: graphs to pipeline to domain, the warehouse to the engine, never back."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

STANDARD = frozenset(sys.stdlib_module_names)

# What no module of the domain may touch: files, clocks, chance, environment, network, other processes.
PURE_STANDARD = frozenset(
    {
        "__future__",
        "abc",
        "base64",
        "binascii",
        "bisect",
        "codecs",
        "collections",
        "contextlib",
        "copy",
        "csv",
    }
    | {"dataclasses", "datetime", "decimal", "enum", "functools", "hashlib", "heapq", "io", "itertools"}
    | {
        "json",
        "math",
        "operator",
        "re",
        "shlex",
        "string",
        "struct",
        "sys",
        "types",
        "typing",
        "unicodedata",
        "zlib",
    }
)
PURE_SYS = frozenset({"byteorder", "getsizeof", "intern", "maxsize", "set_int_max_str_digits"})
IMPURE_CALLS = frozenset({"open", "input", "print", "exec", "eval", "compile", "__import__", "breakpoint"})
CLOCKS = frozenset({"now", "utcnow", "today", "fromtimestamp", "localtime"})

CLIENT_LIBRARIES = frozenset({"boto3", "botocore", "obstore", "deltalake", "duckdb", "pyarrow"})

GRAPHS = ("warehouseloader.py", "submittingcentres.py", "dataprocess.py")
SCREEN = 60


class Import(NamedTuple):
    """One imported module or name; `typed` where it stands under TYPE_CHECKING."""

    name: str
    line: int
    typed: bool

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} holds no module"
    return found


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@lru_cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> list[Import]:
    package = path.relative_to(ROOT).parent.parts
    return list(_imports(tree_of(path), package, typed=False))


def _imports(node: ast.AST, package: tuple[str, ...], *, typed: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                yield from (Import(alias.name, child.lineno, typed) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = [*package[: len(package) - level + 1]] if level else []
                start = ".".join([*base, *([module] if module else [])])
                yield from (Import(f"{start}.{alias.name}", child.lineno, typed) for alias in names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                for statement in child.body:
                    yield from _imports(ast.Module([statement], []), package, typed=True)
                for statement in child.orelse:
                    yield from _imports(ast.Module([statement], []), package, typed=typed)
            case _:
                yield from _imports(child, package, typed=typed)


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def wrong(paths: list[Path], forbidden: object) -> list[str]:
    """The imports of which `forbidden(import)` holds, as places a person can go to."""
    assert callable(forbidden)
    return [
        f"{named(path)}:{found.line} imports {found.name}"
        for path in paths
        for found in imports(path)
        if forbidden(found)
    ]


def test_the_engine_knows_nothing_of_the_warehouse() -> None:
    allowed = STANDARD | {"bonobo", "click", "fsspec", "graphviz", "rich"}
    spark = [path for path in modules("bonobo") if path.name == "spark.py"]
    assert len(spark) == 1
    others = [path for path in modules("bonobo") if path not in spark]
    assert wrong(others, lambda found: found.top not in allowed) == []
    assert wrong(spark, lambda found: found.top not in allowed | {"pyspark"}) == []


def test_the_domain_imports_only_what_is_pure() -> None:
    libraries = ("pydicom", "pydantic", "orjson")
    own = ("warehouse.domain", "warehouse.config", "warehouse.errors")

    def forbidden(found: Import) -> bool:
        if found.name.startswith("pydicom.data."):
            return True
        return found.top not in PURE_STANDARD and not within(found.name, *libraries, *own)

    paths = [*modules("warehouse/domain"), ROOT / "warehouse/config.py", ROOT / "warehouse/errors.py"]
    assert wrong(paths, lambda found: forbidden(found) and found.name != "warehouse.domain") == []


def test_the_domain_has_no_clock_no_file_and_no_environment() -> None:
    paths = [*modules("warehouse/domain"), ROOT / "warehouse/config.py"]
    assert [
        f"{named(path)}:{line}: {what}" for path in paths for line, what in _impurities(tree_of(path))
    ] == []


def _impurities(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield node.lineno, f"{name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCKS:
                yield node.lineno, f".{name}()"
            case ast.Attribute(value=ast.Name(id="sys"), attr=name) if name not in PURE_SYS:
                yield node.lineno, f"sys.{name}"


def test_impurities_are_found() -> None:
    source = "import sys\ndef f(p):\n    open(p)\n    datetime.now()\n    sys.stderr.write('')\n"
    assert [what for _, what in _impurities(ast.parse(source))] == ["open()", ".now()", "sys.stderr"]


def test_imports_are_found() -> None:
    source = (
        "from . import a\nfrom ..b import c\nimport d.e\nif TYPE_CHECKING:\n    from f import g\n"
        "def h():\n    import i\n"
    )
    found = list(_imports(ast.parse(source), ("p", "q"), typed=False))
    assert [(one.name, one.typed) for one in found] == [
        ("p.q.a", False),
        ("p.b.c", False),
        ("d.e", False),
        ("f.g", True),
        ("i", False),
    ]


def test_the_pipeline_sees_stores_only_through_its_services() -> None:
    outward = (
        "warehouse.storage",
        "warehouse.services",
        "warehouse.opening",
        "warehouse.settings",
        "warehouse.cli",
    )

    def forbidden(found: Import) -> bool:
        if within(found.name, *outward):
            return not (found.typed and within(found.name, "warehouse.storage"))
        return found.top in {"os", "socket", "subprocess", "time", "random", "secrets"}

    assert wrong(modules("warehouse/pipeline"), forbidden) == []


def test_the_stores_know_neither_the_pipeline_nor_the_settings() -> None:
    inward = ("warehouse.domain", "warehouse.storage", "warehouse.config", "warehouse.errors")

    def forbidden(found: Import) -> bool:
        if found.top == "bonobo":
            return True
        return found.top == "warehouse" and not within(found.name, *inward, "warehouse.__version__")

    assert wrong(modules("warehouse/storage"), forbidden) == []


def test_only_stores_their_opening_and_the_cloud_meet_the_client_libraries() -> None:
    storage = ROOT / "warehouse/storage"
    cloud = ROOT / "warehouse/cloud"
    paths = [
        path
        for path in modules("warehouse")
        if not path.is_relative_to(storage) and not path.is_relative_to(cloud)
    ]
    paths.remove(ROOT / "warehouse/opening.py")
    assert wrong(paths, lambda found: found.top in CLIENT_LIBRARIES) == []


def test_the_cloud_knows_stores_by_their_sessions_alone() -> None:
    inward = ("warehouse.domain", "warehouse.cloud", "warehouse.errors", "warehouse.storage.aws")
    # What a container runs is an entry point: it puts together all that there is.
    entries = {"running.py", "task.py"}
    paths = [path for path in modules("warehouse/cloud") if path.name not in entries]
    assert wrong(paths, lambda found: found.top == "warehouse" and not within(found.name, *inward)) == []


def test_only_entry_points_read_the_environment() -> None:
    entries = {
        ROOT / "warehouse/cli.py",
        ROOT / "warehouse/cloud/task.py",
        *modules("warehouse/commands"),
        *(ROOT / "warehouse" / graph for graph in GRAPHS),
    }
    paths = [path for path in modules("warehouse") if path not in entries]
    assert [
        f"{named(path)}:{node.lineno}"
        for path in paths
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
    ] == []


def test_only_the_commands_end_the_process() -> None:
    # A process that works for a node ends with its parent, whatever it is doing.
    commands = {
        ROOT / "warehouse/cli.py",
        ROOT / "warehouse/__main__.py",
        ROOT / "warehouse/cloud/task.py",
        ROOT / "warehouse/commands/hard_limits.py",
        ROOT / "bonobo/cli.py",
        ROOT / "bonobo/signals.py",
    }
    entries = {*commands, ROOT / "bonobo/child.py"}
    paths = [path for path in [*modules("warehouse"), *modules("bonobo")] if path not in entries]
    assert [
        f"{named(path)}:{node.lineno}"
        for path in paths
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"exit", "_exit", "abort"}
    ] == []


def test_every_graph_file_is_known_and_fits_one_screen() -> None:
    found = {
        path.name
        for path in (ROOT / "warehouse").glob("*.py")
        if any(isinstance(node, ast.FunctionDef) and node.name == "get_graph" for node in tree_of(path).body)
    }
    assert found == set(GRAPHS)
    for graph in GRAPHS:
        assert len((ROOT / "warehouse" / graph).read_text(encoding="utf-8").splitlines()) < SCREEN


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_graph_file_defines_its_graph_and_its_services_and_nothing_else(graph: str) -> None:
    body = tree_of(ROOT / "warehouse" / graph).body
    definitions = [
        node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    ]
    assert definitions == ["get_graph", "get_services"]


# Importing is no work: no connection, no process, no thread, nothing written. The interpreter's audit events
# tell. Libraries are imported first: what they do is theirs.
_WATCHED_IMPORT = """
import importlib, os, sys

sys.dont_write_bytecode = True
WATCHED = {
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "_thread.start_new_thread",
    "subprocess.Popen", "os.system", "os.fork", "os.posix_spawn", "os.exec", "os.putenv",
    "os.mkdir", "os.remove", "os.rename", "os.link", "os.symlink", "os.truncate", "os.utime",
}
seen = []

def watch(event, arguments):
    if event in WATCHED:
        seen.append(event)
    elif event == "open" and isinstance(arguments[2], int) and arguments[0] != os.devnull:
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            seen.append("open for writing")

for library in sys.argv[1].split(","):
    importlib.import_module(library)
sys.addaudithook(watch)
for name in sys.argv[2:]:
    seen.clear()
    importlib.import_module(name)
    if seen:
        print(name, *seen)
"""

LIBRARIES = (
    "boto3,click,deltalake,duckdb,obstore.store,orjson,pyarrow.dataset,pyarrow.fs,pydantic,pydicom,rich.live,"
    "sqlite3"
)


def watched_import(*names: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _WATCHED_IMPORT, LIBRARIES, *names],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_importing_does_no_work() -> None:
    paths = [path for path in [*modules("bonobo"), *modules("warehouse")] if path.name != "__main__.py"]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    result = watched_import(*(name.removesuffix(".__init__") for name in names))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_work_at_import_would_be_found(tmp_path: Path) -> None:
    tmp_path.joinpath("busy.py").write_text("import os\nos.mkdir('made')\nopen('written', 'w').close()\n")
    tmp_path.joinpath("idle.py").write_text("print_later = print\n")
    assert watched_import("busy", "idle", folder=tmp_path).stdout == "busy os.mkdir open for writing\n"


def read_by(statement: str) -> set[str]:
    """The modules that a process of its own has read after a statement."""
    source = f"import sys\n{statement}\nprint(*sys.modules)"
    run = [sys.executable, "-c", source]
    return set(
        subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout.split()
    )


def test_a_warehouse_in_a_folder_needs_no_client_of_aws() -> None:
    read = read_by("import warehouse.commands.load")
    assert "warehouse.storage.s3" in read
    assert {"boto3", "botocore.session", "botocore.parsers"} & read == set()


def test_the_command_reads_no_library_before_it_knows_what_is_asked() -> None:
    read = read_by("import warehouse.cli")
    assert "click" in read
    assert {*CLIENT_LIBRARIES, "pydantic", "pydicom"} & read == set()


def test_what_looks_into_no_header_does_without_pydicom() -> None:
    read = read_by("import warehouse.commands.query, warehouse.commands.why, warehouse.commands.worklists")
    assert "warehouse.opening" in read
    assert "pydicom" not in read


def test_a_command_reads_no_other() -> None:
    import warehouse.cli

    modules = {f"warehouse.commands.{name}" for name in warehouse.cli.MODULES.values()}
    asked = "from click import Context\nfrom warehouse.cli import cli\ncli.get_command(Context(cli), 'query')"
    assert modules & read_by(asked) == {"warehouse.commands.query"}


def test_what_the_engine_exports_is_there() -> None:
    import bonobo

    assert sorted(set(bonobo.__all__)) == sorted(bonobo.__all__)
    assert [name for name in bonobo.__all__ if not hasattr(bonobo, name)] == []
