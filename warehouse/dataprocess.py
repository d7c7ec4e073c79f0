"""The graph of the summary tables: clinical files, images and storage, in branches that meet at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import bonobo
from warehouse.pipeline.patients import clean_patient, list_clinical_files, read_clinical_file
from warehouse.pipeline.tables import (
    list_studies,
    measure_storage,
    publish_tables,
    read_metadata,
    write_tables,
)
from warehouse.services import process_services
from warehouse.settings import read_concurrency, read_settings


def get_graph(concurrency: int | None = None, **_: Any) -> bonobo.Graph:
    """Up to `concurrency` documents are read at once, of each kind."""
    n = concurrency or read_concurrency(os.environ)
    graph = bonobo.Graph()
    graph.add_chain(write_tables, publish_tables, _input=None)
    graph.add_chain(
        list_clinical_files,
        bonobo.parallel(read_clinical_file, n),
        clean_patient,
        _output=write_tables,
    )
    graph.add_chain(list_studies, bonobo.parallel(read_metadata, n), _output=write_tables)
    graph.add_chain(measure_storage, _output=write_tables)
    return graph


@contextmanager
def get_services(**_: Any) -> Iterator[Mapping[str, Any]]:
    """What the nodes name, made from the environment; see `warehouse.services`."""
    with process_services(read_settings(os.environ)) as services:
        yield services


if __name__ == "__main__":
    raise SystemExit(bonobo.run(get_graph(), services=get_services(), handle_signals=True).exit_code)
