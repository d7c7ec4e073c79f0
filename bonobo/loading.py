"""A file, a folder or a module -> its graph and its services, by the two functions that it defines.

`get_graph()` gives the Graph; `get_services()`, where there is one, a mapping or a context manager. A file
that calls `bonobo.run(...)` under `__main__` says by itself what to run, and is executed as it is.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bonobo.errors import UsageError
from bonobo.graph import Graph
from bonobo.services import Services, hosted
from bonobo.session import INSPECTING, GraphFound, surrounded

Namespace = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a command line names: a file (a folder stands for its `__main__.py`) or a module."""

    file: Path | None = None
    module: str | None = None

    @classmethod
    def named(cls, path: str | None, module: str | None) -> Target:
        """Check that there is exactly one, and that the file exists. Raises UsageError."""
        if (path is None) == (module is None):
            raise UsageError("name one thing to run: FILE, a folder, or -m MODULE")
        if path is None:
            return cls(module=module)
        file = Path(path)
        if file.is_dir():
            file = file / "__main__.py"
        if not file.is_file():
            raise UsageError(f"there is no file {str(file)!r}")
        return cls(file=file)


def execute(target: Target, name: str = "__main__") -> Namespace:
    """Execute a target's code under a module name and give its globals. Raises UsageError."""
    try:
        if target.file is not None:
            return runpy.run_path(str(target.file), run_name=name)
        return runpy.run_module(str(target.module), run_name=name, alter_sys=True)
    except SyntaxError as error:
        raise UsageError(f"{error.filename}, line {error.lineno}: {error.msg}") from error
    except ImportError as error:
        raise UsageError(f"cannot import what the graph needs: {error}") from error


@contextmanager
def importable(target: Target) -> Iterator[None]:
    """Let a target import what lies beside it, as Python does, and see itself as the command's argument.

    A file inside a package can import that package; its own folder does not become a place to import from.
    """
    path, arguments = sys.path[:], sys.argv
    sys.path.insert(0, str(_import_root(target)))
    sys.argv = [str(target.file or target.module)]
    try:
        yield
    finally:
        sys.path[:], sys.argv = path, arguments


def _import_root(target: Target) -> Path:
    folder = Path.cwd() if target.file is None else target.file.resolve().parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def graph_of(namespace: Namespace) -> Graph:
    """Call `get_graph()`. Raises UsageError where there is none or where it gives no Graph."""
    get_graph = namespace.get("get_graph")
    if not callable(get_graph):
        raise UsageError("nothing to run: define get_graph(), or call bonobo.run(...) under __main__")
    graph = get_graph()
    if not isinstance(graph, Graph):
        raise UsageError(f"get_graph() must return a bonobo.Graph, not {type(graph).__name__}")
    return graph


@contextmanager
def services_of(namespace: Namespace) -> Iterator[Services]:
    """Call `get_services()` on entering, not before, and look after what it gives."""
    get_services: Callable[[], Any] = namespace.get("get_services", dict)
    with hosted(get_services()) as services:
        yield services


def drawn(target: Target) -> Graph:
    """Give a target's graph and build no service.

    `get_graph()` is asked first; a target without it is executed up to its call of `bonobo.run`.
    """
    namespace = execute(target, "__bonobo__")
    if "get_graph" in namespace:
        return graph_of(namespace)
    try:
        with surrounded(INSPECTING):
            return graph_of(execute(target))
    except GraphFound as found:
        return found.graph
