"""A link in the place of a folder is refused: behind it might stand what must not be missed."""

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
