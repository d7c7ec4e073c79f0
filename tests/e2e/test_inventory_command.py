"""The real commands by an inventory, in a folder and on S3: the same as by the live listing, or one line."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from inventories import inventory_of

from support import load, raw_drop, state
from warehouse.demo import CONFIGURATION
from warehouse.storage.aws import storage_options
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.folder import FolderStore
from warehouse.storage.memory import MemoryStore
from warehouse.storage.s3 import S3Store

GRAPH = "warehouse.warehouseloader"


def taken(age=timedelta(hours=6)):
    return (datetime.now(UTC) - age).replace(second=0, microsecond=0)


class OnFolder:
    """The drop in a folder, and the folder beside it."""

    def __init__(self, root):
        self.root, self.env = root, {}
        self.bucket = self.name = str(root)

    def put(self, key, data, suffix=""):
        path = self.root.with_name(self.root.name + suffix) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def open(self):
        return FolderStore(self.root), DeltaCatalog(str(self.root))

    @property
    def base(self):
        return self.root.name


class OnS3:
    """The drop in a bucket, and the bucket beside it."""

    def __init__(self, server):
        self.server = server
        self.name = self.base = server.new_bucket()
        self.bucket = f"s3://{self.name}"
        self.made = False
        self.env = server.environment

    def put(self, key, data, suffix=""):
        if suffix and not self.made:
            where = {"LocationConstraint": "eu-west-2"}
            self.server.client.create_bucket(Bucket=self.name + suffix, CreateBucketConfiguration=where)
            self.made = True
        self.server.client.put_object(Bucket=self.name + suffix, Key=key, Body=data)

    def open(self):
        session, endpoint = self.server.session(), self.server.endpoint
        store = S3Store(self.name, session=session, endpoint_url=endpoint)
        return store, DeltaCatalog(self.bucket, lambda: storage_options(session, endpoint))


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    """An empty warehouse in a folder, and one on S3."""
    if request.param == "folder":
        (tmp_path / "ware house").mkdir()
        return OnFolder(tmp_path / "ware house")
    return OnS3(request.getfixturevalue("s3_server"))


@pytest.fixture
def filled(place):
    """The demonstration's drop, and odd names, not yet loaded."""
    for key, data in drop():
        place.put(key, data)
    return place


def drop():
    yield from raw_drop()
    yield "config.json", json.dumps(CONFIGURATION).encode()
    for name in ("a b.dcm", "a+b.dcm", "100%.dcm", "a%2Bb.dcm", "ü 日.dcm"):
        yield f"raw-eastgate/2020-05-05/images/{name}", name.encode() * 200


def take_inventory(place, age=timedelta(hours=6), **how):
    store, _ = place.open()
    for key, data in inventory_of(place.base, store.list(), taken=taken(age), **how):
        place.put(key, data, "-inventory")
    store.close()


def state_of(place):
    store, catalog = place.open()
    try:
        return state(store, catalog)
    finally:
        store.close()


@pytest.fixture(scope="module")
def expected():
    """The same drop, loaded in memory by one worker and a live listing."""
    store, catalog = MemoryStore(), MemoryCatalog()
    for key, data in drop():
        store.put(key, data)
    run = load(store, catalog, concurrency=1)
    return state(store, catalog), run


def without_the_inventory(out):
    lines = out.splitlines()
    assert "inventory of" in lines[1]
    return [lines[0], *lines[2:]]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_it_ends_as_by_the_live_listing_and_a_second_load_asks_nothing(
    command, filled, expected, form, tmp_path
):
    take_inventory(filled, form=form, parts=2)
    ended = command("warehouse", "load", filled.bucket, "--inventory", env=filled.env)
    assert ended.code == 0, ended.err
    assert state_of(filled) == expected[0]
    assert without_the_inventory(ended.out) == expected[1].summary.splitlines()
    report = tmp_path / "report.json"
    again = command("warehouse", "load", filled.bucket, "--inventory", "--report", report, env=filled.env)
    assert again.code == 0, again.err
    ledger = json.loads(report.read_text())["services"]["ledger"]
    requests = ledger["requests"]
    assert (requests["list"], requests["head"], requests["read"]) == (0, 0, 1)
    assert requests["copy"] == requests["create"] == 0
    assert requests["inventory_read"] > 3
    assert timedelta(hours=6) <= datetime.now(UTC) - datetime.fromisoformat(ledger["inventory"])


