"""What nodes say of themselves: their options, the services they use, what they set up, how rows reach them.

Declarations only. The engine reads them when it plans a graph, and nothing here runs a node.
"""

from bonobo.config.configurables import Configurable, options_of
from bonobo.config.declarations import (
    use,
    use_context,
    use_context_processor,
    use_no_input,
    use_raw_input,
)
from bonobo.config.factories import transformation_factory
from bonobo.config.options import Method, Option, RenamedOption
from bonobo.config.processors import ContextProcessor
from bonobo.config.services import Exclusive, Service

__all__ = [
    "Configurable",
    "ContextProcessor",
    "Exclusive",
    "Method",
    "Option",
    "RenamedOption",
    "Service",
    "options_of",
    "transformation_factory",
    "use",
    "use_context",
    "use_context_processor",
    "use_no_input",
    "use_raw_input",
]
