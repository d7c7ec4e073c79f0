"""The nodes that print the submitting centres: names on standard output, all else on standard error.

The raw area is asked, so that a centre can be listed before its first load. Nothing is decided or written.
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bonobo import use
from warehouse import config as configuration
from warehouse.config import Config
from warehouse.domain import clinical, keys
from warehouse.domain.centres import Answer, Candidates, Centres, ClinicalFile, settled
from warehouse.domain.records import GROUPS, ObjectInfo, RawClinical
from warehouse.domain.shortfall import RAW_CLINICAL, Shortfall
from warehouse.domain.tables import Ended
from warehouse.errors import Archived, ConfigurationError
from warehouse.pipeline.accounted import essential
from warehouse.pipeline.configuration import (
    before_anything_is_decided,
    configuration_warnings,
    read_configuration,
)
from warehouse.pipeline.lacking import Damaged, reason_of
from warehouse.pipeline.reading import read_clinical

if TYPE_CHECKING:
    from warehouse.storage.local_files import MessageFile
    from warehouse.storage.store import Store

log = logging.getLogger("warehouse")

Listed = tuple[ObjectInfo, ClinicalFile | None]


@use("store", "centres", "by_patient")
@essential
def list_clinical_files(
    store: Store, centres: Centres, by_patient: Callable[[Iterable[ClinicalFile]], Iterator[Candidates]]
) -> Iterator[Candidates | Ended]:
    """List the clinical files that were uploaded, and those of both sets; give them patient by patient."""
    configs = _configurations(store, centres)
    with before_anything_is_decided("list the clinical files"):
        yield from by_patient(_clinical_files(store, configs))
    yield Ended("patients")


@use("store")
def read_clinical_file(row: Candidates | Ended, store: Store) -> Answer | Ended:
    """Read a patient's newest file for the centre that it names; where it gives none, the next."""
    if isinstance(row, Ended):
        return row
    return settled(_answer(store, file) for file in row.files)


@use("centres", "message", "output", "shortfall")
@essential
def print_centres(
    row: Answer | Ended,
    centres: Centres,
    message: MessageFile,
    output: Callable[[str], None],
    shortfall: Shortfall,
) -> Iterator[Any]:
    """Collect the centre of each patient; when all were seen, print the names, one a line, by `output`."""
    if isinstance(row, Answer):
        if row.unread is not None:
            shortfall.add(RAW_CLINICAL if row.raw else "clinical file", row.unread)
        else:
            centres.add(row.centre)
    else:
        lines = "".join(f"{name}\n" for name in centres.names())
        message.write(lines)
        output(lines)
        for name in centres.unlisted():
            log.warning("config.json does not list the submitting centre %s", name)
        if centres.nameless:
            patients = "1 patient has" if centres.nameless == 1 else f"{centres.nameless} patients have"
            log.warning("%s no clinical file that names a submitting centre", patients)
    yield from ()


def _answer(store: Store, file: ClinicalFile) -> Answer:
    try:
        return Answer(_record(store, file.info).site, raw=file.raw)
    except Exception as error:
        return Answer(unread=reason_of(error), raw=file.raw)


def _record(store: Store, info: ObjectInfo) -> clinical.ClinicalRecord:
    if info.archived:
        raise Archived("read", info.key)
    record = read_clinical(store, info)
    if isinstance(record, str):
        raise Damaged
    return record


def _configurations(store: Store, centres: Centres) -> Sequence[Config]:
    """What names the raw prefixes: config.json; without a usable one, which is said, one for each prefix."""
    try:
        config = read_configuration(store)
    except ConfigurationError as error:
        for problem in error.problems:
            log.warning("%s", problem)
        log.warning("without a usable config.json every raw-…/ prefix of the bucket is read")
        with before_anything_is_decided("list the bucket's root"):
            return list(_every_raw_prefix(store))
    for warning in configuration_warnings(store, config):
        log.warning("%s", warning)
    centres.listed = config.sites
    return [config]


def _every_raw_prefix(store: Store) -> Iterator[Config]:
    for name in store.list_folders():
        if name.startswith("raw-"):
            try:
                yield configuration.parse(json.dumps({"raw_prefixes": [name]}).encode())
            except ConfigurationError:
                log.warning("%r is not of the form raw-<uploader>/: it is not read", f"{name}/")


def _clinical_files(store: Store, configs: Iterable[Config]) -> Iterator[ClinicalFile]:
    """All clinical files, uploaded or in a set; what lies beside them is counted and left out."""
    strangers = 0
    for info, file in itertools.chain(_raw_files(store, configs), _standing_files(store)):
        if file is not None:
            yield file
        strangers += file is None and not info.key.endswith("/")
    if strangers:
        log.warning("%d objects under data/ are no clinical files by their names: left out", strangers)


def _raw_files(store: Store, configs: Iterable[Config]) -> Iterator[Listed]:
    """The images, of which there are many more, are not listed."""
    for config in configs:
        for prefix in config.raw_prefixes:
            for day in store.list_folders(prefix):
                for info in store.list(f"{prefix}{day}/data/"):
                    raw = keys.raw_object(info, config)
                    file = None
                    if isinstance(raw, RawClinical):
                        file = ClinicalFile(keys.canonical(raw.pseudonym), True, raw.status, raw.date, info)
                    yield info, file


def _standing_files(store: Store) -> Iterator[Listed]:
    for group in GROUPS:
        for info in store.list(f"{group}/data/"):
            key = keys.standing_clinical(info.key) if info.defect is None else None
            file = None
            if key is not None:
                file = ClinicalFile(keys.canonical(key.folder), False, key.status, key.date, info)
            yield info, file
