"""What the other commands say, and what no command ever says."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from test_demo import tree

from support import bare_environment
from warehouse.domain import dicom

ROOT = Path(__file__).parents[2]
LOADER = ROOT / "warehouse" / "warehouseloader.py"
CHAIN = (
    "load_config",
    "list_raw_files",
    "process_patient_data",
    "process_image",
    "extract_dicom_metadata",
    "copy_and_upload",
    "record_outcomes",
)


def whole_tree(folder):
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in [folder, *folder.rglob("*")]
    }


def test_inspect_draws_the_chain_without_any_settings(command):
    drawn = command("bonobo", "inspect", "--graph", LOADER)
    assert drawn.code == 0
    assert "rankdir=LR" in drawn.out.replace(" ", "").replace('"', "")
    places = [drawn.out.index(name) for name in CHAIN]
    assert places == sorted(places)


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs `dot`, of the system package graphviz")
def test_dot_draws_the_picture(command, tmp_path):
    drawn = command("bonobo", "inspect", "--graph", LOADER)
    subprocess.run(
        ["dot", "-Tpng", "-o", tmp_path / "pipeline.png"], input=drawn.out, text=True, check=True, timeout=60
    )
    assert (tmp_path / "pipeline.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_implicit.dcm"])
def test_header_prints_what_the_loader_would_store(command, name):
    path = get_testdata_file(name, download=False)
    printed = command("warehouse", "header", path)
    assert printed.code == 0
    with open(path, "rb") as file:
        assert printed.out == dicom.to_json(file.read()).decode() + "\n"


def test_header_of_what_would_be_quarantined(command, tmp_path):
    (tmp_path / "x.dcm").write_bytes(b"no image")
    refused = command("warehouse", "header", "x.dcm")
    assert (refused.code, refused.out) == (3, "")
    assert "not-dicom" in refused.err
    assert command("warehouse", "header", "nowhere.dcm").code == 2


@pytest.mark.parametrize("how", ["variable", "flag"])
def test_a_dry_run_writes_nothing_at_all(command, drop, how):
    before = whole_tree(drop)
    flags, environment = (["--dry-run"], {}) if how == "flag" else ([], {"DRY_RUN": "1"})
    dry = command("warehouse", "load", drop, *flags, env=environment)
    assert dry.code == 0, dry.err
    assert whole_tree(drop) == before
    real = command("warehouse", "load", drop)
    assert [line for line in dry.out.splitlines() if "dry run" not in line] == real.out.splitlines()
    loaded = whole_tree(drop)
    again = command("warehouse", "load", drop, *flags, env=environment)
    assert "There is nothing to do" in again.out
    assert whole_tree(drop) == loaded


def test_a_patient_stays_when_its_site_moves_between_two_runs(command, loaded):
    before = tree(loaded)
    config = json.loads((loaded / "config.json").read_text())
    config["sites"]["validation"] += config["sites"].pop("training")
    (loaded / "config.json").write_text(json.dumps(config))
    patient = "Demo013"
    assert any(key.startswith(f"training/data/{patient}/") for key in before)
    (later,) = (path for path in loaded.glob(f"raw-*/*/data/{patient}_*.json"))
    moved = loaded / "raw-southmoor" / "2021-01-01" / "data"
    moved.mkdir(parents=True)
    (moved / f"{patient}_data.json").write_bytes(later.read_bytes())
    assert command("warehouse", "load", loaded).code == 0
    after = tree(loaded)
    assert f"training/data/{patient}/data_2021-01-01.json" in after
    assert not [key for key in after if key.startswith("validation/") and patient in key]
    assert {key: after[key] for key in before if key != "config.json"} == {
        key: before[key] for key in before if key != "config.json"
    }


def test_what_waited_for_its_site_arrives_when_the_site_is_listed(command, loaded):
    config = json.loads((loaded / "config.json").read_text())
    config["sites"]["split"].append("Westhaven Clinic")
    (loaded / "config.json").write_text(json.dumps(config))
    arrived = command("warehouse", "load", loaded)
    assert re.search(r"^loaded 19$", arrived.out, re.MULTILINE), arrived.out
    assert "unlisted-site" not in arrived.out


def test_config_check_of_a_file(command, tmp_path):
    (tmp_path / "c.json").write_text('{"raw_prefixes": ["raw-a"], "colour": "red"}')
    checked = command("warehouse", "config", "check", "c.json")
    assert checked.code == 0
    assert "valid" in checked.out
    assert "'colour'" in checked.out
    (tmp_path / "c.json").write_text('{"raw_prefixes": ["a", "b"]}')
    refused = command("warehouse", "config", "check", "c.json")
    assert refused.code == 2
    assert "'a'" in refused.err
    assert "'b'" in refused.err


def test_config_check_of_a_bucket(command, drop):
    assert "no run" in command("warehouse", "config", "check", drop).out
    command("warehouse", "load", drop)
    assert "unchanged since the last run" in command("warehouse", "config", "check", drop).out
    config = json.loads((drop / "config.json").read_text())
    config["training_percentage"] = 75
    config["sites"]["split"] = ["northfield General  Hospital", "Westhaven Clinic"]
    (drop / "config.json").write_text(json.dumps(config))
    (drop / "raw-new").mkdir()
    (drop / "raw-new" / "x").write_text("")
    said = command("warehouse", "config", "check", drop).out
    for words in (
        "training_percentage: 50 became 75",
        "'Westhaven Clinic' was added",
        "'Northfield General Hospital' was removed",
        "differ by case or blanks",
        "raw-new/",
    ):
        assert words in said


def test_no_output_names_a_patient(command, drop, tmp_path):
    canary = "Demo0"
    shutil.rmtree(drop / "training", ignore_errors=True)
    (drop / "training").write_text("so that some writes fail")
    for words in (
        ("warehouse", "load", drop, "--report", tmp_path / "r.json"),
        ("bonobo", "run", "-v", LOADER, "-e", f"WAREHOUSE_BUCKET={drop}", "--report", tmp_path / "s.json"),
    ):
        ended = command(*words)
        assert ended.code == 4
        assert canary.lower() not in (ended.out + ended.err).lower()
    for report in ("r.json", "s.json"):
        assert canary.lower() not in (tmp_path / report).read_text().lower()


def test_help_and_version(command):
    assert command("warehouse", "--version").out.startswith("warehouse ")
    for words in ((), ("load",), ("config", "check"), ("demo",), ("header",)):
        assert "Usage:" in command("warehouse", *words, "--help").out


def test_python_m_warehouse(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "warehouse", "--version"],
        cwd=tmp_path,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
