"""A catalog that was made anew says so where an older version is asked for; its rows come whole or not."""

import pyarrow as pa
import pytest

from catalog_rows import decision, image
from warehouse.errors import QueryError, StoreFault
from warehouse.storage.catalog_schema import OBJECTS, to_arrow
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.gathered_rows import GatheredRows


def reader(*rows):
    return to_arrow("objects", rows).to_reader()


@pytest.fixture
def rebuilt(tmp_path):
    """A catalog that was published in two versions, lost, and made anew and published."""
    old = DeltaCatalog(str(tmp_path))
    for number in range(2):
        old.append([image("training", "P1", "1.1", "1.2", f"1.3.{number}")])
        old.publish()
    for path in sorted((tmp_path / "catalog").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    anew = DeltaCatalog(str(tmp_path))
    anew.make(reader(*(image("training", "P1", "1.1", "1.2", f"1.3.{number}") for number in range(3))))
    return anew


def counted(snapshot):
    with snapshot.ask("SELECT count(*) AS n FROM images") as answer:
        return answer.table()["n"].to_pylist()


def test_it_is_one_version_and_grows_like_any_other(rebuilt):
    assert rebuilt.version() == 0
    rebuilt.append([decision("more")])
    assert rebuilt.version() == 1
    assert len(rebuilt.query("FROM objects")) == 4


def test_it_says_what_is_gone(rebuilt):
    with pytest.raises(
        QueryError, match=r"no version 1: its versions are 0 to 0; it was made anew at 20\d\d-"
    ):
        rebuilt.snapshot(1)
    moment = rebuilt.published("training").version
    assert moment == 1


def test_one_that_was_never_lost_says_no_such_thing(tmp_path):
    catalog = DeltaCatalog(str(tmp_path))
    catalog.append([decision("a")])
    with pytest.raises(QueryError, match=r"no version 5: its versions are 0 to 0$"):
        catalog.snapshot(5)


def test_a_set_is_published_anew_and_its_versions_are_those_of_the_new_catalog(rebuilt):
    assert counted(rebuilt.published("training")) == [2]
    before = rebuilt.published("training").catalog
    rebuilt.publish()
    assert counted(rebuilt.published("training")) == [3]
    assert rebuilt.published("training").catalog != before
    assert counted(rebuilt.published("training", 0)) == [3]
    rebuilt.append([image("training", "P1", "1.1", "1.2", "1.3.9")])
    rebuilt.publish()
    assert counted(rebuilt.published("training", 0)) == [3]
    assert counted(rebuilt.published("training", 1)) == [4]


def test_a_version_that_was_not_published_is_not_answered_by_the_catalog_before(rebuilt):
    rebuilt.append([image("training", "P1", "1.1", "1.2", "1.3.9")])
    rebuilt.publish()
    with pytest.raises(QueryError, match="the catalog was made anew"):
        rebuilt.published("training", 0)


def test_it_takes_the_place_of_none(tmp_path):
    catalog = DeltaCatalog(str(tmp_path))
    catalog.append([decision("a")])
    with pytest.raises(StoreFault, match="a load has made a catalog meanwhile: run again"):
        catalog.make(reader(decision("b")))
    assert catalog.query("SELECT key FROM objects")["key"].to_pylist() == ["a"]


def test_rows_are_gathered_on_the_disk_and_come_back_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("warehouse.storage.gathered_rows.BATCH_ROWS", 3)
    rows = [decision(f"{number}") for number in range(8)]
    with GatheredRows() as gathered:
        for row in rows:
            gathered.add(row)
        assert len(gathered) == 8
        found = gathered.checked().read_all()
        assert found == pa.Table.from_pylist(rows, schema=OBJECTS)
    assert list(tmp_path.iterdir()) == []


def test_rows_that_tell_of_a_version_twice_are_refused():
    with GatheredRows() as gathered:
        gathered.add(decision("a"))
        gathered.add(decision("a", etag="e2"))
        gathered.add(decision("a", "present"))
        with pytest.raises(StoreFault, match="not whole"):
            gathered.checked()
