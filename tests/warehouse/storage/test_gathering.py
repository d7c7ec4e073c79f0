"""All rows are there once they are kept, in the order in which they came, however many fill a batch."""

import pyarrow as pa
import pytest

from catalog_rows import START
from warehouse.domain.records import ObjectInfo
from warehouse.storage import gathering
from warehouse.storage.catalog_work import workspace
from warehouse.storage.gathering import OBJECT, Gathering, OnDisk, described, object_of

NUMBERS = pa.schema({"number": pa.int64()})


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(gathering, "BATCH_ROWS", 3)


@pytest.fixture
def connection():
    with workspace() as opened:
        yield opened


def numbers(connection, table="numbers"):
    return [row[0] for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()]


@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_rows_that_are_added_are_there_once_they_are_kept(connection, count):
    rows = Gathering(connection, {"numbers": NUMBERS, "others": NUMBERS})
    for number in range(count):
        rows.add("numbers", (number,))
        rows.add("others", (-number,))
    rows.keep()
    rows.keep()
    assert numbers(connection) == list(range(count))
    assert numbers(connection, "others") == [-number for number in range(count)]


def test_rows_are_kept_by_the_batch(connection):
    rows = Gathering(connection, {"numbers": NUMBERS})
    for number in range(8):
        rows.add("numbers", (number,))
    assert numbers(connection) == [0, 1, 2, 3, 4, 5]


def test_a_table_is_filled_as_rows_come(connection):
    rows = Gathering(connection, {"numbers": NUMBERS})
    rows.fill("numbers", ((number,) for number in range(7)))
    assert numbers(connection) == list(range(7))


def test_rows_are_made_of_those_that_come(connection):
    rows = Gathering(
        connection, {"numbers": NUMBERS}, {"numbers": "SELECT *, 2 * number AS twice FROM batch"}
    )
    rows.add("numbers", (4,))
    rows.keep()
    rows.insert("numbers", pa.table({"number": [5]}, schema=NUMBERS))
    rows.insert("numbers", pa.table({"number": [6]}, schema=NUMBERS), "SELECT number, 0 FROM batch")
    assert connection.execute("FROM numbers").fetchall() == [(4, 8), (5, 10), (6, 0)]


def test_an_object_comes_back_as_it_was(connection):
    info = ObjectInfo("raw-a/x", 7, "e", START, archived=True)
    Gathering(connection, {"objects": pa.schema(OBJECT)}).fill("objects", [described(info)])
    (row,) = connection.execute(
        "SELECT key, size, etag, epoch_us(modified), archived FROM objects"
    ).fetchall()
    assert object_of(*row) == info


def test_what_is_on_disk_goes_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with OnDisk({"numbers": NUMBERS}):
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
