"""A catalog whose decisions are gone is told from one that never had any, by what they led to."""

import shutil

import pytest

from catalog_rows import at, decision
from warehouse.errors import StoreUnavailable
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.readable import readable

RUN = {"run": "run-1", "started": at(0), "ended": at(9), "listed": 1, "loaded": 0, "present": 0, "ignored": 0}


@pytest.fixture
def catalog(tmp_path):
    made = DeltaCatalog(str(tmp_path))
    made.append([decision("a", "quarantined", "truncated")])
    return made


QUESTIONS = {
    "version": lambda catalog: catalog.version(),
    "snapshot": lambda catalog: catalog.snapshot(),
    "as of": lambda catalog: catalog.snapshot(0),
    "query": lambda catalog: catalog.query("SELECT 1 FROM objects"),
    "pending": lambda catalog: catalog.pending([]),
    "required": lambda catalog: catalog.require_not_lost(),
    "dry run": lambda catalog: MemoryCatalog(base=catalog).pending([]),
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("lost", ["objects/_delta_log", "objects"])
def test_runs_that_decided_something_tell_of_it(catalog, tmp_path, ask, lost):
    catalog.append_run({**RUN, "quarantined": 1})
    ask(catalog)
    shutil.rmtree(tmp_path / "catalog" / lost)
    with pytest.raises(StoreUnavailable, match="`warehouse catalog rebuild --replace`, then load"):
        ask(catalog)


@pytest.mark.parametrize("ask", [QUESTIONS[name] for name in ("pending", "required", "dry run")])
def test_what_was_published_tells_of_it(catalog, tmp_path, ask):
    catalog.publish()
    shutil.rmtree(tmp_path / "catalog")
    assert catalog.version() is None
    with pytest.raises(StoreUnavailable, match="the catalog is lost"):
        ask(catalog)


@pytest.mark.parametrize("ended", [True, False])
def test_what_a_first_load_commits_meanwhile_is_not_lost(tmp_path, monkeypatch, ended):
    catalog, loader = DeltaCatalog(str(tmp_path)), DeltaCatalog(str(tmp_path))
    look = catalog._tables.open

    def look_before_the_commits(name, version=None):
        found = look(name, version)
        if name == "objects" and loader.version() is None:
            loader.append([decision("a", "quarantined", "truncated")])
            loader.publish()
            if ended:
                loader.append_run({**RUN, "quarantined": 1})
        return found

    monkeypatch.setattr(catalog._tables, "open", look_before_the_commits)
    catalog.require_not_lost()
    assert catalog.version() == 0


def test_runs_that_decided_nothing_are_no_answer_of_a_catalog_that_is_lost(catalog, tmp_path):
    catalog.publish()
    shutil.rmtree(tmp_path / "catalog")
    catalog.append_run({**RUN, "quarantined": 0, "deferred": 0})
    with pytest.raises(StoreUnavailable, match="the catalog is lost"):
        readable(catalog)


def test_where_nothing_was_decided_nothing_is_lost(tmp_path):
    catalog = DeltaCatalog(str(tmp_path))
    for _ in range(2):
        assert catalog.version() is None
        catalog.require_not_lost()
        with catalog.pending([]) as pending:
            assert pending.listed == 0
        catalog.append_run({**RUN, "quarantined": 0, "deferred": 0})
        assert readable(catalog).version is None


def test_what_a_first_load_left_that_was_killed_is_no_lost_catalog(catalog, tmp_path):
    shutil.rmtree(tmp_path / "catalog" / "objects" / "_delta_log")
    catalog.require_not_lost()
    assert catalog.query("SELECT * FROM objects").num_rows == 0
