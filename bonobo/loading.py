"""A file, a folder or a module -> its graph and its services, by the two functions that it defines.

`get_graph()` gives the Graph; `get_services()`, where there is one, a mapping or a context manager. A file
that calls `bonobo.run(...)` under `__main__` says by itself what to run, and is executed as it is. While
its graph runs it is the process's `__main__`, so that what it defines can be pickled, and found again by
a process that multiprocessing starts.
"""

from __future__ import annotations

import builtins
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from bonobo.errors import UsageError
from bonobo.graph import Graph
from bonobo.services import Services, hosted
from bonobo.session import INSPECTING, GraphFound, surrounded

Namespace = Mapping[str, Any]

INSPECTED = "__bonobo__"
"""The name of a module whose functions are wanted, and not what it does under `__main__`."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a command line names: a file (a folder stands for its `__main__.py`) or a module.

    `file` is as it was named, and `path` where it is found, whatever folder the graph goes to.
    """

    file: Path | None = None
    module: str | None = None
    path: Path | None = None

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
        return cls(file=file, path=file.absolute())


def execute(target: Target, name: str = "__main__") -> Namespace:
    """Execute a target's code as the module `name` and give its globals. Raises UsageError.

    The module stays the one of that name until the context of `importable` ends.
    """
    try:
        module, code = _from_file(target) if target.file else _from_module(str(target.module))
        module.__name__ = name
        sys.modules[name] = module
        exec(code, vars(module))
    except SyntaxError as error:
        # There is no line where the whole is not in the encoding that the file declares.
        place = f"{error.filename}, line {error.lineno}" if error.lineno else error.filename
        raise UsageError(f"{place or 'the graph'}: {error.msg}") from error
    except ImportError as error:
        raise UsageError(f"{_place(error)}cannot import what the graph needs: {error}") from error
    return vars(module)


def _from_file(target: Target) -> tuple[ModuleType, CodeType]:
    """A module as Python makes one of a script: it belongs to no package and has no spec."""
    file, path = str(target.file), str(target.path)
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{file!r} cannot be read: {error.strerror}") from None
    if b"\0" in source:
        raise UsageError(f"{file!r} is not Python: it holds NUL bytes")
    code = compile(source, file, "exec", dont_inherit=True)
    return _module(path, SourceFileLoader("__main__", path), None), code


def _from_module(name: str) -> tuple[ModuleType, CodeType]:
    """A module as `python -m` makes one; of a package, its `__main__`."""
    spec = _found(name)
    if spec.submodule_search_locations is not None:
        spec = _found(f"{name}.__main__")
    get_code: Callable[[str], CodeType | None] = getattr(spec.loader, "get_code", lambda name: None)
    code = get_code(spec.name)
    if code is None:
        raise UsageError(f"{spec.name} has no Python code to run")
    return _module(spec.origin, spec.loader, spec), code


def _found(name: str) -> ModuleSpec:
    try:
        spec = find_spec(name)
    except (AttributeError, ValueError):
        spec = None
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        spec = None
    if spec is None:
        raise UsageError(f"cannot import what the graph needs: No module named {name!r}")
    return spec


def _module(file: str | None, loader: Any, spec: ModuleSpec | None) -> ModuleType:
    module = ModuleType("__main__")
    vars(module).update(
        __builtins__=builtins,
        __cached__=spec.cached if spec else None,
        __file__=file,
        __loader__=loader,
        __package__=spec.parent if spec else None,
        __spec__=spec,
    )
    return module


def _place(error: BaseException) -> str:
    """Where the import stands that failed, to be put before the message; nothing if it is not the graph's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    return f"{own[-1].filename}, line {own[-1].lineno}: " if own else ""


@contextmanager
def importable(target: Target, arguments: Sequence[str] = ()) -> Iterator[None]:
    """Let a target import what lies beside it, as Python does, and see its command line.

    A file inside a package can import that package; its own folder does not become a place to import from.
    What the target put in the place of modules, of `__main__` above all, is undone at the end.
    """
    path, command_line = sys.path[:], sys.argv
    modules = {name: sys.modules.get(name) for name in ("__main__", INSPECTED)}
    sys.path.insert(0, str(_import_root(target)))
    sys.argv = [str(target.file or target.module), *arguments]
    try:
        yield
    finally:
        sys.path[:], sys.argv = path, command_line
        for name, module in modules.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def _import_root(target: Target) -> Path:
    folder = Path.cwd() if target.file is None else target.file.resolve().parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def graph_of(namespace: Namespace) -> Graph:
    """Call `get_graph()`. Raises UsageError where it cannot be called so or gives no Graph."""
    get_graph = namespace.get("get_graph")
    if not callable(get_graph):
        raise UsageError("nothing to run: define get_graph(), or call bonobo.run(...) under __main__")
    if not _takes_nothing(get_graph):
        raise UsageError(
            "get_graph needs arguments: give them defaults, or call bonobo.run(...) under __main__"
        )
    graph = get_graph()
    if not isinstance(graph, Graph):
        raise UsageError(f"get_graph() must return a bonobo.Graph, not {type(graph).__name__}")
    return graph


def _takes_nothing(function: Callable[..., Any]) -> bool:
    try:
        signature(function).bind()
    except TypeError:
        return False
    except ValueError:
        # What has no signature is called as it is.
        return True
    return True


@contextmanager
def services_of(namespace: Namespace) -> Iterator[Services]:
    """Call `get_services()` on entering, not before, and look after what it gives."""
    get_services = namespace.get("get_services", dict)
    if not callable(get_services):
        raise UsageError(f"get_services must be a function, not {type(get_services).__name__}")
    if not _takes_nothing(get_services):
        raise UsageError(
            "get_services needs arguments: give them defaults, or call bonobo.run(...) under __main__"
        )
    with hosted(get_services()) as services:
        yield services


def drawn(target: Target) -> Graph:
    """Give a target's graph and build no service.

    `get_graph()` is asked first; a target without it, or whose function needs arguments, is executed up to
    its call of `bonobo.run`.
    """
    namespace = execute(target, INSPECTED)
    get_graph = namespace.get("get_graph")
    if callable(get_graph) and _takes_nothing(get_graph):
        return graph_of(namespace)
    try:
        with surrounded(INSPECTING):
            return graph_of(execute(target))
    except GraphFound as found:
        return found.graph
