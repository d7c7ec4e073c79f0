"""CSV and Parquet say the same, whatever the values; both are whole, also without a row."""

import csv
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from warehouse.storage import table_files
from warehouse.storage.table_files import Original, TableFile

COLUMNS = {"text": str, "yes": bool, "count": int, "size": float, "day": date, "came": Original}
ROWS = [
    ["a", True, 1, 1.5, date(2020, 1, 2), {"b": [1, None]}],
    ["=a", False, -1, -1.5, None, "=a"],
    ["two\r\nlines, and \"quotes\"", None, 2**63 - 1, 0.0, date(1, 1, 1), -7],
    ["bare\rreturn", None, -(2**63), float("inf"), None, "-7"],
    [None, None, None, None, None, None],
    ["\ud800", True, 0, 1e300, None, "\udfff"],
]  # fmt: skip


def read(table):
    with table.csv.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


@pytest.fixture
def written(tmp_path):
    with TableFile(tmp_path, "t", COLUMNS) as table:
        for row in ROWS:
            table.write(row)
    return table


def test_csv(written):
    assert read(written) == [
        list(COLUMNS),
        ["a", "True", "1", "1.5", "2020-01-02", '{"b": [1, null]}'],
        ["'=a", "False", "-1", "-1.5", "", "'=a"],
        ['two\r\nlines, and "quotes"', "", str(2**63 - 1), "0.0", "0001-01-01", "-7"],
        ["bare\rreturn", "", str(-(2**63)), "inf", "", "'-7"],
        [""] * 6,
        ["?", "True", "0", "1e+300", "", "?"],
    ]


def test_parquet(written):
    table = pq.read_table(written.parquet)
    assert table.schema.types == [
        pa.string(),
        pa.bool_(),
        pa.int64(),
        pa.float64(),
        pa.date32(),
        pa.string(),
    ]
    rows = [list(row.values()) for row in table.to_pylist()]
    assert [row[:5] for row in rows[:5]] == [row[:5] for row in ROWS[:5]]
    assert [row[5] for row in rows] == ['{"b": [1, null]}', "=a", "-7", "-7", None, "?"]
    assert rows[5][0] == "?"


def test_without_rows_there_is_a_header(tmp_path):
    with TableFile(tmp_path, "t", COLUMNS) as table:
        pass
    assert read(table) == [list(COLUMNS)]
    assert pq.read_table(table.parquet).column_names == list(COLUMNS)
    assert table.rows == 0


def test_many_batches_are_one_table(tmp_path, monkeypatch):
    monkeypatch.setattr(table_files, "BATCH_CHARACTERS", 50)
    with TableFile(tmp_path, "t", {"n": int}) as table:
        for number in range(100):
            table.write([number])
    assert pq.read_metadata(table.parquet).num_row_groups > 10
    assert pq.read_table(table.parquet)["n"].to_pylist() == list(range(100))
    assert [row[0] for row in read(table)[1:]] == [str(number) for number in range(100)]
    assert table.rows == 100


def test_a_closed_table_is_whole_and_stays_as_it_is(tmp_path):
    with TableFile(tmp_path, "t", {"n": int}) as table:
        table.write([1])
        table.close()
        before = table.csv.read_bytes(), table.parquet.read_bytes()
        table.close()
    assert (table.csv.read_bytes(), table.parquet.read_bytes()) == before
    assert pq.read_table(table.parquet)["n"].to_pylist() == [1]


def test_header_cells_are_no_formulas(tmp_path):
    with TableFile(tmp_path, "t", {"=A1": str}) as table:
        pass
    assert read(table) == [["'=A1"]]
    assert pq.read_table(table.parquet).column_names == ["=A1"]
