"""Any sequence of verbs on a store ends as it does on a dictionary."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.errors import AlreadyExists, NotFound
from warehouse.storage.dryrun import DryRunStore
from warehouse.storage.folder import FolderStore
from warehouse.storage.memory import MemoryStore
from warehouse.storage.store import Store


@contextmanager
def a_folder() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as root:
        yield FolderStore(root)


@contextmanager
def overlay(inner) -> Iterator[Store]:
    with inner as store:
        yield DryRunStore(store)


STORES = {
    "memory": lambda: contextlib.nullcontext(MemoryStore()),
    "folder": a_folder,
    "dryrun": lambda: overlay(a_folder()),
}

# Folders and files have different names, so that no key needs a folder where another is a file.
FOLDER = st.sampled_from(["d", "d-", "d.", "é", "d d"])
FILE = st.sampled_from(["a", "a-b", "a.b", "B", "😀", "+%20"])
KEY = st.builds(lambda folders, name: "/".join([*folders, name]), st.lists(FOLDER, max_size=3), FILE)
STEP = st.one_of(
    st.tuples(st.just("create"), KEY, st.binary(max_size=20)),
    st.tuples(st.just("copy"), KEY, KEY),
    st.tuples(st.just("read"), KEY, st.tuples(st.integers(0, 25), st.none() | st.integers(0, 25))),
    st.tuples(st.just("list"), st.sampled_from(["", "d", "d/", "d-", "d/d", "é/", "B"]), st.none()),
)


def on_model(model: dict[str, bytes], verb: str, key: str, argument) -> object:
    """What a step does to a dictionary: a result, or the class of the error."""
    match verb:
        case "list":
            return [
                (held, len(model[held])) for held in sorted(model, key=str.encode) if held.startswith(key)
            ]
        case "create" if key in model:
            return AlreadyExists
        case "create":
            model[key] = argument
            return len(argument)
        case _ if key not in model:
            return NotFound
        case "read":
            start, length = argument
            return model[key][start:][:length]
    if argument in model:
        return AlreadyExists
    model[argument] = model[key]
    return len(model[key])


def on_store(store: Store, verb: str, key: str, argument) -> object:
    try:
        match verb:
            case "list":
                return [(info.key, info.size) for info in store.list(key)]
            case "create":
                return store.create(key, argument).size
            case "read":
                return store.read(key, start=argument[0], length=argument[1]).data
        return store.copy(store.head(key), argument).size
    except (AlreadyExists, NotFound) as error:
        return type(error)


@pytest.mark.parametrize("kind", STORES)
@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=25))
def test_a_store_is_a_dictionary_that_never_forgets(kind, steps):
    model: dict[str, bytes] = {}
    with STORES[kind]() as store:
        for step in steps:
            assert on_store(store, *step) == on_model(model, *step)
        assert {info.key: store.read(info.key).data for info in store.list()} == model
