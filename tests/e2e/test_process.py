"""The real commands on folders and buckets: tables beside the warehouse, and `latest.csv` that names them."""

import csv
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from test_s3 import environment, keys

from support import raw_drop
from warehouse.demo import CONFIGURATION

ROOT = Path(__file__).parents[2]
GRAPH = ROOT / "warehouse" / "dataprocess.py"
NODES = (
    "list_clinical_files",
    "read_clinical_file",
    "clean_patient",
    "list_studies",
    "read_metadata",
    "measure_storage",
    "write_tables",
    "publish_tables",
)
NAMES = ("ct", "xray", "mri", "unknown", "patient", "patient_clean", "storage")


def archive(processed):
    """The CSV tables that latest.csv names, with Parquet beside them; every cell as text."""
    with (processed / "latest.csv").open(newline="") as stream:
        paths = {row["archive"]: row["path"] for row in csv.DictReader(stream)}
    assert tuple(paths) == NAMES
    tables = {name: (processed / path).read_bytes() for name, path in paths.items()}
    for name, path in paths.items():
        beside = pq.read_table((processed / path).with_suffix(".parquet"))
        rows = list(csv.reader(tables[name].decode().splitlines()))
        assert (beside.column_names, beside.num_rows) == (rows[0], len(rows) - 1)
    return tables


def small_drop():
    """A few patients of the demonstration's drop, and its configuration."""
    yield "config.json", json.dumps(CONFIGURATION).encode()
    for key, data in raw_drop():
        if re.match(r"raw-southmoor/2020-0[4-6]", key):
            yield key, data


def outside(folder):
    """All that stands in a folder, with its time of change."""
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_inspect_draws_the_branches_without_any_settings(command):
    drawn = command("bonobo", "inspect", "--graph", GRAPH)
    assert drawn.code == 0
    assert all(name in drawn.out for name in NODES)
    numbers = {name: re.search(rf'^\s*"?(\w+)"? \[label="?{name}\b', drawn.out, re.M)[1] for name in NODES}
    for last in ("clean_patient", "read_metadata", "measure_storage"):
        assert re.search(rf'"?{numbers[last]}"? -> "?{numbers["write_tables"]}"?', drawn.out)


def test_the_tables_of_the_demo(command, loaded):
    before = outside(loaded)
    made = command("warehouse", "process", loaded)
    assert made.code == 0, made.err
    processed = Path(f"{loaded}-processed")
    (name,) = (path.name for path in processed.iterdir() if path.is_dir())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", name)
    tables = archive(processed)
    counts = {name: len(list(csv.DictReader(text.decode().splitlines()))) for name, text in tables.items()}
    assert f"7 tables in {processed}/{name}/" in made.out
    assert all(f"{count:>9}  {name}" in made.out for name, count in counts.items())
    for group in ("training", "validation"):
        patients = {path.name for path in (loaded / group / "data").iterdir()}
        rows = csv.DictReader(tables["patient_clean"].decode().splitlines())
        assert {row["Pseudonym"] for row in rows if row["group"] == group} == patients
    for type_ in ("ct", "mri", "xray", "unknown"):
        assert counts[type_] == len(list(loaded.glob(f"*/{type_}/*/*")))
    assert outside(loaded) == before
    assert "Demo0" not in made.out + made.err


def test_the_graph_file_makes_the_same_tables_and_earlier_ones_stay(command, loaded):
    processed = Path(f"{loaded}-processed")
    assert command("warehouse", "process", loaded).code == 0
    tables, before = archive(processed), outside(processed)
    ran = command("bonobo", "run", GRAPH, env={"WAREHOUSE_BUCKET": str(loaded)})
    assert ran.code == 0, ran.err
    assert archive(processed) == tables
    after = outside(processed)
    changed = {path.name for path in before if before[path] != after[path]}
    assert changed == {"latest.csv"}
    assert len([path for path in processed.iterdir() if path.is_dir()]) == 2


def test_a_bucket_of_an_older_loader_without_catalog(command, loaded):
    processed = Path(f"{loaded}-processed")
    assert command("warehouse", "process", loaded).code == 0
    tables = archive(processed)
    shutil.rmtree(loaded / "catalog")
    shutil.rmtree(loaded / "assignments")
    made = command("warehouse", "process", loaded)
    assert made.code == 0, made.err
    assert archive(processed) == tables


def test_an_empty_warehouse(command, tmp_path):
    (tmp_path / "empty").mkdir()
    made = command("warehouse", "process", "empty")
    assert made.code == 0, made.err
    tables = archive(tmp_path / "empty-processed")
    assert {name: text.count(b"\n") for name, text in tables.items()} == {
        **dict.fromkeys(NAMES, 1),
        "storage": 9,
    }


@pytest.mark.parametrize("how", ["out", "flag", "variable", "dry"])
def test_local_tables_go_nowhere_else(command, loaded, tmp_path, how):
    flags = {"out": ["--out", "tables"], "flag": ["--local-only"]}.get(how, [])
    variables = {"variable": {"LOCAL_ONLY": "1"}, "dry": {"DRY_RUN": "1"}}.get(how, {})
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    made = command("warehouse", "process", loaded, *flags, env={"TMPDIR": str(temporary), **variables})
    assert made.code == 0, made.err
    assert not Path(f"{loaded}-processed").exists()
    (place,) = [tmp_path / "tables"] if how == "out" else temporary.iterdir()
    assert set(archive(place)) == set(NAMES)
    assert sorted(path.name for path in place.iterdir()) == sorted(
        ["latest.csv", *(f"{name}.{suffix}" for name in NAMES for suffix in ("csv", "parquet"))]
    )
    assert not [path for path in temporary.iterdir() if path != place]


