"""The test kit keeps its word: what is planned strikes, there and then, as the real thing would be told."""

import doctest
import errno
import re
from pathlib import Path

import botocore.exceptions as boto
import pytest

from catalog_rows import image
from warehouse.errors import AlreadyExists, Forbidden, NotFound, StoreError, StoreFault
from warehouse.storage.catalog import Catalog, MemoryCatalog
from warehouse.storage.folder import FolderStore
from warehouse.storage.memory import MemoryStore
from warehouse.storage.store import Store
from warehouse.storage.translate import of_botocore, of_os
from warehouse.testing import Call, Crash, Fault, Faults, FaultyCatalog, FaultyStore, Kind, When, faults

S3_ERRORS = {
    Kind.SLOW_DOWN: (503, "SlowDown"),
    Kind.INTERNAL_ERROR: (500, "InternalError"),
    Kind.ERROR_BODY: (200, "InternalError"),
    Kind.CONFLICT: (409, "ConditionalRequestConflict"),
    Kind.FORBIDDEN: (403, "AccessDenied"),
    Kind.EXPIRED: (400, "ExpiredToken"),
    Kind.GONE: (404, "NoSuchKey"),
    Kind.CHANGED: (412, "PreconditionFailed"),
    Kind.ARCHIVED: (403, "InvalidObjectState"),
    Kind.UNAVAILABLE: (404, "NoSuchBucket"),
}
CONNECTION_ERRORS = {
    Kind.RESET: boto.ConnectionClosedError(endpoint_url="u"),
    Kind.TIME_OUT: boto.ReadTimeoutError(endpoint_url="u"),
    Kind.SHORT_BODY: boto.IncompleteReadError(actual_bytes=1, expected_bytes=2),
}
VERBS = {
    "head": lambda store, info: store.head("a/k"),
    "read": lambda store, info: store.read("a/k"),
    "create": lambda store, info: store.create("a/new", b"1234"),
    "copy": lambda store, info: store.copy(info, "a/new"),
    "same_bytes": lambda store, info: store.same_bytes(info, info),
    "list": lambda store, info: list(store.list("a/")),
    "list_folders": lambda store, info: list(store.list_folders("")),
}


def client_error(status, code):
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return boto.ClientError(answer, "Operation")


def store_and_object(inner, *planned):
    plan = Faults(*planned)
    inner.create("a/k", b"1234")
    return FaultyStore(inner, plan), inner.head("a/k"), plan


def struck(kind):
    """What a read gets that this kind of fault strikes."""
    return Fault("read", kind).error(Call("read", ("a/k",)))


def test_the_example_of_the_docstring():
    assert doctest.testmod(faults).failed == 0
    assert doctest.testmod(faults).attempted > 4


