"""The graph that prints the submitting centres: one clinical file for each patient, each centre once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import bonobo
from warehouse.pipeline.centres import list_clinical_files, print_centres, read_clinical_file
from warehouse.services import centres_services
from warehouse.settings import read_concurrency, read_settings


def get_graph(concurrency: int | None = None, **_: Any) -> bonobo.Graph:
    """Up to `concurrency` clinical files are read at once."""
    n = concurrency or read_concurrency(os.environ)
    graph = bonobo.Graph()
    graph.add_chain(list_clinical_files, bonobo.parallel(read_clinical_file, n), print_centres)
    return graph


@contextmanager
def get_services(**_: Any) -> Iterator[Mapping[str, Any]]:
    """What the nodes name, made from the environment; see `warehouse.services`."""
    with centres_services(read_settings(os.environ)) as services:
        yield services


if __name__ == "__main__":
    raise SystemExit(bonobo.run(get_graph(), services=get_services(), handle_signals=True).exit_code)
