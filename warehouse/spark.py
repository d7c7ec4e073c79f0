"""The same pipelines over partitions: their graphs as they are, their services made anew in each process.

Settings travel, clients and credentials never do: each executor finds its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from bonobo.spark import Spark
from warehouse.errors import SettingsError
from warehouse.services import loader_services_there, process_services_there
from warehouse.settings import Settings


def loader_engine(settings: Settings, run: str, master: str | None, conf: Sequence[str]) -> Spark:
    """Spark for one run of the loader. Raises SettingsError: a dry run keeps it all in one process."""
    if settings.dry_run:
        raise SettingsError("a dry run is for the local engine: leave out --engine spark, or --dry-run")
    make = partial(loader_services_there, _travelling(settings), run)
    return Spark(services=make, master=master, conf=read_conf(conf), name=f"warehouse load {run}")


def process_engine(settings: Settings, master: str | None, conf: Sequence[str]) -> Spark:
    """Spark for one run that makes the summary tables. Raises SettingsError."""
    make = partial(process_services_there, _travelling(settings))
    return Spark(services=make, master=master, conf=read_conf(conf), name="warehouse process")


def read_conf(given: Sequence[str]) -> Mapping[str, str]:
    """Read settings of Spark as a person writes them, K=V. Raises SettingsError."""
    conf = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name.startswith("spark.") or not equals:
            raise SettingsError(
                f"--conf takes a setting of Spark, as spark.executor.memory=4g: not {text[:80]!r}"
            )
        conf[name] = value
    return conf


def _travelling(settings: Settings) -> Settings:
    """Settings that mean the same in a process that was started in another folder."""
    location = settings.location
    if location.kind == "folder":
        location = replace(location, name=os.path.abspath(location.name))
    return replace(settings, location=location, warnings=())
