"""What stands at an object's place is found, compared and kept; what does not stand is written once."""

import json
from dataclasses import replace

import pytest

from catalog_rows import START
from warehouse.domain.records import Assignment, Copy, PutJson, RawImage
from warehouse.pipeline.placing import document_of_another, placed, put_document
from warehouse.storage.counting import CountingStore
from warehouse.storage.memory import MemoryStore

FOLDER = "training/ct/P1/1.2/1.3"
DOCUMENTS = "training/ct-metadata/P1/1.2/1.3"


@pytest.fixture
def store():
    return CountingStore(MemoryStore())


def row(store, name="x.dcm", rule="site"):
    raw = store.create(f"raw-a/2020-01-01/images/{name}", b"image")
    stem = name.rpartition(".")[0]
    return Copy(
        raw=RawImage(info=raw, config=None, sequence=1, file_name=name),
        target=f"{FOLDER}/{name}",
        assignment=Assignment("P1", "training", rule, "", "P1", "c", "r", START),
        metadata=PutJson(f"{DOCUMENTS}/{stem}.json", b"{}"),
    )


@pytest.mark.parametrize("rule", ["site", "existing"])
def test_an_object_is_copied_where_nothing_stands(store, rule):
    target, stood = placed(row(store, rule=rule), store)
    assert (target.key, target.size, stood) == (f"{FOLDER}/x.dcm", 5, False)


@pytest.mark.parametrize(("rule", "copies"), [("site", 1), ("existing", 0)])
def test_what_stands_is_found_and_a_look_saves_the_copy_where_much_stands(store, rule, copies):
    copy = row(store, rule=rule)
    store.create(copy.target, b"older")
    target, stood = placed(copy, store)
    assert (target.key, stood) == (copy.target, True)
    assert store.read(copy.target).data == b"older"
    assert store.counts()["copy"] == copies


@pytest.mark.parametrize(
    ("standing", "another"),
    [
        ((), False),
        (("x.json",), False),
        (("x.json", "x.dcm"), True),
        (("x.json", "x.Dcm"), True),
        (("x.json", "x.DCM"), False),
        (("x.json", "x.dcm", "x.DCM"), False),
        (("x.json", "x.1.dcm", "xx.dcm"), False),
        (("x.dcm",), False),
    ],
)
def test_a_document_is_of_another_image_only_where_that_image_stands(store, standing, another):
    copy = row(store, "x.DCM")
    for name in standing:
        store.create(f"{DOCUMENTS if name.endswith('.json') else FOLDER}/{name}", b"{}")
    assert document_of_another(copy, store) is another


def test_the_usual_suffix_costs_no_look(store):
    assert not document_of_another(row(store), store)
    assert not document_of_another(replace(row(store, "y.DCM"), metadata=None), store)
    assert store.counts()["head"] == 0


DOCUMENT = {"00100020": {"vr": "LO", "Value": ["P1"]}, "00283010": None}


@pytest.mark.parametrize(
    ("standing", "flags"),
    [
        (json.dumps(DOCUMENT, separators=(",", ":")), ()),
        (json.dumps(DOCUMENT, indent=4), ()),
        (json.dumps(dict(reversed(DOCUMENT.items()))), ()),
        (json.dumps({**DOCUMENT, "00100020": None}), ("metadata-kept",)),
        ("{}", ("metadata-kept",)),
        ('{"00180050": NaN}', ("metadata-kept",)),
        ("", ("metadata-kept",)),
    ],
)
def test_a_document_that_stands_is_kept_and_flagged_if_it_says_something_else(store, standing, flags):
    store.create(f"{DOCUMENTS}/x.json", standing.encode())
    written = json.dumps(DOCUMENT, separators=(",", ":")).encode()
    assert put_document(store, f"{DOCUMENTS}/x.json", written) == flags
    assert store.read(f"{DOCUMENTS}/x.json").data == standing.encode()
