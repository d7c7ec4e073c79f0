"""The public test kit: stores and catalogs that fail as planned, to prove what faults and crashes leave."""

from warehouse.testing.catalogs import FaultyCatalog, FaultyCatalogFiles
from warehouse.testing.faults import CATALOG_VERBS, Call, Crash, Fault, Faults, Kind, When
from warehouse.testing.stores import FaultyStore

__all__ = [
    "CATALOG_VERBS",
    "Call",
    "Crash",
    "Fault",
    "Faults",
    "FaultyCatalog",
    "FaultyCatalogFiles",
    "FaultyStore",
    "Kind",
    "When",
]
