"""Each command that asks the catalog says in the same line that it is lost, and changes nothing."""

import shutil

import pytest
from test_commands import tree

QUESTION = ("query", "SELECT count(*) FROM runs")
ASKING = [
    ("load",),
    ("load", "--dry-run"),
    ("retry",),
    ("retry", "--missing"),
    ("quarantine",),
    ("deferred",),
    ("verify",),
    ("report",),
    ("cohort", "--where", "true"),
]


@pytest.mark.parametrize("lost", ["catalog/objects/_delta_log", "catalog"])
def test_that_it_is_lost_is_said_by_each(command, loaded, lost):
    key = next(path for path in loaded.glob("raw-*/*/images/*.dcm")).relative_to(loaded)
    shutil.rmtree(loaded / lost)
    files, left = tree(loaded), sorted(loaded.rglob("catalog/**"))
    asking = [(name, loaded, *more) for name, *more in ASKING if name != "cohort" or lost != "catalog"]
    asking += [("why", loaded, key)]
    if lost != "catalog":
        # Where there is no catalog/ at all, those two ask what was published for a set.
        asking += [(QUESTION[0], loaded, QUESTION[1])]
    for words in asking:
        told = command("warehouse", *words)
        assert (told.code, told.out) == (2, ""), words
        (line,) = told.err.splitlines()
        assert line.startswith("error: the catalog is lost: "), words
        assert "`warehouse catalog rebuild --replace`, then load" in line
    assert tree(loaded) == files
    assert sorted(loaded.rglob("catalog/**")) == left
    assert command("warehouse", "catalog", "rebuild", loaded, "--replace").code == 0
    assert command("warehouse", "load", loaded).code == 0
    assert tree(loaded) == files
