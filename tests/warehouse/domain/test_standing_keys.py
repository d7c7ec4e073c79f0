"""Keys of the data set are read, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain import keys
from warehouse.domain.records import GROUPS, IMAGE_TYPES

SEGMENT = st.text(alphabet="Ab1. _-", min_size=1, max_size=8).filter(keys.safe_segment)


@given(st.sampled_from(GROUPS), SEGMENT, st.sampled_from(["data", "status"]), st.dates())
def test_what_is_built_for_a_clinical_file_is_read_back(group, folder, status, day):
    key = keys.clinical_target(group, folder, status, day.isoformat())
    assert keys.standing_clinical(key) == (group, folder, status, day.isoformat())


@given(st.sampled_from(GROUPS), st.sampled_from(IMAGE_TYPES), SEGMENT, SEGMENT, SEGMENT, SEGMENT)
def test_what_is_built_for_a_document_is_read_back(group, type, folder, study, series, stem):
    target = keys.image_target(group, type, folder, study, series, f"{stem}.dcm")
    place = keys.standing_metadata(keys.metadata_key(target))
    assert place == (group, type, folder, study, series, target.removesuffix(".dcm"))


@pytest.mark.parametrize(
    "key",
    [
        "training/data/P1/data_2020-02-30.json",
        "training/data/P1/data_2020-01-01.json/",
        "training/data/P1/data.json",
        "training/data/P1/notes_2020-01-01.json",
        "training/data/data_2020-01-01.json",
        "training/data/P1/x/data_2020-01-01.json",
        "raw-a/data/P1/data_2020-01-01.json",
        "other/data/P1/data_2020-01-01.json",
        "training/ct/P1/data_2020-01-01.json",
        "",
    ],
)
def test_what_is_no_clinical_file(key):
    assert keys.standing_clinical(key) is None


@pytest.mark.parametrize(
    "key",
    [
        "training/ct/P/1/2/x.json",
        "training/ct-metadata/P/1/2/x.dcm",
        "training/ct-metadata/P/1/x.json",
        "training/ct-metadata/P/1/2/3/x.json",
        "training/us-metadata/P/1/2/x.json",
        "training/ct-metadata-old/P/1/2/x.json",
        "training/-metadata/P/1/2/x.json",
        "test/ct-metadata/P/1/2/x.json",
    ],
)
def test_what_is_no_document(key):
    assert keys.standing_metadata(key) is None
