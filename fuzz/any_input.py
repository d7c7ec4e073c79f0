"""What must hold of any bytes at all, one check a parser: the fuzzers and the targets of `fuzz/` share them.

A check raises where a promise is broken: an exception that is not documented, a verdict that is none, a
document that is no JSON, a key that leaves its prefix, a message that quotes what was read.
"""

from __future__ import annotations

import csv
import json
import posixpath
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any
from zlib import crc32

from dicom_samples import look

from warehouse import config
from warehouse.domain import clinical, identity, inventory, keys
from warehouse.domain.dicom import Limits, Rejection, metadata, to_json
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided, Header, ObjectInfo, RawClinical, RawImage, RawOther
from warehouse.errors import InventoryError

CONFIG = config.parse(b'{"raw_prefixes": ["raw-a"]}')
MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
COLUMNS = ("Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass", "IsLatest", "IsDeleteMarker")

# Words of this length in a message are the message's own, or they were quoted.
_TELLING = 12

# The loader's bounds, and such as mutants reach: one verdict holds within any.
BOUNDS = (Limits(), Limits(header=16 * 1024, inflated=64 * 1024, at_hand=512, tail=2048, elements=300))


def check_header(data: bytes) -> str:
    """Any bytes have one verdict however they are read, and metadata that are JSON. Gives the verdict."""
    end, _ = (one_verdict(data, limits) for limits in BOUNDS)
    try:
        _strict(to_json(data))
    except ValueError as error:
        _is_a_reason(str(error))
    if isinstance(end, Rejection):
        _is_a_reason(end.reason)
        return end.reason
    text, dropped = metadata(end)
    _strict(text)
    assert dropped >= 0
    _builds_keys(end)
    return "whole"


def one_verdict(data: bytes, limits: Limits) -> Header | Rejection:
    """What is decided of an object that is read whole, and in ranges of 1 KB and of its own choice."""
    whole, *others = (
        look(data, limits=replace(limits, first_read=first))[0]
        for first in (1 << 30, 1024, 1 + crc32(data) % 8192)
    )
    assert others == [whole] * len(others), "the verdict hangs on how the object is read"
    return whole


def check_clinical(data: bytes) -> str:
    """A clinical file is a record of two texts, or `invalid-json`. Gives which."""
    found = clinical.parse(data)
    content = clinical.document(data)
    if isinstance(found, str):
        assert (found, content) == ("invalid-json", None)
        return found
    assert content is not None
    assert content == json.loads(data.decode("utf-8-sig"))
    assert found.site is None or (isinstance(found.site, str) and found.site)
    assert found.pseudonym is None or isinstance(found.pseudonym, str)
    assert clinical.agrees(found, "P1" if found.pseudonym is None else found.pseudonym)
    return "record"


def check_inventory(data: bytes) -> str:
    """The parts of an inventory are understood, or refused by InventoryError without quoting them."""
    text = data.decode("latin-1")
    ends = {
        "symlink": _refusable(data, lambda: inventory.data_files(data, "b-inventory")),
        "manifest": _refusable(data, lambda: inventory.csv_layout(data, "b")),
        "bucket": _refusable(data, lambda: inventory.require_bucket(data, "b")),
        "key": _refusable(data, lambda: inventory.decoded(text)),
        "columns": _refusable(data, lambda: inventory.layout(text.split(","), "b", encoded=True)),
    }
    inventory.taken(text)
    inventory.latest([text, f"{inventory.hive_prefix('b')}{text}/symlink.txt"], "b")
    layouts = [inventory.layout(COLUMNS, "b", encoded=encoded) for encoded in (True, False)]
    for row in _rows(text):
        for layout in layouts:
            ends["row"] = _refusable(data, partial(_listed, row, layout))
    return ",".join(name for name, understood in ends.items() if understood) or "refused"


def check_keys(data: bytes) -> str:
    """Any key is decided, and what it names builds keys that stay where they belong. Gives the outcome."""
    key = data.decode("utf-8", "surrogateescape")
    for read in (keys.standing_study, keys.standing_image, keys.standing_clinical, keys.standing_metadata):
        read(key)
    keys.standing_place(key)
    found = keys.raw_object(ObjectInfo(key, 1, "e", MOMENT), CONFIG, 7)
    keys.reading_order(found)
    name = keys.safe_name(found, "r")
    match found:
        case RawImage():
            target = keys.image_target("training", "ct", "P", "1.2", "1.3", found.file_name)
            _stays(target, "training/ct/P/1.2/1.3/", found.file_name)
            return "image"
        case RawClinical():
            assert name == f"{found.uploader}/{found.date}/data#r-7"
            _stays(
                keys.clinical_target("validation", found.pseudonym, found.status, found.date),
                f"validation/data/{found.pseudonym}/",
                f"{found.status}_{found.date}.json",
            )
            _claims(found.pseudonym)
            return "clinical"
        case _:
            assert isinstance(found, RawOther)
            assert REASONS[found.reason].decided is found.decided
            return found.reason


CHECKS: dict[str, Callable[[bytes], str]] = {
    "header": check_header,
    "clinical": check_clinical,
    "inventory": check_inventory,
    "keys": check_keys,
}


def _is_a_reason(text: str) -> None:
    assert text in REASONS, "no such reason"
    assert REASONS[text].decided is Decided.QUARANTINED


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def _strict(text: bytes) -> Any:
    try:
        return json.loads(text.decode(), parse_constant=_no_constant)
    except ValueError as error:
        raise AssertionError("no JSON") from error


def _builds_keys(header: Header) -> None:
    assert identity.refusal(header.patient_id, identity.IdentityRules()) is None
    target = keys.image_target(
        "training", header.type, header.patient_id, header.study_uid, header.series_uid, "x.dcm"
    )
    _stays(target, f"training/{header.type}/{header.patient_id}/{header.study_uid}/", "x.dcm")
    _claims(header.patient_id)


def _claims(identifier: str) -> None:
    """Who has an identifier that passes can be assigned."""
    patient = keys.canonical(identifier)
    if identity.refusal(identifier, identity.IdentityRules()) is None:
        claim = keys.assignment_key(patient)
        _stays(claim, keys.ASSIGNMENTS_PREFIX, f"{patient}.json")
        assert keys.claimed_patient(claim) == patient


def _stays(key: str, prefix: str, name: str) -> None:
    assert key.startswith(prefix)
    assert key.endswith(f"/{name}")
    assert posixpath.normpath(key) == key
    assert len(key.encode()) <= 1024
    assert key.isprintable() or "\u00a0" in key or not key.isascii()


def _rows(text: str) -> Iterable[list[str]]:
    """Each row is looked at by itself: a few show what many would."""
    with suppress(csv.Error):
        yield from islice(csv.reader(text.splitlines()), 20)


def _listed(row: list[str], layout: inventory.Layout) -> ObjectInfo | None:
    found = inventory.listed_object(row, layout, ("raw-a/",))
    if found is not None:
        assert found.key.startswith("raw-a/")
        assert found.size >= 0
        assert found.last_modified.tzinfo is UTC
    return found


def _refusable(data: bytes, read: Callable[[], object]) -> bool:
    try:
        read()
    except InventoryError as error:
        said = str(error)
        words = data.decode("latin-1").replace("%", " ").split()
        assert not any(len(word) >= _TELLING and word in said for word in words), "it quotes what it read"
        return False
    return True
