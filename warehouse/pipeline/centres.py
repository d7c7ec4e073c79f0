"""The node that prints the submitting centres: names on standard output, all else on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Container, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bonobo import use
from warehouse.domain.centres import Centres
from warehouse.domain.patients import Patient
from warehouse.domain.shortfall import Shortfall
from warehouse.domain.tables import Ended
from warehouse.errors import ConfigurationError, WarehouseError
from warehouse.pipeline.accounted import essential
from warehouse.pipeline.configuration import read_configuration

if TYPE_CHECKING:
    from warehouse.storage.local_files import MessageFile
    from warehouse.storage.store import Store

log = logging.getLogger("warehouse")


@use("store", "centres", "message", "shortfall")
@essential
def print_centres(
    row: Patient | Ended, store: Store, centres: Centres, message: MessageFile, shortfall: Shortfall
) -> Iterator[Any]:
    """Collect the centre of each patient; when all were seen, print the names, one a line."""
    if isinstance(row, Patient):
        if row.unread is not None:
            shortfall.add("clinical file", row.unread)
        else:
            centres.add(row.record)
    else:
        lines = "".join(f"{name}\n" for name in centres.names())
        message.write(lines)
        _print(lines)
        for name in centres.missing_from(_listed(store)):
            log.warning("config.json does not list the submitting centre %s", name)
        if centres.nameless:
            log.warning("%d patients have clinical files that name no submitting centre", centres.nameless)
    yield from ()


def _print(lines: str) -> None:
    if sys.stdout is None:
        raise WarehouseError("standard output is closed: there is nowhere to print to")
    # Whoever reads a part, and leaves, has seen enough.
    with suppress(BrokenPipeError):
        print(lines, end="", flush=True)


def _listed(store: Store) -> Container[str]:
    """The centres of config.json. Where there is no usable one, that is said, and none is listed."""
    try:
        return read_configuration(store).sites
    except ConfigurationError as error:
        for problem in error.problems:
            log.warning("%s", problem)
        return ()