def test_a_quiet_run_still_says_where_local_tables_are_and_what_they_lack(command, loaded, tmp_path):
    (tmp_path / "tmp").mkdir()
    variables = {"LOCAL_ONLY": "1", "WAREHOUSE_BUCKET": str(loaded), "TMPDIR": str(tmp_path / "tmp")}
    made = command("bonobo", "run", "-q", GRAPH, env=variables)
    assert (made.code, made.out) == (0, "")
    (kept,) = (tmp_path / "tmp").iterdir()
    assert made.err == f"7 tables in {kept}/\n"
    next(loaded.glob("training/data/*/data_*.json")).write_text("{")
    lacking = command("bonobo", "run", "-q", GRAPH, env={**variables, "LOCAL_ONLY": ""})
    first, remedy = lacking.err.splitlines()
    assert lacking.code == 1
    assert first.startswith("not read: 1 clinical file")
    assert remedy.strip().startswith("->")


def test_damaged_documents_are_told_and_the_rest_is_written(command, loaded, tmp_path):
    patient = sorted((loaded / "training/data").iterdir())[0]
    max(patient.iterdir()).write_text("{")
    made = command("warehouse", "process", loaded, "--report", tmp_path / "r.json")
    assert made.code == 1
    assert "not read: 1 clinical file" in made.out
    assert patient.name not in made.out + made.err
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["services"]["shortfall"] == {"clinical file: damaged": 1}
    assert report["services"]["archive"]["latest"] is True
    rows = csv.DictReader(archive(Path(f"{loaded}-processed"))["patient"].decode().splitlines())
    assert [row["SubmittingCentre"] for row in rows if row["Pseudonym"] == patient.name] == [""]


def test_tables_that_have_no_place_are_refused_before_anything_is_read(command, loaded, tmp_path):
    Path(f"{loaded}-processed").write_text("a file")
    refused = command("warehouse", "process", loaded)
    assert refused.code == 2
    (line,) = refused.err.splitlines()
    assert line.startswith(f"error: {loaded}-processed cannot be used")
    (tmp_path / "file").write_text("")
    refused = command("warehouse", "process", loaded, "--out", tmp_path / "file")
    assert refused.code == 2
    assert command("warehouse", "process", tmp_path / "nowhere").code == 2


def test_a_bucket_has_its_tables_in_a_second_one(command, s3_server, tmp_path):
    bucket, folder = s3_server.new_bucket(), tmp_path / "small"
    s3_server.upload(bucket, small_drop())
    for key, data in small_drop():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(data)
    settings = environment(s3_server)
    assert command("warehouse", "load", bucket, env=settings).code == 0
    refused = command("warehouse", "process", bucket, env=settings)
    assert refused.code == 2
    assert f"s3://{bucket}-processed cannot be used" in refused.err
    s3_server.client.create_bucket(
        Bucket=f"{bucket}-processed", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
    )
    before = keys(s3_server, bucket)
    s3_server.seen.clear()
    made = command("warehouse", "process", f"s3://{bucket}", env=settings)
    assert made.code == 0, made.err
    assert keys(s3_server, bucket) == before
    documents = [one for one in s3_server.seen if one.name == "GetObject" and "-metadata/" in one.path]
    assert documents == []
    written = [one.path.split("/")[-1] for one in s3_server.seen if one.name == "PutObject"]
    assert len(written) == 2 * len(NAMES) + 1
    assert written[-1] == "latest.csv"

    there = tmp_path / "there"
    for key in keys(s3_server, f"{bucket}-processed"):
        (there / key).parent.mkdir(parents=True, exist_ok=True)
        s3_server.client.download_file(f"{bucket}-processed", key, str(there / key))
    assert command("warehouse", "load", folder).code == 0
    assert command("warehouse", "process", folder).code == 0
    found, expected = archive(there), archive(tmp_path / "small-processed")
    # Beside the data set, a set may hold what its readers query, which has sizes of its own.
    for tables in (found, expected):
        lines = tables["storage"].splitlines()
        tables["storage"] = [line for line in lines if line.split(b",")[0].count(b"/") == 2]
    assert len(expected["storage"]) == 6
    assert found == expected


def test_what_s3_refuses_to_give_leaves_latest_as_it_was(command, s3_server):
    bucket = s3_server.new_bucket()
    s3_server.client.create_bucket(
        Bucket=f"{bucket}-processed", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
    )
    document = json.dumps({"Pseudonym": "P1", "SubmittingCentre": "A"}).encode()
    s3_server.client.put_object(Bucket=bucket, Key="training/data/P1/data_2020-01-01.json", Body=document)
    s3_server.plan("GetObject", 403, "AccessDenied", times=1, about="data_2020-01-01.json")
    made = command("warehouse", "process", bucket, env=environment(s3_server))
    assert made.code == 4
    assert "forbidden" in made.out
    assert "latest.csv" not in keys(s3_server, f"{bucket}-processed")
    assert command("warehouse", "process", bucket, env=environment(s3_server)).code == 0
    assert "latest.csv" in keys(s3_server, f"{bucket}-processed")
