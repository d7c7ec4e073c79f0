"""`warehouse why` by the real command, on a folder and on S3: the story, its gaps, and where none is."""

import pytest
from test_s3 import environment

from warehouse.domain.reasons import REASONS

BAD = "raw-northfield/2020-11-05/images/"
TRUNCATED = f"{BAD}cut-short.dcm"


def told(ended, code=0):
    assert (ended.code, ended.err) == (code, ""), ended.err
    return ended.out.splitlines()


def section(lines, title):
    start = lines.index(title) + 1
    end = lines.index("", start) if "" in lines[start:] else len(lines)
    return [line.strip() for line in lines[start:end]]


def refused(ended, code=2):
    assert (ended.code, ended.out) == (code, ""), ended.out
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ")
    return line


def a_copy(loaded, suffix="dcm"):
    place = {"dcm": "ct", "json": "ct-metadata"}[suffix]
    return str(min((loaded / "training" / place).rglob(f"*.{suffix}")).relative_to(loaded))


def test_a_refused_object_is_told_by_its_key_and_by_its_name(command, loaded):
    lines = told(command("warehouse", "why", loaded, TRUNCATED))
    assert lines[0] == TRUNCATED
    assert lines[1] == "  an image by its key, uploaded by northfield under 2020-11-05"
    assert lines[3].startswith(f"  stands in raw: {(loaded / TRUNCATED).stat().st_size:,} bytes, changed ")
    (verdict, run, configuration) = section(lines, "decisions")
    assert verdict.endswith(f"Z  quarantined, truncated: {REASONS['truncated'].meaning}")
    assert configuration.endswith(", as config.json stands")
    change = section(lines, "what would change it")
    assert change[0] == REASONS["truncated"].remedy
    assert "warehouse retry" in change[1]
    name = run.partition(", as ")[2]
    assert name.startswith("northfield/2020-11-05/images#")
    by_name = told(command("warehouse", "why", loaded, name))
    assert by_name[1] == f"  asked for as {name}"
    assert by_name[:1] + by_name[2:] == lines


def test_a_loaded_object_is_told_by_its_copy_and_by_its_metadata(command, loaded):
    copy, document = a_copy(loaded), a_copy(loaded, "json")
    by_copy = told(command("warehouse", "why", loaded, copy))
    by_document = told(command("warehouse", "why", loaded, document))
    assert by_copy[:1] + by_copy[2:] == by_document[:1] + by_document[2:]
    places = section(by_copy, "where it is now")
    assert [line.split()[0] for line in places] == ["copy", "metadata", "assignment"]
    assert all(": stands" in line for line in places)
    assert section(by_copy, "what would change it")[0].startswith("nothing:")
    raw = by_copy[0]
    (loaded / copy).write_bytes(b"other")
    (loaded / document).unlink()
    lines = told(command("warehouse", "why", loaded, raw))
    copy_line, document_line, _ = section(lines, "where it is now")
    assert "another size than was recorded, 5 bytes" in copy_line
    assert "gone: nothing stands there" in document_line
    assert "warehouse verify" in section(lines, "what would change it")[-1]


def test_who_holds_what_an_object_was_refused_for(command, loaded):
    lines = told(command("warehouse", "why", loaded, f"{BAD}study-of-demo001.dcm"))
    change = section(lines, "what would change it")
    assert "is held by patient DEMO001: raw-northfield/2020-05-02/images/" in change[0]
    assert change[1].startswith("that object arrived first, and may be the wrong one")
    lines = told(command("warehouse", "why", loaded, f"{BAD}same-instance-other-bytes.dcm"))
    change = section(lines, "what would change it")
    assert change[0].startswith("held by raw-northfield/2020-05-02/images/")
    assert "SOP Instance UID" in change[1]


def test_what_waits_says_for_whom(command, loaded):
    key = str(min((loaded / "raw-southmoor" / "2020-07-28" / "images").iterdir()).relative_to(loaded))
    waits = section(told(command("warehouse", "why", loaded, key)), "what waits")
    assert waits[0].endswith(f": {REASONS['no-clinical-data'].meaning}")
    assert waits[1:] == ["its patient is DEMO027", "no load has seen a clinical file of that patient"]


def test_what_was_never_decided_is_pending(command, loaded):
    for name, words in (("new.dcm", "it is an image"), ("new.txt", "ignored as other-suffix")):
        (loaded / BAD / name).write_bytes(b"x")
        lines = told(command("warehouse", "why", loaded, f"{BAD}{name}"))
        assert any(line.startswith("  pending: by its key alone") and words in line for line in lines)
    (loaded / TRUNCATED).write_bytes(b"another upload")
    lines = told(command("warehouse", "why", loaded, TRUNCATED))
    assert "  this version of it was never decided: it was uploaded after the decisions below" in lines
    assert command("warehouse", "load", loaded).code == 3
    decisions = section(told(command("warehouse", "why", loaded, TRUNCATED)), "decisions")
    assert [line.split(",")[0] for line in decisions if line.startswith("version")] == [
        "version 1 of 2",
        "version 2 of 2",
    ]
    assert "which stands in raw now" in "".join(decisions)


