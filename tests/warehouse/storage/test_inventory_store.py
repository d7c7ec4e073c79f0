"""An inventory read from where it stands: whole, in pieces, or refused in one sentence."""

import gzip
import io
import re
import subprocess
import sys
from datetime import timedelta

import inventories
import pytest
from inventories import COLUMNS, TAKEN, csv_row, csv_text, inventory_from, inventory_of

from warehouse.domain.records import ObjectInfo
from warehouse.errors import Archived, Changed, Forbidden, InventoryError, StoreFault
from warehouse.storage import inventory as module
from warehouse.storage.inventory import Inventory
from warehouse.storage.memory import MemoryStore
from warehouse.testing import Fault, Faults, FaultyStore, Kind

ODD = ["raw-a/a b", "raw-a/a+b%2B", "raw-a/100 %", "raw-a/ü/日😀", "raw-a/line\nend", 'raw-a/"q",']


def infos(*keys, size=7, etag="e1"):
    return [ObjectInfo(key, size, etag, TAKEN - timedelta(hours=number)) for number, key in enumerate(keys)]


def placed(files, place=None):
    place = place or MemoryStore("s3://b-inventory")
    for key, data in files:
        place.put(key, data)
    return place


def reader(place, *, age=timedelta(hours=3), **how):
    how = {"max_age": timedelta(hours=48), "clock": lambda: TAKEN + age, **how}
    return Inventory(place, "b", **how)


def read(place, prefixes=("raw-a/",), **how):
    return list(reader(place, **how).objects(prefixes))


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("parts", [1, 3])
def test_objects_come_back_as_they_are_listed(form, parts):
    objects = infos(*ODD)
    place = placed(inventory_of("b", objects, form=form, parts=parts))
    assert sorted(read(place), key=lambda info: info.key) == sorted(objects, key=lambda info: info.key)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_many_rows_are_read_a_piece_at_a_time(form, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 4096)
    monkeypatch.setattr(module, "BATCH_ROWS", 100)
    objects = [ObjectInfo(f"raw-a/{n * 7919:012}", n, f"{n * 104729:x}", TAKEN) for n in range(5000)]
    place = placed(inventory_of("b", objects, form=form))
    found = reader(place)
    assert list(found.objects(("raw-a/",))) == objects
    assert found.requests()["inventory_read"] > 5
    size = sum(info.size for info in place.list("b/daily-full-inventory/data/"))
    assert found.requests()["inventory_bytes_read"] < size + 100_000


GROWTH = """
import re, sys
from datetime import UTC, datetime, timedelta
from warehouse.storage.folder import FolderStore
from warehouse.storage.inventory import Inventory

peak = lambda: int(re.search("VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024
now = datetime(2024, 2, 29, 2, tzinfo=UTC)
found = Inventory(FolderStore(sys.argv[1]), "b", max_age=timedelta(1), clock=lambda: now)
before, count = peak(), sum(1 for _ in found.objects(("raw-a/",)))
print(count, peak() - before)
"""


# Not by getrusage: its peak is that of the tests' own process, where that is larger.
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process alone")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_rows_are_not_held_in_memory(form, tmp_path):
    objects = (ObjectInfo(f"raw-a/{n * 7919:0100}", n, f"{n * 104729:x}", TAKEN) for n in range(400_000))
    placed(inventory_of("b", objects, form=form), Files(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, tmp_path], capture_output=True, text=True, timeout=120, check=True
    )
    count, mebibytes = map(int, done.stdout.split())
    assert count == 400_000
    # Held as objects, the rows would take 160 MiB and more.
    assert mebibytes < 128, mebibytes


class Files:
    """A folder to put files into."""

    def __init__(self, root):
        self.root = root

    def put(self, key, data):
        (self.root / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).write_bytes(data)


def test_gzip_in_several_members_is_one_file():
    rows = [csv_row("b", info) for info in infos("raw-a/1", "raw-a/2")]
    files = dict(inventory_from("b", rows))
    name = next(key for key in files if key.endswith(".csv.gz"))
    files[name] = b"".join(gzip.compress(csv_text([row])) for row in rows)
    assert [info.key for info in read(placed(files.items()))] == ["raw-a/1", "raw-a/2"]


