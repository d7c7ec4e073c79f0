"""A new catalog takes the place of what stands only where that is wished, and says what stands."""

from datetime import UTC, datetime

import pytest

from catalog_rows import decision
from warehouse.errors import Forbidden, SettingsError, StoreUnavailable
from warehouse.storage.catalog_files import FolderCatalogFiles
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.gathered_rows import GatheredRows
from warehouse.storage.rebuilding import NewCatalog
from warehouse.testing import Fault, Faults, FaultyCatalogFiles, Kind

LOG = "catalog/objects/_delta_log/00000000000000000000.json"


@pytest.fixture
def catalog(tmp_path):
    return DeltaCatalog(str(tmp_path))


@pytest.fixture
def new(catalog, tmp_path):
    """new(replace=...) -> what is to take the catalog's place."""
    with GatheredRows() as rows:

        def make(*, replace):
            clock = datetime(2020, 1, 1, tzinfo=UTC)
            files = FolderCatalogFiles(tmp_path)
            return NewCatalog(catalog, files, rows, replace=replace, run="r", clock=lambda: clock)

        yield make


def test_where_nothing_stands_one_is_wanted(new):
    new(replace=False).require_to_be_wanted()


def test_where_nothing_stands_nothing_has_to_be_removed(catalog, tmp_path):
    files = FaultyCatalogFiles(FolderCatalogFiles(tmp_path), Faults(Fault("remove", Kind.FORBIDDEN)))
    with GatheredRows() as rows:
        moment = datetime(2020, 1, 1, tzinfo=UTC)
        new = NewCatalog(catalog, files, rows, replace=True, run="r", clock=lambda: moment)
        new.require_to_be_wanted()
        new.replace_the_old_one()
    assert catalog.version() == 0


@pytest.mark.parametrize(
    ("what", "said"), [("readable", "can be read"), ("damaged", "damaged"), ("left", "of no catalog")]
)
def test_what_stands_is_told_and_left_unless_it_is_to_be_replaced(new, catalog, tmp_path, what, said):
    catalog.append([decision("a")])
    if what == "damaged":
        (tmp_path / LOG).write_text("{")
    if what == "left":
        (tmp_path / LOG).unlink()
    with pytest.raises(SettingsError, match=said) as refused:
        new(replace=False).require_to_be_wanted()
    assert "--replace" in str(refused.value)
    one = new(replace=True)
    one.require_to_be_wanted()
    one.replace_the_old_one()
    assert catalog.version() == 0
    assert catalog.query("SELECT * FROM objects").num_rows == 0


@pytest.mark.parametrize("replace", [False, True])
def test_what_stands_in_its_place_is_told_at_once(new, tmp_path, replace):
    (tmp_path / "catalog").write_text("somebody's")
    with pytest.raises(StoreUnavailable, match="catalog is no folder"):
        new(replace=replace).require_to_be_wanted()


def test_that_the_sets_cannot_be_published_is_a_warning(new, catalog, monkeypatch, caplog):
    one = new(replace=False)
    one.replace_the_old_one()
    assert one.publish()

    def refuse():
        raise Forbidden("catalog")

    monkeypatch.setattr(catalog, "publish", refuse)
    assert not one.publish()
    assert "a load does it: catalog: permission denied" in caplog.text
