"""A link in the place of a folder is refused: behind it might stand what must not be missed. In the place of
a copy it is told for what it is, and never taken for the copy."""

import pytest


def test_2_a_set_or_a_raw_prefix_or_the_catalog_is_a_link(command, drop, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "data" / "Demo001").mkdir(parents=True)
    (elsewhere / "data" / "Demo001" / "data_2019-01-01.json").write_text("{}")
    (drop / "validation").symlink_to(elsewhere)
    refused = command("warehouse", "load", drop)
    assert refused.code == 2
    assert "symbolic link" in refused.err
    assert not (drop / "training").exists()


@pytest.mark.parametrize("name", ["raw-eastgate", "catalog", "config.json"])
def test_2_what_is_read_first_is_a_link(command, drop, tmp_path, name):
    if (drop / name).exists():
        (drop / name).rename(tmp_path / name)
    else:
        (tmp_path / name).mkdir()
    (drop / name).symlink_to(tmp_path / name)
    refused = command("warehouse", "load", drop)
    assert refused.code == 2
    (line,) = (line for line in refused.err.splitlines() if not line.startswith("warning: "))
    assert line.startswith("error: ")
    assert not (drop / "training").exists()
    assert not list((tmp_path / name).glob("objects"))


def test_a_link_in_a_copys_place_is_told_by_each_command(command, loaded, tmp_path):
    copy = next(loaded.glob("training/ct/*/*/*/*.dcm"))
    copy.rename(tmp_path / "aside")
    copy.symlink_to(tmp_path / "aside")
    told = command("warehouse", "verify", loaded)
    assert told.code == 5
    assert "copy-obstructed" in told.out
    assert "put aside by hand what stands there" in told.out
    asked = command("warehouse", "retry", loaded, "--missing")
    assert "the next load will look again at 1 object" in asked.out
    assert "warning: 1 of what stands in the sets is no object" in asked.out
    kept = command("warehouse", "load", loaded)
    assert kept.code == 4
    assert "occupied: " in kept.out
    assert "warehouse why" in kept.out


@pytest.mark.parametrize("place", ["catalog", "catalog/objects"])
def test_2_a_file_stands_where_the_catalog_should(command, loaded, tmp_path, place):
    (loaded / place).rename(tmp_path / "aside")
    (loaded / place).write_text("somebody's")
    key = next(loaded.glob("raw-*/*/data/*.json")).relative_to(loaded)
    asking = [("load", loaded), ("why", loaded, key), ("quarantine", loaded), ("verify", loaded)]
    asking += [("query", loaded, "SELECT 1"), ("catalog", "rebuild", loaded)]
    for words in asking:
        told = command("warehouse", *words)
        assert (told.code, told.out) == (2, ""), words
        line = told.err.splitlines()[-1]
        assert line.startswith(f"error: {place} is no folder, so that no catalog "), words
        assert line.endswith(": put it aside, run again")
    (loaded / place).unlink()
    (tmp_path / "aside").rename(loaded / place)
    assert command("warehouse", "verify", loaded).code == 0
