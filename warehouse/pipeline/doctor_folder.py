"""The checks of `warehouse doctor` for a folder: what its file system can do, and a sound configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from warehouse.domain.doctor import DOUBTED_BEYOND, Check, failed, missing, ok, room, untried, warning
from warehouse.errors import StoreError, StoreUnavailable
from warehouse.pipeline.doctor import READ, SETS, configured

if TYPE_CHECKING:
    from collections.abc import Callable

    from warehouse.storage.folder_probe import FolderProbe, Tried
    from warehouse.storage.store import Store

# More are not counted: a person waits.
COUNTED = 100_000

# Nothing was loaded before there was this program.
BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)


def folder_checks(
    probe: FolderProbe, check: Callable[[], None], clock: Callable[[], datetime]
) -> Iterator[Check]:
    """Yield each check as it is made; only the first, where the folder cannot be used at all.

    `check` raises StoreUnavailable, in a sentence.
    """
    try:
        check()
    except StoreUnavailable as error:
        yield missing("folder", str(error), "mend that first: nothing else can be tried")
        return
    yield ok("folder", f"{probe.location} can be read")
    found, prefixes = configured(probe)
    yield found
    for prefix in (*prefixes, *READ):
        yield _place(probe, prefix)
    yield from _file_system(probe, clock)
    yield _room(probe, prefixes)


def _place(probe: FolderProbe, prefix: str) -> Check:
    """Whether a folder of the layout can be used as it stands; in raw nothing is written."""
    name = prefix.partition("/")[0]
    try:
        place = probe.place(name)
    except StoreError as error:
        return failed(prefix, error)
    if place.kind == "link":
        return missing(prefix, "it is a symbolic link, which is not followed", "put the folder there")
    if place.kind == "other":
        return missing(prefix, "it is no folder", "move it away")
    if prefix not in READ:
        return ok(prefix, "nothing is there yet" if place.kind == "absent" else "a folder")
    if not place.writable:
        return missing(prefix, "it may not be written", "let the loader's user write there")
    if not place.here:
        remedy = "files are linked into place: put it on the file system of the folder itself"
        return missing(prefix, "it is on another file system", remedy)
    return ok(prefix, "can be made" if place.kind == "absent" else "can be written")


def _file_system(probe: FolderProbe, clock: Callable[[], datetime]) -> Iterator[Check]:
    try:
        tried = probe.tried()
    except StoreError as error:
        yield missing("write", str(error), "let the loader's user write to the folder, and make room there")
        yield untried("hard links", "no file could be made to try them on")
        return
    yield ok("write", "files can be made in the folder")
    yield _links(tried)
    if tried.tells_cases:
        yield ok("names", "capitals and small letters are told apart")
    else:
        said = "names that differ in capitals only are one file: some objects become conflicting copies"
        yield warning("names", said, "use a file system that tells them apart")
    yield _clock(tried, clock())


def _links(tried: Tried) -> Check:
    remedy = "use a file system with hard links: a whole file is linked into place"
    if not tried.links:
        return missing("hard links", "a file cannot have a second name", remedy)
    if not tried.once:
        return missing("hard links", "a name that is taken is not refused", remedy)
    return ok("hard links", "files can be linked into place, and only where nothing stands")


def _clock(tried: Tried, now: datetime) -> Check:
    if now < BEGINNING:
        return missing("clock", f"it says {now:%Y-%m-%d}", "set this machine's clock (NTP)")
    off = abs(datetime.fromtimestamp(tried.changed, UTC) - now)
    if off > DOUBTED_BEYOND:
        said = f"{off.total_seconds():.0f} seconds from that of the file system"
        return warning("clock", said, "set both clocks (NTP)")
    return ok("clock", "agrees with the file system's to a minute")


def _room(probe: FolderProbe, prefixes: Sequence[str]) -> Check:
    try:
        free, files = probe.free()
    except StoreError as error:
        return failed("room", error)
    try:
        lacking = _lacking(probe, prefixes)
    except StoreError:
        # What cannot be listed was said before.
        lacking = None
    return room(free, files, lacking)


def _lacking(store: Store, prefixes: Sequence[str]) -> int | None:
    """Bytes of the raw objects less those of the sets; None where there are too many to count them."""
    counted = lacking = 0
    for sign, some in ((1, prefixes), (-1, SETS)):
        for prefix in some:
            for info in store.list(prefix):
                counted += 1
                lacking += sign * info.size
                if counted > COUNTED:
                    return None
    return lacking
