"""The checks of `warehouse doctor` for a bucket: one after the other, as far as those before it allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from warehouse import config as configuration
from warehouse.domain import inventory, keys
from warehouse.domain.doctor import (
    CONDITIONAL_COPIES,
    Check,
    clock,
    copies,
    failed,
    missing,
    ok,
    untried,
    warning,
)
from warehouse.errors import ConfigurationError, Forbidden, NotFound, Occupied, StoreError, StoreUnavailable

if TYPE_CHECKING:
    from warehouse.domain.records import ObjectInfo
    from warehouse.storage.s3_probe import S3Probe
    from warehouse.storage.store import Store

READ = ("training/", "validation/", "assignments/", "catalog/")
SETS = ("training/", "validation/")

PROBE = f"{keys.PROBES_PREFIX}probe"
TARGET = f"{keys.PROBES_PREFIX}target"
PROBE_DATA = b"What `warehouse doctor` tries conditional writes with. It may be removed by hand.\n"
TARGET_DATA = b"What `warehouse doctor` tries to copy onto. It may be removed by hand.\n"

# The rest of the keys that are tried: nothing is ever put there.
ABSENT = "doctor/absent"

# One page of a listing.
LISTED = 1000

ONLY_TABLES = "only `warehouse process` needs it"
ONLY_INVENTORY = "only `--inventory` needs it"


def configured(store: Store) -> tuple[Check, Sequence[str]]:
    """Whether config.json is there and sound, and the raw prefixes that it names."""
    name = keys.CONFIGURATION_KEY
    remedy = "write one, as config.sample.json shows (docs/configuration.md)"
    try:
        config = configuration.parse(store.read(name).data)
    except Occupied:
        return missing(name, "it is no plain file", "put that aside, and " + remedy), ()
    except NotFound:
        return missing(name, "there is none", remedy), ()
    except ConfigurationError as error:
        return missing(name, str(error), "mend it; `warehouse config check` looks at it again"), ()
    except StoreError as error:
        return failed(name, error, f"s3:GetObject on {name}"), ()
    if config.warnings:
        return warning(
            name, "; ".join(config.warnings), "mend it, unless it is meant so"
        ), config.raw_prefixes
    return ok(name, f"sound, {len(config.raw_prefixes)} raw prefixes"), config.raw_prefixes


class BucketExamination:
    """One examination of a bucket. `left` grows with the keys of what it leaves behind.

    `check` raises StoreUnavailable, in a sentence, where the bucket cannot be used at all, and else `usable`
    becomes true; `heeds_if_match` tells afterwards whether the server looks at that condition of a write.
    """

    def __init__(self, probe: S3Probe, check: Callable[[], None]) -> None:
        self.left: list[str] = []
        self.usable = False
        self.heeds_if_match = False
        self._probe = probe
        self._check = check
        self._found: tuple[ObjectInfo, ObjectInfo] | None = None

    def checks(self) -> Iterator[Check]:
        """Yield each check as it is made; only the first, where the bucket cannot be used at all."""
        unusable = ""
        try:
            self._check()
        except StoreUnavailable as error:
            unusable = str(error)
        # A clock that is too far off is what the rest may be refused for.
        if self._probe.ahead is not None:
            yield clock(self._probe.ahead)
        if unusable:
            yield missing("bucket", unusable, "mend that first: nothing else can be tried")
            return
        self.usable = True
        yield ok("bucket", f"{self._probe.location} answers")
        yield self._try("list", "s3:ListBucket on the bucket", self._list)
        check, prefixes = configured(self._probe)
        yield check
        for prefix in (*prefixes, *READ):
            yield self._reading(prefix)
        yield from self._conditions()
        for prefix in SETS:
            yield from self._uploads(prefix)
        for prefix in READ[len(SETS) :]:
            yield from self._writing(prefix)
        yield from self._copying()

    def _try(self, name: str, grant: str, work: Callable[[], str]) -> Check:
        """A check that is well if `work` gives what to say of it."""
        try:
            return ok(name, work())
        except StoreError as error:
            return failed(name, error, grant)

    def _list(self) -> str:
        for _ in islice(self._probe.list(), LISTED):
            pass
        return "s3:ListBucket is granted, keys come in byte order"

    def _reading(self, prefix: str) -> Check:
        def work() -> str:
            found = self._probe.may_read(prefix, prefix + ABSENT)
            return "s3:GetObject is granted" + ("" if found else "; nothing is there yet")

        return self._try(f"read {prefix}", f"s3:GetObject on {prefix}*", work)

    def _conditions(self) -> Iterator[Check]:
        """Make the probes where they are not there yet; look whether what is made once is made only once."""
        grant = "s3:PutObject on training/*, and with SSE-KMS kms:GenerateDataKey on the key"
        try:
            self._found = (self._put(PROBE, PROBE_DATA), self._put(TARGET, TARGET_DATA))
            refused = self._probe.refuses_another(PROBE)
        except StoreError as error:
            yield failed("write training/", error, grant)
            yield untried("conditional writes", "nothing could be written to try them on")
            return
        yield ok("write training/", "s3:PutObject is granted")
        yield (
            ok("conditional writes", "a second create (If-None-Match: *) is refused")
            if refused
            else missing(
                "conditional writes", "a second create replaced the first", "use a server that heeds them"
            )
        )
        yield self._reads()
        try:
            self.heeds_if_match = refused and self._probe.heeds_if_match(PROBE)
        except StoreError:
            # Uploads tell the same.
            self.heeds_if_match = False

    def _put(self, key: str, data: bytes) -> ObjectInfo:
        info, _ = self._probe.put_once(key, data)
        self.left.append(key)
        return info

    def _reads(self) -> Check:
        name = "conditional reads"
        try:
            info = self._probe.head(PROBE)
            heeded = self._probe.reads_by_version(info, self._probe.read(PROBE).data)
        except StoreError as error:
            return failed(name, error, "s3:GetObject on training/*, and with SSE-KMS kms:Decrypt on the key")
        if heeded:
            return ok(name, "If-Match and ranges are heeded")
        return missing(name, "a read ignores If-Match or its range", "use a server that heeds them")

    def _uploads(self, prefix: str) -> Iterator[Check]:
        """An upload that is begun and aborted leaves nothing, and needs both permissions of a copy."""
        name, put = f"upload {prefix}", f"s3:PutObject on {prefix}*"
        key = f"{prefix}catalog/{ABSENT}"
        try:
            upload = self._probe.begin_upload(key)
        except StoreError as error:
            yield failed(name, error, put)
            return
        try:
            self._probe.abort_upload(key, upload)
        except StoreError as error:
            check = failed(name, error, f"s3:AbortMultipartUpload on {prefix}*")
            yield Check(
                name, check.verdict, f"{check.said} to abort: an empty upload stays behind", check.remedy
            )
            return
        yield ok(name, "s3:PutObject and s3:AbortMultipartUpload are granted")

    def _writing(self, prefix: str) -> Iterator[Check]:
        yield writing(
            self._probe, prefix + ABSENT, f"write {prefix}", f"s3:PutObject on {prefix}*", self.heeds_if_match
        )

    def _copying(self) -> Iterator[Check]:
        if self._found is None:
            yield untried("copies", "there is nothing to try them on")
            return
        source, target = self._found
        heeded: dict[str, bool] = {}
        try:
            for mode in CONDITIONAL_COPIES:
                heeded[mode] = self._probe.heeds_copy_conditions(mode, source, target)
        except StoreError as error:
            yield failed("copies", error, "s3:GetObject and s3:PutObject on training/*")
            return
        yield copies(self._probe.copy_mode, heeded)


def writing(probe: S3Probe, key: str, name: str, grant: str, heeds_if_match: bool) -> Check:
    """Whether a key may be put: by a write that must be refused, else by an upload that is not completed."""
    try:
        if heeds_if_match:
            probe.heeds_if_match(key)
            return ok(name, "s3:PutObject is granted")
        upload = probe.begin_upload(key)
    except StoreError as error:
        return failed(name, error, grant)
    try:
        probe.abort_upload(key, upload)
    except StoreError:
        return ok(name, "s3:PutObject is granted; an empty upload stays behind, which may not be aborted")
    return ok(name, "s3:PutObject is granted")


def beside_for_tables(probe: S3Probe, *, heeds_if_match: bool) -> Check:
    """Whether `warehouse process` has a bucket to write to."""
    name = probe.location
    try:
        probe.check()
    except StoreError as error:
        return warning(name, str(error), ONLY_TABLES)
    grant = f"s3:PutObject on all of {name}"
    check = writing(probe, ABSENT, name, grant, heeds_if_match)
    return check if check.verdict == "ok" else warning(name, check.said, f"{check.remedy}; {ONLY_TABLES}")


def beside_for_inventory(probe: S3Probe, bucket: str) -> Check:
    """Whether `--inventory` has an inventory to read."""
    name = probe.location
    prefix = inventory.hive_prefix(bucket)
    try:
        probe.check()
        edition = inventory.latest((found.key for found in probe.list(prefix)), bucket)
        probe.may_read(prefix, prefix + ABSENT)
    except Forbidden:
        said = f"grant s3:ListBucket and s3:GetObject on it; {ONLY_INVENTORY}"
        return warning(name, "permission denied", said)
    except StoreError as error:
        return warning(name, str(error), ONLY_INVENTORY)
    if edition is None:
        return warning(
            name, "no inventory has come yet", f"wait for it (docs/inventory.md); {ONLY_INVENTORY}"
        )
    return ok(name, f"the latest inventory is of {edition.taken:%Y-%m-%d %H:%M} UTC")
