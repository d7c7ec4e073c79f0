"""What removes a catalog removes nothing else, and leaves no older one wherever it is cut short."""

import shutil

import pytest
from deltalake import DeltaTable

from catalog_rows import decision
from warehouse.errors import Forbidden, NotFound, StoreFault, StoreUnavailable
from warehouse.storage.aws import storage_options
from warehouse.storage.catalog_files import (
    PREFIX,
    PROBE,
    FolderCatalogFiles,
    S3CatalogFiles,
    remove_all,
    require_to_be_replaceable,
)
from warehouse.storage.delta import DeltaCatalog
from warehouse.testing import Crash, Fault, Faults, FaultyCatalogFiles, Kind, When


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    """The files of a catalog, the catalog, and what puts another object there."""
    if request.param == "folder":

        def put(key, data):
            path = tmp_path / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

        files = FolderCatalogFiles(tmp_path)
        yield files, DeltaCatalog(str(tmp_path)), put
    else:
        server = request.getfixturevalue("s3_server")
        bucket = server.new_bucket()
        files = S3CatalogFiles(bucket, session=server.session(), endpoint_url=server.endpoint)

        def put(key, data):
            server.client.put_object(Bucket=bucket, Key=key, Body=data)

        options = storage_options(server.session(), server.endpoint)
        yield files, DeltaCatalog(f"s3://{bucket}", lambda: options), put
    files.close()


def filled(catalog, commits=3):
    for number in range(commits):
        catalog.append([decision(f"{number}")])
    catalog.append_run({"run": "run-1"})


def test_a_catalog_is_removed_and_nothing_else(place):
    files, catalog, put = place
    filled(catalog)
    others = ["catalog.txt", "catalogue/x", "training/catalog/x", "raw-a/catalog/x"]
    for key in others:
        put(key, b"x")
    remove_all(files)
    remove_all(files)
    assert sorted(info.key for info in files.list()) == sorted(others)
    assert catalog.version() is None


@pytest.mark.parametrize("key", ["raw-a/x", "training/catalog/x", "catalog", "catalog.txt", ""])
def test_what_is_no_catalogs_cannot_be_removed(place, key):
    with pytest.raises(ValueError, match="only what stands under catalog/"):
        place[0].remove(key)


def test_what_is_gone_already_is_no_fault_of_a_removal(tmp_path):
    with pytest.raises(NotFound):
        FolderCatalogFiles(tmp_path).remove("catalog/x")


# What a catalog is to who opens it.
CURRENT, LOST, DAMAGED, NONE = "as it is", "lost", "damaged", "none"


def what_stands(catalog, rows):
    """What the tables are; fails where they are as they once were, or an error names no remedy."""
    counted = "SELECT (SELECT count(*) FROM objects) AS objects, (SELECT count(*) FROM runs) AS runs"
    try:
        if catalog.version() is None:
            return NONE
        counts = catalog.query(counted).to_pylist()
    except (StoreFault, StoreUnavailable) as error:
        said, state = str(error), LOST if isinstance(error, StoreUnavailable) else DAMAGED
    else:
        said, state = "", CURRENT
        assert counts == [{"objects": rows, "runs": 2}]
    assert state is CURRENT or "`warehouse catalog rebuild --replace`" in said
    return state


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER], ids=lambda when: when.value)
def test_killed_at_any_removal_it_leaves_nothing_that_is_taken_for_a_catalog(tmp_path, when):
    """Each removal in turn is the last; the tables have a checkpoint in the middle of their logs."""
    made = tmp_path / "made"
    catalog = DeltaCatalog(str(made))
    filled(catalog, 4)
    DeltaTable(made / "catalog/objects").create_checkpoint()
    catalog.append([decision("one more")])
    catalog.append_run({"run": "run-2", "quarantined": 1})
    DeltaTable(made / "catalog/runs").create_checkpoint()
    count = len(list(FolderCatalogFiles(made).list(PREFIX)))
    found = []
    for nth in range(1, count + 1):
        folder = tmp_path / f"{nth}"
        shutil.copytree(made, folder)
        faults = Faults(Fault("remove", Kind.CRASH, nth=nth, when=when))
        with pytest.raises(Crash):
            remove_all(FaultyCatalogFiles(FolderCatalogFiles(folder), faults))
        left = DeltaCatalog(str(folder))
        state = what_stands(left, 5)
        if not found or found[-1] != state:
            found.append(state)
        # The same command ends it.
        remove_all(FolderCatalogFiles(folder))
        assert what_stands(left, 5) == NONE
    # A table is damaged while its checkpoint alone is gone, and not what names it; then its entries tell all,
    # until the first of them is gone.
    expected = [CURRENT, DAMAGED, CURRENT, DAMAGED, LOST, DAMAGED, LOST, DAMAGED, NONE]
    assert found == (expected if when is When.BEFORE else expected[1:])


def test_whether_a_catalog_can_be_replaced_is_tried_and_leaves_nothing(place):
    files, catalog, put = place
    filled(catalog)
    before = [info.key for info in files.list()]
    require_to_be_replaceable(files)
    assert [info.key for info in files.list()] == before
    # What a killed try left behind.
    put(PROBE, b"")
    require_to_be_replaceable(files)
    assert [info.key for info in files.list()] == before


@pytest.mark.parametrize("verb", ["create", "read", "remove"])
def test_what_cannot_be_replaced_is_found_before_anything_is_removed(tmp_path, verb):
    catalog, files = DeltaCatalog(str(tmp_path)), FolderCatalogFiles(tmp_path)
    filled(catalog)
    with pytest.raises(Forbidden):
        require_to_be_replaceable(FaultyCatalogFiles(files, Faults(Fault(verb, Kind.FORBIDDEN))))
    assert len(catalog.query("FROM objects")) == 3
