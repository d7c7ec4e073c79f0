"""The graph of the loader: a raw drop becomes training and validation, one raw object a row."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import bonobo
from warehouse.pipeline.loader import (
    copy_and_upload,
    extract_dicom_metadata,
    lane_of,
    list_raw_files,
    load_config,
    patient_of,
    process_image,
    process_patient_data,
    record_outcomes,
    study_of,
)
from warehouse.services import loader_services
from warehouse.settings import read_concurrency, read_settings

PARSERS = 4  # parsing holds the interpreter's lock: more threads would only get in each other's way


def get_graph(concurrency: int | None = None, **_: Any) -> bonobo.Graph:
    """Up to `concurrency` objects are in work at once in each node that waits for the store."""
    n = concurrency or read_concurrency(os.environ)
    graph = bonobo.Graph()
    graph.add_chain(
        load_config,
        list_raw_files,
        bonobo.parallel(process_patient_data, n, key=patient_of),
        bonobo.parallel(process_image, n),
        bonobo.parallel(extract_dicom_metadata, min(n, PARSERS), key=study_of),
        bonobo.parallel(copy_and_upload, n, key=lane_of),
        record_outcomes,
    )
    return graph


@contextmanager
def get_services(**_: Any) -> Iterator[Mapping[str, Any]]:
    """What the nodes name, made from the environment; see `warehouse.services`."""
    with loader_services(read_settings(os.environ)) as services:
        yield services


if __name__ == "__main__":
    raise SystemExit(bonobo.run(get_graph(), services=get_services(), handle_signals=True).exit_code)