def test_the_example_of_the_page(capsys):
    page = Path(__file__).parents[3].joinpath("docs", "testing.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(example, {})
    promised = re.findall(r"  # (.*)", example)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(promised) == 3
    assert all(said.startswith(line) for line, said in zip(printed, promised, strict=True))


def test_the_page_names_every_kind():
    page = Path(__file__).parents[3].joinpath("docs", "testing.md").read_text(encoding="utf-8")
    assert [kind.name for kind in Kind if f"`{kind.name}`" not in page] == []


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_a_fault_is_what_a_store_makes_of_the_real_one(kind):
    if kind in S3_ERRORS:
        real = of_botocore("read", "a/k", client_error(*S3_ERRORS[kind])).error
    elif kind in CONNECTION_ERRORS:
        real = of_botocore("read", "a/k", CONNECTION_ERRORS[kind]).error
    elif kind is Kind.DISK_FULL:
        real = of_os("read", "a/k", OSError(errno.ENOSPC, ""))
    elif kind is Kind.OCCUPIED:
        real = of_os("read", "a/k", OSError(errno.ELOOP, ""))
    elif kind is Kind.EXISTS:
        real = of_botocore("read", "a/k", client_error(412, "PreconditionFailed"), AlreadyExists).error
    else:
        assert not isinstance(struck(kind), StoreError)
        return
    found = struck(kind)
    assert (type(found), str(found), found.operation, found.key) == (type(real), str(real), "read", "a/k")


def test_a_crash_passes_every_handler_of_errors():
    assert isinstance(struck(Kind.CRASH), Crash)
    assert not issubclass(Crash, Exception)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
def test_every_verb_can_fail_before_and_after_its_effect(verb, when):
    store, info, plan = store_and_object(MemoryStore(), Fault(verb, Kind.SLOW_DOWN, when=when))
    with pytest.raises(StoreFault, match="SlowDown"):
        VERBS[verb](store, info)
    effect = verb in ("create", "copy") and when is When.AFTER
    assert [found.key for found in store.list("a/n")] == (["a/new"] if effect else [])
    assert [call.operation for _, call in plan.struck] == [verb]
    if effect:
        with pytest.raises(AlreadyExists):
            VERBS[verb](store, info)
    else:
        assert VERBS[verb](store, info)


def test_which_calls_are_struck():
    store, info, plan = store_and_object(MemoryStore(), Fault("read", Kind.GONE, "a/*", nth=2, times=2))
    store._inner.create("b", b"")
    seen = []
    for key in ("a/k", "b", "a/k", "b", "a/k", "a/k"):
        try:
            store.read(key)
            seen.append(True)
        except NotFound:
            seen.append(False)
    assert seen == [True, True, False, True, False, True]
    plan.plan(Fault("*", Kind.FORBIDDEN, times=None))
    for _ in range(3):
        with pytest.raises(Forbidden, match="s3:GetObject"):
            store.head("a/k")
    plan.clear()
    assert store.head("a/k") == info


def test_a_copy_is_found_by_its_source_and_by_its_target():
    for pattern in ("a/k", "a/new"):
        store, info, _ = store_and_object(MemoryStore(), Fault("copy", Kind.GONE, pattern))
        with pytest.raises(NotFound):
            store.copy(info, "a/new")


@pytest.mark.parametrize(("when", "seen"), [(When.BEFORE, 0), (When.TORN, 2), (When.AFTER, 5)])
def test_a_listing_that_fails_halfway(when, seen):
    inner = MemoryStore()
    for number in range(5):
        inner.create(f"{number}", b"")
    store = FaultyStore(inner, Faults(Fault("list", Kind.RESET, when=when)))
    listing, found = store.list(), []
    while len(found) < seen:
        found.append(next(listing).key)
    with pytest.raises(StoreFault):
        next(listing)
    assert found == [f"{number}" for number in range(seen)]


@pytest.mark.parametrize("verb", ["create", "copy"])
def test_a_torn_file_is_half_a_file_that_nobody_sees(verb, tmp_path):
    store, info, _ = store_and_object(FolderStore(tmp_path), Fault(verb, Kind.CRASH, when=When.TORN))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(Crash):
        VERBS[verb](store, info)
    (left,) = [path for path in set(tmp_path.rglob("*")) - before if path.is_file()]
    assert left.read_bytes() == b"12"
    after = FolderStore(tmp_path)
    assert [found.key for found in after.list()] == ["a/k"]
    assert VERBS[verb](after, info).size == 4


def test_nothing_has_an_effect_after_a_crash():
    plan = Faults(Fault("create", Kind.CRASH, "b", when=When.AFTER))
    inner, catalog = MemoryStore(), FaultyCatalog(MemoryCatalog(), plan)
    store = FaultyStore(inner, plan)
    store.create("a", b"")
    with pytest.raises(Crash):
        store.create("b", b"")
    assert plan.crashed
    for act in (lambda: store.create("c", b""), lambda: list(store.list()), catalog.version):
        with pytest.raises(Crash):
            act()
    assert [info.key for info in inner.list()] == ["a", "b"]
    assert [call.keys for call in plan.calls] == [("a",), ("b",)]


@pytest.mark.parametrize(("when", "version"), [(When.BEFORE, None), (When.AFTER, 0)])
def test_a_commit_that_fails_and_one_whose_answer_is_lost(when, version):
    inner = MemoryCatalog()
    catalog = FaultyCatalog(inner, Faults(Fault("append", Kind.TIME_OUT, when=when)))
    with pytest.raises(StoreFault, match="catalog: failed"):
        catalog.append([image("training", "P1", "1.2", "1.3", "a")])
    assert inner.version() == version


def test_the_wrappers_are_stores_and_catalogs():
    assert isinstance(FaultyStore(MemoryStore(), Faults()), Store)
    assert isinstance(FaultyCatalog(MemoryCatalog(), Faults()), Catalog)


@pytest.mark.parametrize(
    "planned",
    [
        {"operation": "raed"},
        {"operation": "read", "nth": 0},
        {"operation": "read", "times": 0},
        {"operation": "head", "when": When.TORN},
    ],
)
def test_what_could_never_strike_is_refused(planned):
    with pytest.raises(ValueError):
        Fault(kind=Kind.GONE, **planned)


def test_the_point_of_a_call_is_that_call_and_no_other():
    store, _, plan = store_and_object(MemoryStore(), Fault.at(Call("create", ("a/[x]*",)), 1, Kind.GONE))
    store.create("a/x", b"")
    with pytest.raises(NotFound):
        store.create("a/[x]*", b"")
    assert len(plan.struck) == 1
