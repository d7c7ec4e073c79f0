"""What several tests ask of a warehouse: to be loaded, and its state in a form that can be compared."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import bonobo
from warehouse import demo, warehouseloader
from warehouse.services import run_services
from warehouse.storage.aws import storage_options
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.s3 import S3Store

NOT_COMPARED = ("run", "time", "configuration")


@dataclass(frozen=True)
class Loaded:
    """One run of the loader in this process: the engine's report, and the run's own figures."""

    code: int
    report: Any
    figures: dict[str, Any]
    summary: str


def load(store, catalog, *, concurrency=8, **how):
    """Run the loader over a store and a catalog, as the command does."""
    held = {}

    @contextmanager
    def services():
        with run_services(store, catalog, **how) as made:
            held.update(made)
            yield made

    report = bonobo.run(warehouseloader.get_graph(concurrency), services=services(), console=bonobo.QUIET)
    ledger = held["ledger"]
    return Loaded(report.exit_code, report, ledger.report(), ledger.summary())


@cache
def raw_drop():
    """The keys and bytes of the demonstration's drop: made once, as it takes half a second."""
    return tuple(demo.raw_drop())


def fill(server, bucket):
    """Let the demonstration's drop and configuration stand in a bucket of the tests' server."""
    config = json.dumps(demo.CONFIGURATION).encode()
    server.upload(bucket, [*raw_drop(), ("config.json", config)])


def opened_on_s3(server, bucket):
    """The store and the catalog of a bucket of the tests' server."""
    store = S3Store(bucket, session=server.session(), endpoint_url=server.endpoint)
    catalog = DeltaCatalog(f"s3://{bucket}", lambda: storage_options(server.session(), server.endpoint))
    return store, catalog


def decisions(catalog):
    """The latest decision for each raw key, as a dictionary of its columns."""
    table = catalog.query("SELECT * FROM objects_now ORDER BY time, run, sequence")
    return {row["key"]: row for row in table.to_pylist()}


def state(store, catalog):
    """All that two equal warehouses have in common: keys and bytes of both sets, assignments, decisions."""
    tree = {
        info.key: store.read(info.key).data
        for group in ("training", "validation")
        for info in store.list(f"{group}/")
        if not info.key.startswith(f"{group}/catalog/")
    }
    assignments = {}
    for info in store.list("assignments/"):
        claim = json.loads(store.read(info.key).data)
        assignments[info.key] = {name: claim[name] for name in claim if name not in NOT_COMPARED}
    return tree, assignments, decided_versions(catalog)


def decided_versions(catalog):
    """What was decided of each version of each raw key, oldest first, but for what two runs may differ in."""
    rows = {}
    for row in catalog.query("SELECT * FROM objects_now ORDER BY time, run, sequence").to_pylist():
        rows.setdefault(row["key"], []).append(_comparable(row))
    return rows


def _comparable(row):
    left_out = {"run", "time", "etag", "target_etag", "last_modified", "sequence", "configuration"}
    kept = {name: value for name, value in row.items() if name not in left_out}
    if kept["outcome"] in ("loaded", "present"):
        kept["outcome"], kept["reason"] = "loaded", None
    return kept


def bare_environment(**extra):
    """An environment for a command that holds nothing of the developer's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", **extra}


def script(name):
    """The path of an installed command."""
    path = Path(sys.executable).parent / name
    assert path.is_file(), f"{name} is not installed here: run bin/test"
    return str(path)
