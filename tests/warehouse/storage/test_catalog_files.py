"""What removes a catalog removes nothing else, and leaves a table or none wherever it is cut short."""

import pytest

from catalog_rows import decision
from warehouse.errors import Forbidden, NotFound, StoreFault
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


class Cut(FolderCatalogFiles):
    """Removes so many objects and then none."""

    left = 0

    def remove(self, key):
        if not self.left:
            raise StoreFault("remove", key)
        self.left -= 1
        super().remove(key)


def test_cut_short_anywhere_it_leaves_a_table_that_can_be_read_or_none(tmp_path):
    catalog, files = DeltaCatalog(str(tmp_path)), Cut(tmp_path)
    filled(catalog)
    found = []
    while catalog.version() is not None:
        files.left = 1
        with pytest.raises(StoreFault):
            remove_all(files)
        found.append(len(catalog.query("FROM objects")))
    # The log of `runs` goes first, then that of `objects`, whose newest entry goes first.
    assert found == [3, 2, 1, 0]
    remove_all(FolderCatalogFiles(tmp_path))
    assert list(files.list(PREFIX)) == []


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
def test_what_cannot_be_replaced_is_found_before_anything_is_removed(tmp_path, monkeypatch, verb):
    catalog, files = DeltaCatalog(str(tmp_path)), FolderCatalogFiles(tmp_path)
    filled(catalog)

    def refuse(*_, **__):
        raise Forbidden(verb)

    monkeypatch.setattr(files, verb, refuse)
    with pytest.raises(Forbidden):
        require_to_be_replaceable(files)
    assert len(catalog.query("FROM objects")) == 3
