"""Graphs of generator nodes that stream rows through memory: Bonobo's public API, on an engine of its own.

Describe with `Graph`, run with `run`, draw with `inspect`.
"""

from bonobo.config import use
from bonobo.console import QUIET, Console
from bonobo.constants import BARRIER
from bonobo.environ import get_argument_parser, parse_args
from bonobo.filesystem import open_fs
from bonobo.graph import Graph, parallel
from bonobo.report import Report
from bonobo.session import inspect, run
from bonobo.version import VERSION as __version__

__all__ = [
    "BARRIER",
    "QUIET",
    "Console",
    "Graph",
    "Report",
    "__version__",
    "get_argument_parser",
    "inspect",
    "open_fs",
    "parallel",
    "parse_args",
    "run",
    "use",
]
