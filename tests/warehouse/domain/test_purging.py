"""What may be purged, and how much that is."""

from __future__ import annotations

import pytest

from warehouse.domain.purging import (
    AT_ONCE,
    Count,
    Version,
    batches,
    fits_xml,
    read_keys,
    require_count,
    require_prefix,
)
from warehouse.errors import SettingsError


@pytest.mark.parametrize("prefix", ["raw-a/", "training/ct/P1/", "assignments/", "catalog/", "catalogue/"])
def test_folders_may_be_purged(prefix):
    assert require_prefix(prefix) == prefix


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "/",
        "//",
        "a",
        "training",
        "training/ct/P1",
        "assignments",
        "assign",
        "catalog/doctor/",
        "catalog//",
    ],
)
def test_what_may_not(prefix):
    with pytest.raises(SettingsError):
        require_prefix(prefix)


def test_lists_of_keys():
    assert read_keys("a\r\nb \n\na\nc") == ["a", "b ", "c"]
    # As editors of Windows write it.
    assert read_keys("\ufeffa\r\nb") == ["a", "b"]
    for wrong in ("", "\n\r\n", "\ufeff", "training/*\n", "a\n" + "ü" * 513):
        with pytest.raises(SettingsError, match="--keys"):
            read_keys(wrong)


def test_counts():
    count = Count()
    for one in (Version("a", "1", 5), Version("a", "2", marker=True), Version("b", "3", 7)):
        count.add(one)
    assert (count.objects, count.versions, count.markers, count.size, count.total) == (2, 2, 1, 12, 3)
    assert str(count) == "2 keys: 2 versions with 12 bytes, 1 delete markers"


@pytest.mark.parametrize("typed", ["", "2\n", "-3", "3.0", "three", "33"])
def test_another_count_is_refused(typed):
    with pytest.raises(SettingsError, match="nothing was deleted: the count is 3"):
        require_count(typed, Count(versions=2, markers=1))


@pytest.mark.parametrize("typed", ["1234\n", " 1,234 \r\n"])
def test_the_count_is_the_count(typed):
    require_count(typed, Count(versions=1234))


def test_no_request_names_more_than_it_may():
    versions = [Version(str(number), "v") for number in range(2 * AT_ONCE + 1)]
    found = list(batches(versions))
    assert [len(some) for some in found] == [AT_ONCE, AT_ONCE, 1]
    assert [one for some in found for one in some] == versions


def test_a_version_does_not_show_its_key():
    assert "secret" not in repr(Version("training/ct/secret", "v"))


@pytest.mark.parametrize("key", ["raw-a/x y", "a\nb", "a\rb\tc", "ü", "😀", "&<>", "a\x7f"])
def test_keys_that_a_document_can_hold(key):
    assert fits_xml(key)


@pytest.mark.parametrize("key", ["a\x01", "\x00", "a\x1bb", "\ufffe", "\uffff"])
def test_keys_that_no_document_can_hold(key):
    assert not fits_xml(key)
