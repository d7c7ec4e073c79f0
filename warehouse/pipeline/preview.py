"""The nodes of `warehouse split preview`: what waits is read for its site; nothing is decided or written."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from bonobo import use
from warehouse import config as configuration
from warehouse.config import Config
from warehouse.domain import clinical, identity, keys
from warehouse.domain.forecast import Forecast, Standing, text
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided, ObjectInfo, Outcome, RawClinical
from warehouse.pipeline.accounted import accounted, essential, outcome
from warehouse.pipeline.configuration import before_anything_is_decided, read_configuration
from warehouse.pipeline.reading import read_clinical

if TYPE_CHECKING:
    from warehouse.storage.catalog import Catalog
    from warehouse.storage.standing import StandingFolders
    from warehouse.storage.store import Store

# A file's site counts for its patient only where the file was not refused.
_SITES = """
    SELECT patient, arg_min(site, (time, run, sequence)) AS site FROM objects
    WHERE kind = 'clinical' AND patient IS NOT NULL AND site IS NOT NULL AND "group" IS NOT NULL
    GROUP BY patient"""

# Clinical files before images, since the reason of a clinical file is the one to see to.
_STUCK = """
    SELECT patient, reason FROM objects_now
    WHERE outcome IN ('deferred', 'quarantined') AND patient IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY patient ORDER BY kind, time DESC, run DESC, sequence DESC) = 1"""


log = logging.getLogger("warehouse")


@dataclass(frozen=True, slots=True)
class Site:
    """What a clinical file that is not loaded says of its canonical patient."""

    patient: str = field(repr=False)
    site: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AllTold:
    """Every file that waits came before this row."""


@dataclass(slots=True)
class Preview:
    """What is asked, and the answer as it grows: a service, whose summary is what the command prints."""

    training_percentage: float | None = None
    sites: object = None
    patients: bool = False
    format: str = "table"
    forecast: Forecast | None = None
    whole: bool = False
    unread: Counter[str] = field(default_factory=Counter)

    @property
    def exit_code(self) -> int:
        """4 where a file could not be read, so that its patient's site is not known."""
        return 4 if self.unread else 0

    def summary(self) -> str:
        """The forecast in words, or as JSON; nothing where not all could be heard."""
        if self.forecast is None or not self.whole:
            return ""
        figures = {
            **self.forecast.figures(patients=self.patients),
            "unread": dict(sorted(self.unread.items())),
        }
        if self.format == "json":
            return orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode()
        return "\n".join([*text(figures), *self._unread()])

    def _unread(self) -> Iterator[str]:
        for reason, count in sorted(self.unread.items()):
            yield f"clinical files not read {count}: {REASONS[reason].meaning} ({reason})"
            yield f"  -> {REASONS[reason].remedy}"


@use("store", "preview")
@essential
def read_both_configurations(store: Store, preview: Preview) -> Iterator[Config]:
    """Read config.json, and make the other configuration of it. Raises ConfigurationError."""
    present = read_configuration(store)
    other = configuration.changed(
        present, training_percentage=preview.training_percentage, sites=preview.sites
    )
    for warning in set(other.warnings) - set(present.warnings):
        log.warning("with these changes, %s", warning)
    preview.forecast = Forecast(present, other)
    yield other


@use("store", "catalog", "standing", "preview")
@essential
def list_waiting_files(
    config: Config,
    store: Store,
    catalog: Catalog,
    standing: Callable[[], StandingFolders],
    preview: Preview,
) -> Iterator[RawClinical | AllTold]:
    """Learn who is assigned; give each clinical file of the others that is not loaded, in input order."""
    forecast = preview.forecast
    assert forecast is not None, "the configurations come first"
    with before_anything_is_decided("read the assignments"):
        forecast.assigned.update(_assigned(store, catalog, standing()))
        for row in catalog.query(_STUCK).to_pylist():
            forecast.stuck[row["patient"]] = row["reason"]
    with (
        before_anything_is_decided("list the raw prefixes"),
        catalog.pending(_clinical_files(store, config)) as pending,
    ):
        for item in pending:
            raw = keys.raw_object(item.info, config, earlier=item.earlier)
            if isinstance(raw, RawClinical) and keys.canonical(raw.pseudonym) not in forecast.assigned:
                yield raw
    yield AllTold()


@use("store")
@accounted(RawClinical)
def read_site(row: RawClinical, store: Store) -> Site | Outcome:
    """Find the site that a waiting file names: as the catalog knows it, else by reading the file."""
    patient = keys.canonical(row.pseudonym)
    if row.earlier is not None and row.earlier.reason == "unlisted-site":
        return Site(patient, row.earlier.site)
    problem = identity.refusal(row.pseudonym, _rules(row.config))
    record = read_clinical(store, row.info) if problem is None else problem
    if isinstance(record, str):
        return outcome(row, Decided.QUARANTINED, record)
    if not clinical.agrees(record, row.pseudonym):
        return outcome(row, Decided.QUARANTINED, "identity-mismatch")
    return Site(patient, record.site)


@use("preview")
@essential
def keep_forecast(row: Site | Outcome | AllTold, preview: Preview) -> Iterator[Any]:
    """Keep what each file says of its patient; nothing is passed on."""
    forecast = preview.forecast
    assert forecast is not None, "the configurations come first"
    match row:
        case Site():
            forecast.sites.setdefault(row.patient, []).append(row.site)
        case Outcome(raw=RawClinical(pseudonym=pseudonym), reason=str(reason)):
            forecast.stuck[keys.canonical(pseudonym)] = reason
            if REASONS[reason].incomplete:
                preview.unread[reason] += 1
        case AllTold():
            preview.whole = True
    yield from ()


def _assigned(store: Store, catalog: Catalog, folders: StandingFolders) -> dict[str, Standing]:
    """Whoever has an assignment: by the catalog, by a claim, or by a folder that an older loader left."""
    assigned = {
        patient: Standing(next(iter(groups)), None) for patient, groups in folders.items() if len(groups) == 1
    }
    for info in store.list(keys.ASSIGNMENTS_PREFIX):
        assigned.setdefault(keys.claimed_patient(info.key), Standing(None, None))
    sites = {row["patient"]: row["site"] for row in catalog.query(_SITES).to_pylist()}
    for known in catalog.assignments():
        assigned[known.patient] = Standing(known.group, sites.get(known.patient))
    return assigned


def _clinical_files(store: Store, config: Config) -> Iterator[tuple[ObjectInfo, int, str]]:
    """The raw clinical files: the images beside them, of which there are many more, are not listed."""
    for prefix in config.raw_prefixes:
        for day in store.list_folders(prefix):
            for info in store.list(f"{prefix}{day}/data/"):
                yield info, *keys.reading_order(keys.raw_object(info, config))


def _rules(config: Config) -> identity.IdentityRules:
    return identity.IdentityRules(
        patient_id_pattern=config.patient_id_pattern, placeholder_ids=config.placeholder_ids
    )