def test_bonobo_run_loads_by_an_inventory_without_etags(command, filled, expected):
    take_inventory(
        filled, columns=("Bucket", "Key", "Size", "LastModifiedDate"), manifest=None, age=timedelta(hours=60)
    )
    environment = {**filled.env, "WAREHOUSE_BUCKET": filled.bucket, "WAREHOUSE_INVENTORY": "1"}
    refused = command("bonobo", "run", "-m", GRAPH, env=environment)
    assert refused.code == 2
    assert "is 60 hours old" in refused.err
    environment["WAREHOUSE_INVENTORY_MAX_AGE"] = "72"
    ended = command("bonobo", "run", "-m", GRAPH, env=environment)
    assert ended.code == 0, ended.err
    assert state_of(filled) == expected[0]


def refusal(command, place, *options):
    """The one line of a load that is refused, before anything is written."""
    ended = command("warehouse", "load", place.bucket, "--inventory", *options, env=place.env)
    assert ended.code == 2, ended.err
    store, _ = place.open()
    assert [info.key for info in store.list() if not info.key.startswith(("raw-", "catalog/runs"))] == [
        "config.json"
    ]
    store.close()
    (line,) = (line for line in ended.err.splitlines() if "--inventory" in line)
    assert "raw-a" not in line
    assert "Traceback" not in ended.err
    return line


@pytest.fixture
def small(place):
    """A configuration and one clinical file."""
    place.put("config.json", json.dumps({"raw_prefixes": ["raw-a"], "sites": {"training": ["T"]}}).encode())
    place.put("raw-a/2020-01-01/data/P1_data.json", b'{"SubmittingCentre": "T"}')
    return place


def test_there_is_no_inventory(command, small):
    assert "there is no inventory to list by" in refusal(command, small)
    small.put("other/file.txt", b"", "-inventory")
    line = refusal(command, small)
    assert "there is no inventory in" in line
    assert "daily-full-inventory/hive/" in line


def test_an_inventory_that_is_too_old(command, small):
    take_inventory(small, age=timedelta(hours=50))
    assert "is 50 hours old, and more than 48 are not allowed" in refusal(command, small)
    assert "more than 1.5 are" in refusal(command, small, "--inventory-max-age", "1.5")
    ended = command(
        "warehouse", "load", small.bucket, "--inventory", "--inventory-max-age", "51", env=small.env
    )
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    ("find", "change", "said"),
    [
        (
            "symlink.txt",
            lambda data: data.replace(b"-0.csv.gz", b"-9.csv.gz"),
            "-9.csv.gz, which symlink.txt names, is missing",
        ),
        ("symlink.txt", lambda data: data.replace(b"s3://", b"s3://x"), "another bucket"),
        (".csv.gz", lambda data: data[:-12], "damaged"),
        ("manifest.json", lambda data: data.replace(b"Size", b"Weight"), "no column size"),
        ("manifest.json", lambda data: data.replace(b", StorageClass", b""), "6 columns where 5 should be"),
        (
            "manifest.json",
            lambda data: data.replace(b'"sourceBucket": "', b'"sourceBucket": "x'),
            "another bucket",
        ),
    ],
)
def test_a_bad_inventory(command, small, find, change, said):
    store, _ = small.open()
    for key, data in inventory_of(small.base, store.list(), taken=taken()):
        small.put(key, change(data) if key.endswith(find) else data, "-inventory")
    store.close()
    assert said in refusal(command, small)


def test_a_forbidden_inventory(command, s3_server):
    place = OnS3(s3_server)
    place.put("config.json", json.dumps({"raw_prefixes": ["raw-a"]}).encode())
    take_inventory(place)
    s3_server.plan("GetObject", 403, "AccessDenied", times=99, about="symlink")
    line = refusal(command, place)
    assert "symlink.txt cannot be read" in line
    assert "s3:GetObject" in line


def test_the_age_needs_an_inventory_and_a_number(command, small):
    for options, said in [
        (("--inventory-max-age", "5"), "needs --inventory"),
        (("--inventory", "--inventory-max-age", "soon"), "number of hours"),
    ]:
        ended = command("warehouse", "load", small.bucket, *options, env=small.env)
        assert ended.code == 2
        assert said in ended.err
        assert len(ended.err.splitlines()) == 1
