"""What can be said of a configuration before a load: problems raise, everything else is a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from warehouse import config as configuration
from warehouse.config import TREATMENTS, Config
from warehouse.pipeline.configuration import configuration_warnings, read_configuration

if TYPE_CHECKING:
    from warehouse.storage.catalog import Catalog
    from warehouse.storage.store import Store


def file(data: bytes) -> list[str]:
    """Check a config.json that stands in no bucket. Raises ConfigurationError."""
    config = configuration.parse(data)
    return [*_description(config), *map(_warning, config.warnings)]


def bucket(store: Store, catalog: Catalog) -> list[str]:
    """Check a bucket's config.json beside what the bucket and its last run hold.

    Raises ConfigurationError, StoreUnavailable.
    """
    config = read_configuration(store)
    last = catalog.last_run()
    return [
        *_description(config),
        *map(_warning, configuration_warnings(store, config)),
        *map(_warning, _unlisted(config, catalog.sites())),
        *_changes(config, last.get("configuration_json") if last else None),
    ]


def _warning(text: str) -> str:
    return f"warning: {text}"


def _description(config: Config) -> Iterator[str]:
    yield f"config.json is valid (configuration {config.hash})"
    yield f"  raw prefixes: {', '.join(config.raw_prefixes)}"
    yield f"  training percentage of split sites: {config.training_percentage}"
    for treatment in TREATMENTS:
        sites = sorted(site for site, how in config.sites.items() if how == treatment)
        yield f"  {treatment}: {', '.join(sites) or 'no site'}"


def _unlisted(config: Config, submitted: Iterable[str]) -> Iterator[str]:
    """Submitted centres that the configuration does not match exactly, with what it may have meant."""
    meant = {_folded(site): site for site in config.sites}
    for site in sorted(set(submitted) - config.sites.keys()):
        listed = meant.get(_folded(site))
        near = "" if listed is None else f", and {listed!r} is: they differ by case or blanks"
        yield f"files were submitted by {site!r}, which is not listed{near}"


def _folded(site: str) -> str:
    return "".join(site.split()).casefold()


def _changes(config: Config, before: str | None) -> Iterator[str]:
    if before is None:
        yield "no run has used a configuration here yet"
        return
    old, new = _flat(json.loads(before)), _flat(json.loads(config.document))
    if old == new:
        yield "unchanged since the last run"
        return
    yield "changed since the last run:"
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if isinstance(was, list) and isinstance(now, list):
            yield from (f"  {name}: {item!r} was added" for item in now if item not in was)
            yield from (f"  {name}: {item!r} was removed" for item in was if item not in now)
        elif was != now:
            yield f"  {name}: {was} became {now}"


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    sites = document.pop("sites", {})
    return {**document, **{f"sites.{name}": listed for name, listed in sites.items()}}