@pytest.fixture
def drop_of_one(tmp_path):
    """A folder with one raw image that no load has seen, and without a catalog."""
    folder = tmp_path / "one"
    image = folder / BAD / "x.dcm"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"x")
    return folder


def test_what_is_pasted_is_understood(command, loaded, tmp_path):
    lines = told(command("warehouse", "why", loaded, TRUNCATED))
    for pasted in (
        f"/{TRUNCATED}",
        loaded / TRUNCATED,
        f"file://{loaded / TRUNCATED}",
        f"./drop/{TRUNCATED}",
    ):
        assert told(command("warehouse", "why", loaded, pasted)) == lines
    (tmp_path / "other").write_text("")
    for pasted in (f"s3://bucket/{TRUNCATED}", tmp_path / "other"):
        assert "name th" in refused(command("warehouse", "why", loaded, pasted))


def test_without_a_catalog_what_stands_is_told_all_the_same(command, drop, drop_of_one):
    lines = told(command("warehouse", "why", drop, TRUNCATED))
    assert "  never decided: the catalog does not know it" in lines
    lines = told(command("warehouse", "why", drop_of_one, f"{BAD}x.dcm"))
    assert any("there is no config.json" in line for line in lines)


def test_of_what_nothing_is_known_one_line_says_so(command, loaded, tmp_path):
    (tmp_path / "empty").mkdir()
    for bucket in (loaded, "./empty"):
        for key in ("raw-a/nothing", "training/ct/P/1/2/x.dcm", "x", "/x", "a//b", "../x"):
            said = refused(command("warehouse", "why", bucket, key))
            assert "nothing is known of that key" in said
            assert "as a work list prints it" in said
    name = "northfield/2020-11-05/images#20200101T000000Z-abcdef-1"
    assert "of that name" in refused(command("warehouse", "why", loaded, name))
    alone = command("warehouse", "why", f"{BAD}x.dcm")
    assert (alone.code, "Give BUCKET and KEY, or set WAREHOUSE_BUCKET" in alone.err) == (2, True)
    assert command("warehouse", "why", loaded, "").code == 2
    assert "does not exist" in refused(command("warehouse", "why", "./nowhere", "x"))


def test_a_variable_names_the_bucket(command, loaded):
    env = {"WAREHOUSE_BUCKET": str(loaded)}
    assert told(command("warehouse", "why", TRUNCATED, env=env))[0] == TRUNCATED


def test_a_damaged_catalog_is_one_line(command, loaded):
    for file in (loaded / "catalog" / "objects").rglob("*.parquet"):
        file.write_bytes(b"no parquet")
    refused(command("warehouse", "why", loaded, TRUNCATED), code=4)


def test_a_bucket_tells_the_same_and_says_what_it_may_not_look_at(command, s3_server, loaded_bucket):
    bucket, env = loaded_bucket, environment(s3_server)
    empty = command("warehouse", "why", s3_server.new_bucket(), TRUNCATED, env=env)
    assert "nothing is known" in refused(empty)
    lines = told(command("warehouse", "why", bucket, f"{BAD}uploaded-twice.dcm", env=env))
    assert any("present, same-instance" in line for line in section(lines, "decisions"))
    places = section(lines, "where it is now")
    assert len(places) == 3
    assert all(": stands" in line for line in places)
    assert "its bytes came with another raw object, raw-northfield/2020-05-02/" in "".join(lines)
    copy = places[0].split()[1].rstrip(":,")
    by_copy = told(command("warehouse", "why", bucket, copy, env=env))
    assert any(f"{BAD}uploaded-twice.dcm" in line for line in by_copy)
    assert all(": stands" in line for line in section(by_copy, "where it is now"))
    s3_server.plan("HeadObject", 403, "Forbidden", times=99, about=rf"/{bucket}/training/ct/")
    gap = told(command("warehouse", "why", bucket, by_copy[0], env=env), code=4)
    assert "could not be looked at (" in section(gap, "where it is now")[0]
    s3_server.faults.clear()
    s3_server.plan("HeadObject", 403, "Forbidden", times=99, about=rf"/{bucket}/raw-b/")
    refused(command("warehouse", "why", bucket, "raw-b/2020-01-01/images/x.dcm", env=env), code=4)
    long = "raw-b/" + "x" * 2000
    assert "nothing is known" in refused(command("warehouse", "why", bucket, long, env=env))
