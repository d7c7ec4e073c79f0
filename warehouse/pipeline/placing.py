"""An object and its metadata at their place. What stands there already is found, compared and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from warehouse.domain import keys
from warehouse.domain.records import Copy, Decided, ObjectInfo, Outcome
from warehouse.errors import AlreadyExists, NotFound
from warehouse.pipeline.accounted import outcome

if TYPE_CHECKING:
    from warehouse.storage.identities import Identities
    from warehouse.storage.store import Store


def placed(row: Copy, store: Store) -> tuple[ObjectInfo, bool]:
    """The object at the row's target, and whether it stood there before.

    Where an older loader left the patient, most targets stand: a look saves a copy that would be refused.
    """
    if row.assignment.rule == "existing" and (standing := _find(store, row.target)) is not None:
        return standing, True
    try:
        return store.copy(row.raw.info, row.target), False
    except AlreadyExists:
        return store.head(row.target), True


def may_take_its_place(row: Copy, store: Store, identities: Identities) -> bool:
    """Whether the row's target is the row's to fill, or filled already.

    It is not where another process may be about to put an object of its SOP instance elsewhere.
    """
    image = row.image
    if image is None or row.lane is None or identities.guards(image.sop_uid, row.lane):
        return True
    return _find(store, row.target) is not None


def same_instance(row: Copy, store: Store, identities: Identities) -> Outcome | None:
    """The outcome of an image whose SOP instance another object holds already; None where none does.

    Of the places at which the instance was put, the first that still holds an object counts.
    """
    holders = identities.instances(row.image.sop_uid) if row.image is not None else ()
    for holder in holders:
        own = holder.target_key == row.target
        if own and holder is holders[-1]:
            return None
        target = _find(store, holder.target_key)
        if target is None:
            continue
        if own:
            return None
        if store.same_bytes(row.raw.info, target):
            return outcome(row, Decided.PRESENT, "same-instance", target=target)
        return outcome(row, Decided.QUARANTINED, "conflicting-copy", target=target)
    return None


def document_of_another(row: Copy, store: Store) -> bool:
    """Whether the metadata of `x.dcm` stands where that of this `x.DCM` would; other names cannot meet.

    A document without any image is what an interrupted loader left of this one.
    """
    if row.metadata is None or row.target.endswith(keys.SUFFIXES["images"]):
        return False
    if _find(store, row.metadata.key) is None or _find(store, row.target) is not None:
        return False
    stem = row.target[: -len(keys.SUFFIXES["images"])]
    return any(info.key.lower() == row.target.lower() for info in store.list(f"{stem}."))


def put_document(store: Store, key: str, data: bytes) -> tuple[str, ...]:
    """Write a metadata document; one that stands already is kept, and flagged if it says something else."""
    try:
        store.create(key, data)
    except AlreadyExists:
        if not same_document(store.read(key).data, data):
            return ("metadata-kept",)
    return ()


def same_document(standing: bytes, data: bytes) -> bool:
    """Whether two documents are one, however they are spaced and ordered."""
    if standing == data:
        return True
    try:
        return bool(orjson.loads(standing) == orjson.loads(data))
    except orjson.JSONDecodeError:
        return False


def _find(store: Store, key: str) -> ObjectInfo | None:
    try:
        return store.head(key)
    except NotFound:
        return None
