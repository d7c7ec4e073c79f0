"""Every row of docs/inputs.md through the loader: one outcome on a folder and on S3, whole and in ranges."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clinical_cases import clinical_cases
from dicom_cases import dicom_cases
from input_cases import CONFIGURATIONS, Case

from support import decisions, load
from warehouse.domain import dicom
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.dryrun import DryRunStore
from warehouse.storage.folder import FolderStore
from warehouse.storage.retry import RetryPolicy
from warehouse.storage.s3 import S3Store

PAGE = Path(__file__).resolve().parents[2] / "docs/inputs.md"
CASES = [*dicom_cases(), *clinical_cases()]
SITES = {"training": ["Train"]}

# The bytes of a first read; the last is what the loader does by itself, and the one load that writes.
READS = {"whole": 1 << 30, "1 KB": 1024, "4 KB": 4096, "20 KB": dicom.Limits().first_read}

Outcomes = Mapping[str, Mapping[str, tuple[str, str | None]]]


def uploaded(configuration: str) -> Iterator[tuple[str, bytes]]:
    document = {"raw_prefixes": ["raw-a"], "training_percentage": 50, "sites": SITES}
    yield "config.json", json.dumps({**document, **CONFIGURATIONS[configuration]}).encode()
    for case in CASES:
        if case.configuration == configuration:
            yield from case.standing.items()
            yield from case.files.items()


def in_folder(root: Path, configuration: str) -> FolderStore:
    for key, data in uploaded(configuration):
        path = root / configuration / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return FolderStore(root / configuration)


def on_s3(server: Any, configuration: str) -> S3Store:
    bucket = server.new_bucket()
    server.upload(bucket, uploaded(configuration))
    quick = RetryPolicy(attempts=4, seconds=20.0, base=0.001, cap=0.01)
    return S3Store(bucket, session=server.session(), endpoint_url=server.endpoint, retry=quick)


def outcomes_of(store: Any, first_read: int) -> Mapping[str, tuple[str, str | None]]:
    """What a load says of each key. Only the one that reads as the loader does by itself is no dry run."""
    limits, catalog = dicom.Limits(first_read=first_read), MemoryCatalog()
    real = limits == dicom.Limits()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dicom, "examine", partial(dicom.examine, limits=limits))
        load(store if real else DryRunStore(store), catalog, dry_run=not real)
    return {key: (row["outcome"], row["reason"]) for key, row in decisions(catalog).items()}


def in_each_way(request: pytest.FixtureRequest, root: Path) -> Outcomes:
    """By the way of reading, the outcome of every key."""
    found: dict[str, dict[str, tuple[str, str | None]]] = {read: {} for read in READS}
    for configuration in CONFIGURATIONS:
        if request.param == "folder":
            store: Any = in_folder(root, configuration)
        else:
            store = on_s3(request.getfixturevalue("_s3_server"), configuration)
        for read, first_read in READS.items():
            found[read].update(outcomes_of(store, first_read))
        store.close()
    return found


@pytest.fixture(scope="module", params=["folder", "s3"])
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What is found in each way; where processes share the tests, one finds it and tells the others."""
    root = tmp_path_factory.getbasetemp()
    shared = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / f"outcomes-{request.param}.json"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            shared.write_text(json.dumps(in_each_way(request, tmp_path_factory.mktemp("warehouse"))))
    told = json.loads(shared.read_text())
    return {
        read: {key: (outcome, reason) for key, (outcome, reason) in found.items()}
        for read, found in told.items()
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_becomes_of_it(case: Case, outcomes: Outcomes) -> None:
    found = {read: by_key.get(case.decided) for read, by_key in outcomes.items()}
    assert found == dict.fromkeys(READS, case.outcome)


def rows() -> dict[str, str]:
    """The rows of the page's tables: what arrives, and its outcome."""
    lines = re.findall(r"^\| (.+?) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {arrives: outcome for arrives, outcome in lines if arrives != "What arrives"}


def test_every_row_of_the_page_has_its_cases() -> None:
    assert {case.row for case in CASES} == set(rows())
    assert len({case.decided for case in CASES}) == len({str(case) for case in CASES}) == len(CASES)


def test_every_outcome_of_a_row_has_a_case_and_each_case_an_outcome() -> None:
    told = {row: set(re.findall(r"`([a-z-]+)`", outcome)) & REASONS.keys() for row, outcome in rows().items()}
    told = {
        row: {*reasons, *({"loaded"} if "loaded" in rows()[row] else ())} for row, reasons in told.items()
    }
    shown: dict[str, set[str]] = {row: set() for row in told}
    for case in CASES:
        shown[case.row].add(case.outcome[1] or case.outcome[0])
    assert shown == told


def test_every_reason_for_quarantine_has_a_case() -> None:
    shown = {case.outcome[1] for case in CASES}
    assert {code for code, reason in REASONS.items() if reason.decided is Decided.QUARANTINED} <= shown