@pytest.mark.parametrize("manifest", ["aws", "beside"])
def test_the_manifest_is_found_in_both_places(manifest):
    columns = ("Key", "VersionId", "ETag", "Size", "Bucket", "LastModifiedDate")
    place = placed(inventory_of("b", infos("raw-a/x"), columns=columns, manifest=manifest))
    assert read(place) == infos("raw-a/x")


def test_without_a_manifest_there_are_four_columns_and_no_etag():
    columns = ("Bucket", "Key", "Size", "LastModifiedDate")
    place = placed(inventory_of("b", infos("raw-a/x"), columns=columns, manifest=None))
    assert read(place) == infos("raw-a/x", etag="")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_old_versions_and_delete_markers_are_skipped(form):
    columns = (*COLUMNS, "VersionId", "IsLatest", "IsDeleteMarker")
    row = csv_row if form == "csv" else inventories.parquet_row
    there, gone = infos("raw-a/there", "raw-a/gone")
    no_size = "" if form == "csv" else None
    rows = [
        row("b", there, columns),
        row("b", there, columns, ETag="e0", IsLatest=False),
        row("b", gone, columns, IsDeleteMarker=True, Size=no_size, ETag=no_size),
        row("b", gone, columns, IsLatest=False),
    ]
    assert read(placed(inventory_from("b", rows, columns=columns, form=form))) == [there]


def test_the_latest_inventory_counts():
    place = MemoryStore()
    for day, key in [(3, "raw-a/new"), (1, "raw-a/old"), (2, "raw-a/older")]:
        placed(inventory_of("b", infos(key), taken=TAKEN.replace(day=day)), place)
    found = reader(place, max_age=timedelta(days=99))
    assert [info.key for info in found.objects(("raw-a/",))] == ["raw-a/new"]
    assert found.taken == TAKEN.replace(day=3)


def refused(place, **how):
    with pytest.raises(InventoryError) as caught:
        read(place, **how)
    said = str(caught.value)
    assert "\n" not in said
    assert "raw-a" not in said
    assert "--inventory" in said
    return said


def test_no_inventory():
    assert "docs/inventory.md" in refused(MemoryStore())


def test_an_old_inventory():
    place = placed(inventory_of("b", infos("raw-a/x")))
    assert "is 49 hours old, and more than 48 are not allowed" in refused(place, age=timedelta(hours=49))


def spoilt(find, change):
    """A good inventory, one file of which is changed, or missing where `change` gives nothing."""
    files = dict(inventory_of("b", infos("raw-a/1", "raw-a/2")))
    (key,) = (key for key in files if key.endswith(find))
    data = change(files.pop(key))
    return placed([*files.items(), *([(key, data)] if data is not None else [])])


def recompressed(change):
    return lambda data: gzip.compress(change(gzip.decompress(data)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: None, "-0.csv.gz, which symlink.txt names, is missing"),
        (lambda data: b"", "damaged"),
        (lambda data: b"no gzip", "damaged"),
        (lambda data: data[:-9], "damaged"),
        (lambda data: data[:30] + b"\0\0\0\0" + data[34:], "damaged"),
        (lambda data: data + b"more", "damaged"),
        (recompressed(lambda text: text[:-20]), "ends in the middle"),
        (recompressed(lambda text: text[:-1].rpartition(b",")[0]), "5 columns where 6"),
        (recompressed(lambda text: text + b'"b"'), "at row 3 or soon after: there are 1 columns where 6"),
        (recompressed(lambda text: text + b"b,raw-a/3"), "ends in the middle"),
        (recompressed(lambda text: text.replace(b'"7"', b'"7"x')), "no row of a CSV file"),
        (recompressed(lambda text: text + b'"\xff\xfe"\n'), "not UTF-8"),
        (
            recompressed(lambda text: text.replace(b"raw-a/2", b"raw-a/%ff")),
            "at row 2 or soon after: .*UTF-8",
        ),
        (recompressed(lambda text: text.replace(b'"b"', b'"c"')), "of another bucket"),
        (recompressed(lambda text: text + b"x" * 2_000_000), "longer than any row"),
    ],
)
def test_files_that_are_refused(change, said):
    assert re.search(said, refused(spoilt(".csv.gz", change)))


