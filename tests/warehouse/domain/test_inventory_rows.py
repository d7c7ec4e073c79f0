"""What an inventory says, read strictly: names, lists of files, columns and rows."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventories import COLUMNS, TAKEN, csv_row

from warehouse.domain import inventory
from warehouse.domain.records import ObjectInfo
from warehouse.errors import InventoryError

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
MOMENTS = st.datetimes(
    datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999000), timezones=st.just(UTC)
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
OBJECTS = st.builds(
    ObjectInfo,
    KEYS,
    st.integers(0, 2**53),
    st.text("0123456789abcdef-"),
    MOMENTS,
    archived=st.booleans(),
)


def layout(columns=COLUMNS, **how):
    return inventory.layout(columns, "b", **{"encoded": True, **how})


def listed(row, columns=COLUMNS, prefixes=("",)):
    return inventory.listed_object(row, layout(columns), prefixes)


ONE = ObjectInfo("raw-a/2020-01-01/images/x.dcm", 7, "e1", TAKEN)


@given(OBJECTS)
def test_an_object_comes_back_as_it_was_written(info):
    assert listed(csv_row("b", info)) == info


@given(OBJECTS, st.permutations([*COLUMNS, "IsLatest", "VersionId", "IsDeleteMarker"]))
def test_the_order_of_the_columns_and_those_that_are_not_used_make_no_difference(info, columns):
    assert listed(csv_row("b", info, columns), columns) == info


@given(KEYS)
def test_keys_are_decoded_whatever_was_encoded(key):
    assert inventory.decoded(quote_plus(key)) == key
    assert inventory.decoded(quote_plus(key, safe="/")) == key
    assert inventory.decoded(quote(key, safe="")) == key


@pytest.mark.parametrize(
    "key", ["a b", "a+b", "100%", "a%2Bb", "ü/日.dcm", "line\nend", 'q"q,', "a//b", "./.."]
)
def test_odd_keys(key):
    assert inventory.decoded(quote_plus(key)) == key


@given(st.binary(min_size=1))
def test_bytes_that_are_no_text_are_refused_and_others_are_read(data):
    escaped = "".join(f"%{byte:02x}" for byte in data)
    try:
        expected = data.decode()
    except UnicodeDecodeError:
        with pytest.raises(InventoryError):
            inventory.decoded(escaped)
    else:
        assert inventory.decoded(escaped) == expected


@pytest.mark.parametrize("text", ["100%", "%", "%2", "%zz", "%+1", "a%2gb"])
def test_keys_that_nobody_encoded_are_refused(text):
    with pytest.raises(InventoryError):
        inventory.decoded(text)


@given(st.lists(st.text(max_size=9).map("é{}".format) | st.text(max_size=9), max_size=8))
def test_any_row_is_an_object_or_nothing_or_is_refused_without_its_values(row):
    try:
        found = listed(row)
    except InventoryError as error:
        found, said = None, str(error)
        # Words of the message may be drawn as well, but all of them are ASCII.
        assert said.isascii(), "it names a value"
    assert found is None or len(row) == len(COLUMNS)


@pytest.mark.parametrize("count", [0, 3, 5, 7])
def test_another_number_of_columns_is_refused(count):
    with pytest.raises(InventoryError, match=f"{count} columns where 6"):
        listed([*csv_row("b", ONE), ""][:count])


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("Bucket", "other", "another bucket"),
        ("Key", "", "no key"),
        ("Key", "%ff", "not UTF-8"),
        ("Size", "", "size"),
        ("Size", "-1", "size"),
        ("Size", "1e3", "size"),
        ("Size", "٣", "size"),
        ("LastModifiedDate", "", "no time"),
        ("LastModifiedDate", "yesterday", "no time"),
        ("LastModifiedDate", "0001-01-01T00:00:00+23:59", "no time"),
    ],
)
def test_cells_that_cannot_be_understood_are_refused(column, value, said):
    row = csv_row("b", ONE)
    row[COLUMNS.index(column)] = value
    with pytest.raises(InventoryError, match=said):
        listed(row)


VERSIONED = (*COLUMNS, "IsLatest", "IsDeleteMarker")


@pytest.mark.parametrize(
    ("latest", "marker", "there"),
    [("true", "false", True), ("TRUE", "", True), ("false", "false", False), ("true", "true", False)],
)
def test_only_the_latest_version_counts_and_no_delete_marker(latest, marker, there):
    row = csv_row("b", ONE, VERSIONED, IsLatest=latest, IsDeleteMarker=marker)
    if marker == "true":
        row[COLUMNS.index("Size")] = ""
    assert listed(row, VERSIONED) == (ONE if there else None)


def test_a_flag_that_is_neither_is_refused():
    with pytest.raises(InventoryError, match="neither true nor false"):
        listed(csv_row("b", ONE, VERSIONED, IsLatest="maybe"), VERSIONED)


def test_only_what_lies_under_a_prefix_is_listed():
    for key, there in [("raw-a/x", True), ("raw-b/x", True), ("raw-ab/x", False), ("training/x", False)]:
        found = listed(csv_row("b", ObjectInfo(key, 1, "e", TAKEN)), prefixes=("raw-a/", "raw-b/"))
        assert (found is not None) == there


@pytest.mark.parametrize(
    ("storage_class", "tier", "archived"),
    [
        ("STANDARD", "", False),
        ("GLACIER_IR", "", False),
        ("DEEP_ARCHIVE", "", True),
        ("INTELLIGENT_TIERING", "ARCHIVE_INSTANT_ACCESS", False),
        ("INTELLIGENT_TIERING", "DEEP_ARCHIVE", True),
    ],
)
def test_archive_tiers(storage_class, tier, archived):
    columns = (*COLUMNS, "IntelligentTieringAccessTier")
    more = {"StorageClass": storage_class, "IntelligentTieringAccessTier": tier}
    assert listed(csv_row("b", ONE, columns, **more), columns).archived == archived


@given(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)))
def test_a_folder_tells_when_its_inventory_was_taken(moment):
    moment = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    edition = inventory.Edition("b", moment)
    assert inventory.taken(f"dt={moment:%Y-%m-%d-%H-%M}") == moment
    assert inventory.latest([edition.symlink], "b") == edition


@pytest.mark.parametrize(
    "name",
    [
        "",
        "dt=",
        "dt=2024-02-30-01-00",
        "dt=2024-02-29-24-00",
        "dt=2024-02-29",
        "2024-02-29-01-00",
        "dt=٢٠٢٤-02-29-01-00",
    ],
)
def test_other_folders_are_no_inventories(name):
    assert inventory.taken(name) is None


def test_the_latest_is_the_greatest_that_has_its_list_of_files():
    base = "b/daily-full-inventory/hive/"
    keys = [
        f"{base}dt=2024-02-27-01-00/symlink.txt",
        f"{base}dt=2024-02-28-01-00/symlink.txt",
        f"{base}dt=2024-02-29-01-00/manifest.json",
        f"{base}dt=2024-02-30-01-00/symlink.txt",
        f"{base}dt=2024-03-01-01-00/deeper/symlink.txt",
        f"other/{base}dt=2024-03-01-01-00/symlink.txt",
    ]
    assert inventory.latest(keys, "b").symlink == keys[1]
    assert inventory.latest(keys[2:], "b") is None
    assert inventory.latest([], "b") is None


def test_the_manifest_lies_where_aws_puts_it_or_beside():
    assert inventory.Edition("b", TAKEN).manifests == (
        "b/daily-full-inventory/2024-02-29T01-00Z/manifest.json",
        "b/daily-full-inventory/hive/dt=2024-02-29-01-00/manifest.json",
    )


@pytest.mark.parametrize("age", [timedelta(0), timedelta(hours=48), -timedelta(hours=1)])
def test_a_fresh_inventory(age):
    inventory.require_fresh(inventory.Edition("b", TAKEN), TAKEN + age, timedelta(hours=48))


def test_an_old_inventory_is_refused_and_so_is_one_of_tomorrow():
    edition = inventory.Edition("b", TAKEN)
    with pytest.raises(
        InventoryError, match=r"is 48\.5 hours old, and more than 48 are not allowed: .* without"
    ):
        inventory.require_fresh(edition, TAKEN + timedelta(hours=48, minutes=30), timedelta(hours=48))
    with pytest.raises(InventoryError, match="in the future"):
        inventory.require_fresh(edition, TAKEN - timedelta(hours=2), timedelta(hours=48))


FILES = st.lists(st.text("abc/-. é", min_size=1).filter(lambda key: key == key.strip()), min_size=1)


@given(FILES, st.sampled_from(["\n", "\r\n", "\n\n", "\n  \n"]))
def test_the_files_of_a_list_come_once_in_its_order(keys, end):
    text = end + end.join(f"s3://place/{key}" for key in keys) + end
    assert inventory.data_files(text.encode(), "place") == list(dict.fromkeys(keys))


@pytest.mark.parametrize(
    ("symlink", "said"),
    [
        (b"", "names no file"),
        (b"\n \n", "names no file"),
        (b"s3://place/a\ns3://other/a\n", "line 2, names a file in another bucket"),
        (b"s3://place\n", "line 1, is not of the form"),
        (b"s3://place/\n", "line 1, is not of the form"),
        (b"https://place/a\n", "line 1, is not of the form"),
        (b"place/a\n", "line 1, is not of the form"),
        (b"\xff\n", "not UTF-8"),
    ],
)
def test_lists_that_are_refused(symlink, said):
    with pytest.raises(InventoryError, match=said):
        inventory.data_files(symlink, "place")


def test_the_manifest_names_the_columns():
    manifest = b'{"sourceBucket": "b", "fileSchema": "Bucket,Key , Size,  LastModifiedDate, ETag"}'
    assert inventory.csv_layout(manifest, "b") == layout(
        ("Bucket", "Key", "Size", "LastModifiedDate", "ETag")
    )
    assert inventory.csv_layout(None, "b") == layout(("Bucket", "Key", "Size", "LastModifiedDate"))


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"", "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "no fileSchema"),
        (b'{"fileSchema": 1}', "no fileSchema"),
        (b'{"sourceBucket": "c", "fileSchema": "Bucket, Key, Size, LastModifiedDate"}', "another bucket"),
        (b'{"fileSchema": "Bucket, Key, LastModifiedDate"}', "no column size"),
        (b'{"fileSchema": "Name, Colour"}', "no column bucket, key, size, last_modified_date"),
        (b'{"fileSchema": "Bucket, Key, Size, LastModifiedDate, key"}', "two columns"),
    ],
)
def test_manifests_that_are_refused(manifest, said):
    with pytest.raises(InventoryError, match=said):
        inventory.csv_layout(manifest, "b")
