"""`warehouse verify`: the proof, from what stands in a bucket, that nothing is damaged. It only reads."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Semaphore
from typing import Any

import click
import orjson

import bonobo
from warehouse.commands.options import FILE, aws_options, format_option
from warehouse.commands.running import run_graph
from warehouse.domain.centres import printable
from warehouse.domain.verdict import VIOLATIONS, Verdict
from warehouse.domain.verify import as_figures
from warehouse.opening import open_warehouse
from warehouse.pipeline.audit import read_claim
from warehouse.pipeline.configuration import before_anything_is_decided
from warehouse.pipeline.examine import Reading, examine
from warehouse.pipeline.sources import list_claims
from warehouse.pipeline.verify import ask_catalog, everything_to_hear, gather_places, keep_findings
from warehouse.services import LARGE_DOCUMENTS
from warehouse.settings import Settings, read_settings
from warehouse.storage.assignments import from_document
from warehouse.storage.catalog import Catalog
from warehouse.storage.compare import SMALL_BLOCK, digest_of, same_stream
from warehouse.storage.evidence import Evidence
from warehouse.storage.sightings import Sightings
from warehouse.storage.store import Store


@click.command(short_help="Prove that nothing in a bucket is damaged.")
@click.argument("bucket", required=False)
@click.option("--deep", is_flag=True, help="Read all bytes again: copies against raw objects, headers too.")
@click.option("--keys", is_flag=True, help="Name objects by their keys, and patients by identifier.")
@format_option
@click.option("--report", type=FILE, help="Write the report as JSON.")
@aws_options
def verify(bucket: str | None, deep: bool, keys: bool, format: str, report: Path | None, **flags: Any) -> int:
    """Prove that what BUCKET (or WAREHOUSE_BUCKET) holds is whole, and in one set only: copies, metadata
    documents, assignments and catalog against each other and against the raw objects.

    Nothing is written. Ends with 5 where something is damaged, with 4 where not all could be read.
    """
    settings = read_settings(os.environ, bucket=bucket, writes={"--report": report}, **flags)
    with _services(settings, Verdict(deep)) as services:
        code = run_graph(verify_graph(settings.concurrency), nullcontext(services), report=report)
        verdict, evidence = services["verdict"], services["evidence"]
        if verdict.complete:
            lines = (
                _as_json(verdict, evidence, keys) if format == "json" else _as_text(verdict, evidence, keys)
            )
            for line in lines:
                click.echo(line)
    return code


def verify_graph(concurrency: int) -> bonobo.Graph:
    """Three branches; up to `concurrency` claims, and as many places, are read at once."""
    graph = bonobo.Graph()
    graph.add_chain(keep_findings, _input=None)
    graph.add_chain(list_claims, bonobo.parallel(read_claim, concurrency), _output=keep_findings)
    graph.add_chain(gather_places, bonobo.parallel(examine, concurrency), _output=keep_findings)
    graph.add_chain(ask_catalog, _output=keep_findings)
    return graph


@contextmanager
def _services(settings: Settings, verdict: Verdict) -> Generator[Mapping[str, Any]]:
    # A dry run's store: not even a mistake could write through it.
    with (
        open_warehouse(replace(settings, dry_run=True)) as (store, catalog),
        verify_services(store, catalog, verdict) as services,
    ):
        with before_anything_is_decided("read the catalog"):
            catalog.require_not_lost()
        yield services


@contextmanager
def verify_services(store: Store, catalog: Catalog, verdict: Verdict) -> Generator[Mapping[str, Any]]:
    """The services of one verification of any store and catalog, by name."""
    with Sightings(catalog) as sightings, Evidence(catalog) as evidence:
        yield {
            "store": store,
            "claim_of": from_document,
            "sightings": sightings,
            "evidence": evidence,
            "reading": Reading(
                store,
                partial(same_stream, store, block=SMALL_BLOCK),
                partial(digest_of, store),
                Semaphore(LARGE_DOCUMENTS),
            ),
            "verdict": verdict,
            "heard": everything_to_hear(),
        }


def _as_text(verdict: Verdict, evidence: Evidence, keys: bool) -> Iterator[str]:
    yield from verdict.text()
    for finding in evidence.findings():
        named = finding.key if keys else finding.name
        yield f"{finding.kind}\t{printable(named)}\t{VIOLATIONS[finding.kind].remedy}"


def _as_json(verdict: Verdict, evidence: Evidence, keys: bool) -> Iterator[str]:
    """One object, a finding a line, however many there are."""
    yield orjson.dumps(verdict.report()).decode()[:-1] + ',\n"findings": ['
    before = ""
    for finding in evidence.findings():
        remedy = {"remedy": VIOLATIONS[finding.kind].remedy}
        yield before + orjson.dumps(as_figures(finding, keys=keys) | remedy).decode()
        before = ","
    yield "]}"