@pytest.mark.parametrize(
    ("find", "change", "said"),
    [
        ("symlink.txt", lambda data: data.replace(b"b-inventory", b"c-inventory"), "another bucket"),
        ("symlink.txt", lambda data: b"\n", "names no file"),
        ("symlink.txt", lambda data: data.replace(b".csv.gz", b".orc"), "is missing"),
        ("manifest.json", lambda data: data.replace(b"Key", b"Colour"), "no column key"),
        (
            "manifest.json",
            lambda data: data.replace(b'"sourceBucket": "b"', b'"sourceBucket": "c"'),
            "another",
        ),
        ("manifest.json", lambda data: data[:-5], "no JSON"),
        ("manifest.json", lambda data: None, "6 columns where 4"),
    ],
)
def test_lists_and_manifests_that_are_refused(find, change, said):
    assert said in refused(spoilt(find, change))


@pytest.mark.parametrize("cut", [4, 100, -1, -8, -30])
def test_damaged_parquet_is_refused(cut):
    files = dict(inventory_of("b", infos("raw-a/x"), form="parquet"))
    name = next(key for key in files if key.endswith(".parquet"))
    files[name] = files[name][:cut]
    assert "damaged" in refused(placed(files.items()))


def test_parquet_with_other_columns_is_refused():
    columns = ("Bucket", "Key", "ETag")
    place = placed(inventory_of("b", infos("raw-a/x"), form="parquet", columns=columns))
    assert "no column size, last_modified_date" in refused(place)


def test_another_format_is_refused():
    files = dict(inventory_of("b", infos("raw-a/x")))
    renamed = [
        (key.replace(".csv.gz", ".orc"), data.replace(b".csv.gz", b".orc")) for key, data in files.items()
    ]
    assert "neither .csv.gz nor .parquet" in refused(placed(renamed))


def failing(place, operation, kind, key="*"):
    """The place, of which an operation fails on some keys."""
    return FaultyStore(place, Faults(Fault(operation, kind, key, times=None)))


@pytest.mark.parametrize("find", ["symlink.txt", "manifest.json", "/data/"])
@pytest.mark.parametrize(
    ("kind", "error"), [(Kind.FORBIDDEN, Forbidden), (Kind.CHANGED, Changed), (Kind.ARCHIVED, Archived)]
)
def test_what_cannot_be_read_is_refused(find, kind, error):
    place = placed(inventory_of("b", infos("raw-a/x")))
    assert error.saying in refused(failing(place, "read", kind, f"*{find}*"))


@pytest.mark.parametrize(
    ("kind", "raised", "saying"),
    [(Kind.FORBIDDEN, InventoryError, Forbidden.saying), (Kind.RESET, StoreFault, StoreFault.saying)],
)
def test_a_place_that_cannot_be_listed(kind, raised, saying):
    place = placed(inventory_of("b", infos("raw-a/x")))
    with pytest.raises(raised, match=saying):
        read(failing(place, "list", kind))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_fault_that_passes_stays_one(form):
    place = placed(inventory_of("b", infos("raw-a/x"), form=form))
    with pytest.raises(StoreFault):
        read(failing(place, "read", Kind.TIME_OUT, "*/data/*"))


def test_what_was_asked_is_counted_apart():
    found = reader(placed(inventory_of("b", infos("raw-a/x"))))
    list(found.objects(("raw-a/",)))
    requests = found.requests()
    assert list(requests) == ["inventory_list", "inventory_head", "inventory_read", "inventory_bytes_read"]
    assert [requests[name] for name in list(requests)[:3]] == [1, 1, 3]


def test_a_file_seeks_and_tells_as_files_do():
    place = MemoryStore()
    info = place.put("x", bytes(range(100)))
    with io.BufferedReader(module._Ranges(place, info), 8) as file:
        file.seek(-10, io.SEEK_END)
        assert (file.tell(), file.read()) == (90, bytes(range(90, 100)))
        file.seek(5)
        file.seek(5, io.SEEK_CUR)
        assert file.read(3) == bytes([10, 11, 12])
        file.seek(200)
        assert file.read() == b""
