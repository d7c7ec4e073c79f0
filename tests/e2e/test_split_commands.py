"""The real commands: a preview that writes nothing and names nobody unasked, and an audit with its code."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from test_commands import whole_tree
from test_s3 import environment

CANARY = "demo0"
PAGE = Path(__file__).parents[2] / "docs" / "split.md"


def keys_of(command):
    """The keys that the page lists of what a command prints as JSON."""
    section = PAGE.read_text().split(f"`warehouse {command} --format json` prints one object:\n")[1]
    table = section.split("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


@pytest.fixture
def draft(tmp_path):
    """Sites under which those who wait would arrive."""
    file = tmp_path / "sites.json"
    file.write_text('{"split": ["Northfield General Hospital", "Westhaven Clinic"]}')
    return file


def test_a_preview_writes_nothing_and_names_nobody(command, loaded, draft):
    before = whole_tree(loaded)
    shown = command("warehouse", "split", "preview", loaded, "--sites", draft, "--training-percentage", 100)
    assert shown.code == 0, shown.err
    assert whole_tree(loaded) == before
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert lines[0] == "assigned patients 24: 13 in training, 11 in validation"
    assert "unassigned patients 3" in lines
    assert "nowhere (unlisted-site) training (split) 2" in lines
    assert "nowhere (no-clinical-data) nowhere (no-clinical-data) 1" in lines
    assert CANARY not in (shown.out + shown.err).lower()


def test_the_example_of_the_page_comes_out(command, loaded, tmp_path):
    (sites,) = re.findall(r"^```json\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    (printed,) = re.findall(r"^```\n(assigned patients .*?)^```$", PAGE.read_text(), re.M | re.S)
    (tmp_path / "sites.json").write_text(sites)
    shown = command("warehouse", "split", "preview", loaded, "--sites", "sites.json")
    assert shown.out == printed
    assert shown.code == 0


def test_nobody_is_waited_for_who_would_write_the_sites(command, loaded, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused = command("warehouse", "split", "preview", loaded, "--sites", "pipe")
    assert (refused.code, refused.err) == (2, "error: --sites names no regular file\n")


def test_what_is_not_given_stays_but_a_file_of_sites_is_taken_whole(command, loaded, tmp_path):
    (tmp_path / "sites.json").write_text('{"split": ["Northfield General Hospital"]}')
    shown = command("warehouse", "split", "preview", loaded, "--sites", "sites.json")
    assert "  sites: that of 12 of them would not be listed; under config.json as it stands 0" in shown.out
    other = command("warehouse", "split", "preview", loaded, "--training-percentage", 10)
    assert "  sites: that of 0 of them would not be listed" in other.out


def test_the_page_lists_the_keys_that_programs_get(command, loaded):
    for words in ("split preview", "split audit"):
        told = command("warehouse", *words.split(), loaded, "--format", "json", "--patients")
        assert sorted(json.loads(told.out)) == sorted(keys_of(words))


def test_patients_are_listed_where_they_are_asked_for(command, loaded, draft):
    shown = command("warehouse", "split", "preview", loaded, "--sites", draft, "--patients")
    assert "DEMO027\tnowhere (no-clinical-data)\tnowhere (no-clinical-data)" in shown.out
    machine = command(
        "warehouse", "split", "preview", loaded, "--sites", draft, "--patients", "--format", "json"
    )
    figures = json.loads(machine.out)
    assert {row["patient"] for row in figures["patients"]} == {"DEMO025", "DEMO026", "DEMO027"}
    assert figures["assigned"]["training"] + figures["assigned"]["validation"] == 24
    assert CANARY not in machine.err.lower()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "not usable JSON"),
        ("[]", "what stands under `sites`"),
        ('{"sites": {}}', "what stands under `sites`"),
        ('{"nowhere": ["S"]}', "'nowhere' is no group"),
        ('{"split": ["S"], "training": ["S"]}', "'S' is listed twice"),
        ('{"split": "S"}', "sites must be"),
        ('{"split": ["\\ud800"]}', "surrogate"),
    ],
)
def test_sites_that_make_no_configuration_are_refused(command, loaded, tmp_path, document, words):
    (tmp_path / "s.json").write_text(document)
    refused = command("warehouse", "split", "preview", loaded, "--sites", "s.json")
    assert (refused.code, refused.out) == (2, "")
    assert words in refused.err


@pytest.mark.parametrize("percentage", ["101", "-1", "nan", "many"])
def test_a_percentage_that_is_none_is_refused(command, loaded, percentage):
    refused = command("warehouse", "split", "preview", loaded, "--training-percentage", percentage)
    assert (refused.code, refused.out) == (2, "")


def test_an_audit_of_the_demonstration(command, loaded):
    before = whole_tree(loaded)
    audited = command("warehouse", "split", "audit", loaded)
    assert audited.code == 0, audited.err
    assert audited.out.startswith(
        "the sets are disjoint: no patient, no study and no SOP instance is in both"
    )
    assert "patients by age" in audited.out
    assert CANARY not in (audited.out + audited.err).lower()
    figures = json.loads(command("warehouse", "split", "audit", loaded, "--format", "json").out)
    assert figures["disjoint"] is True
    assert figures["balance"]["site"]["patients"]["Southmoor Royal Infirmary"] == {
        "training": 6,
        "validation": 0,
    }
    assert whole_tree(loaded) == before


def test_sets_that_overlap_end_with_5_and_name_nobody_unasked(command, loaded):
    standing = next((loaded / "training" / "data").iterdir())
    shutil.copytree(standing, loaded / "validation" / "data" / standing.name.lower())
    audited = command("warehouse", "split", "audit", loaded)
    assert audited.code == 5
    assert audited.out.startswith("the sets OVERLAP; in both are: patients 1, studies 0, SOP instances 0")
    assert CANARY not in (audited.out + audited.err).lower()
    named = command("warehouse", "split", "audit", loaded, "--patients")
    assert named.code == 5
    assert f"patient\t{standing.name.upper()}\tcatalog: training" in named.out


def test_a_folder_of_which_nothing_is_known_proves_nothing(command, tmp_path):
    (tmp_path / "mistyped").mkdir()
    audited = command("warehouse", "split", "audit", tmp_path / "mistyped")
    assert audited.code == 4
    assert audited.out.startswith("NOT PROVEN: there is nothing in either set\n")
    assert "warning: there is nothing in either set" in audited.out
    assert "disjoint" not in audited.out


def test_without_a_catalog_the_sets_are_not_compared(command, loaded):
    shutil.rmtree(loaded / "catalog")
    audited = command("warehouse", "split", "audit", loaded)
    assert audited.code == 0, audited.err
    assert "warning: the sets were not compared: there is no catalog" in audited.out
    assert "too few" not in audited.out


@pytest.mark.parametrize("words", [("split", "preview"), ("split", "audit")])
def test_a_bucket_that_is_not_there(command, tmp_path, words):
    refused = command("warehouse", *words, tmp_path / "nowhere")
    assert (refused.code, refused.out) == (2, "")


def test_both_over_s3(command, s3_server, loaded_bucket, draft):
    variables = environment(s3_server)
    audited = command("warehouse", "split", "audit", f"s3://{loaded_bucket}", env=variables)
    assert audited.code == 0, audited.err
    assert "the sets are disjoint" in audited.out
    s3_server.seen.clear()
    shown = command("warehouse", "split", "preview", f"s3://{loaded_bucket}", "--sites", draft, env=variables)
    assert shown.code == 0, shown.err
    assert "unassigned patients 3" in shown.out
    assert not [request.name for request in s3_server.seen if request.name.startswith(("Put", "Copy"))]
