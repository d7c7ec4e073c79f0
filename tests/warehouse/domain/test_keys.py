"""Keys are parsed and built in one place, and a built key never leaves its prefix."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse import config
from warehouse.domain import keys
from warehouse.domain.records import Decided, ObjectInfo, RawClinical, RawImage, RawOther

CONFIG = config.parse(b'{"raw_prefixes": ["raw-a"]}')


def raw(key, defect=None):
    info = ObjectInfo(key, 1, "e", datetime(2020, 1, 1, tzinfo=UTC), defect=defect)
    return keys.raw_object(info, CONFIG, 7)


def test_clinical_data_file():
    found = raw("raw-nhs-upload/2020-04-21/data/Covid1_data.json")
    assert isinstance(found, RawClinical)
    assert (found.uploader, found.date, found.pseudonym, found.status, found.sequence) == (
        "nhs-upload",
        "2020-04-21",
        "Covid1",
        "data",
        7,
    )


def test_clinical_status_file_whose_patient_has_underscores():
    found = raw("raw-a/2020-04-21/data/A_data_B_status.JSON")
    assert isinstance(found, RawClinical)
    assert (found.pseudonym, found.status) == ("A_data_B", "status")


def test_image_keeps_its_name_exactly():
    found = raw("raw-a/2020-04-21/images/a b.1-X.DCM")
    assert isinstance(found, RawImage)
    assert found.file_name == "a b.1-X.DCM"


@pytest.mark.parametrize(
    ("key", "decided", "reason"),
    [
        ("raw-a/2020-13-01/images/x.dcm", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2021-02-29/images/x.dcm", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-4-1/images/x.dcm", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/２０２０-01-01/images/x.dcm", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/today/data/P_data.json", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/images/.dcm", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/images/.x.dcm", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/images/ x.dcm", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/images/é.dcm", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/images/" + "x" * 129 + ".dcm", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/images/x\n.dcm", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/data/P.json", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/data/_data.json", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/data/.._data.json", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/data/a\\b_data.json", Decided.QUARANTINED, "invalid-key"),
        ("raw-a/2020-01-01/images/x.jpg", Decided.IGNORED, "other-suffix"),
        ("raw-a/2020-01-01/images/x.json", Decided.IGNORED, "other-suffix"),
        ("raw-a/2020-01-01/data/x.dcm", Decided.IGNORED, "other-suffix"),
        ("raw-a/2020-01-01/images/", Decided.IGNORED, "folder-marker"),
        ("raw-a/", Decided.IGNORED, "folder-marker"),
        ("raw-a/2020-01-01/images/sub/x.dcm", Decided.IGNORED, "nested"),
        ("raw-a/2020-01-01/images//x.dcm", Decided.IGNORED, "nested"),
        ("raw-a/2020-01-01/pictures/x.dcm", Decided.IGNORED, "nested"),
        ("raw-a/x.dcm", Decided.IGNORED, "nested"),
    ],
)
def test_what_cannot_be_placed_is_decided_by_its_key(key, decided, reason):
    found = raw(key)
    assert isinstance(found, RawOther)
    assert (found.decided, found.reason) == (decided, reason)


@pytest.mark.parametrize("defect", ["link", "unaddressable"])
def test_what_is_no_plain_object_is_ignored_wherever_it_lies(defect):
    found = raw("raw-a/2020-01-01/images/x.dcm", defect)
    assert isinstance(found, RawOther)
    assert (found.decided, found.reason) == (Decided.IGNORED, defect)


def test_targets():
    place = ("training", "ct", "Covid1", "1.2", "1.3", "X.DCM")
    assert keys.image_target(*place) == "training/ct/Covid1/1.2/1.3/X.DCM"
    assert keys.metadata_key(keys.image_target(*place)) == "training/ct-metadata/Covid1/1.2/1.3/X.json"
    assert keys.clinical_target("validation", "P", "data", "2020-01-02") == (
        "validation/data/P/data_2020-01-02.json"
    )
    assert keys.assignment_key("P 1") == "assignments/patients/P 1.json"


def test_safe_name_holds_no_identifier():
    found = raw("raw-a/2020-04-21/data/Covid1_data.json")
    assert keys.safe_name(found, "R") == "a/2020-04-21/data#R-7"


@pytest.mark.parametrize(
    "key", ["raw-a/2020-04-21/data/Covid1_data.json", "raw-a/2020-02-30/images/x.dcm", "raw-a b+c/x"]
)
def test_a_safe_name_can_be_read_back(key):
    found = raw(key)
    name = keys.read_safe_name(keys.safe_name(found, "20200601T120000Z-a1b2c3"))
    assert (name.uploader, name.run, name.sequence) == (found.uploader, "20200601T120000Z-a1b2c3", 7)
    assert name.date == (found.date or "undated")


@pytest.mark.parametrize(
    "text",
    ["", "a/2020-04-21/data", "a/2020-04-21/data#run", "a/2020-04-21/else#run-1", "a/b/2020-04-21/data#r-1"],
)
def test_other_texts_are_no_safe_name(text):
    assert keys.read_safe_name(text) is None


segment = st.text(max_size=80)


@given(segment, segment, segment, segment)
def test_a_built_key_has_exactly_its_segments_or_is_refused(folder, study, series, name):
    try:
        key = keys.image_target("training", "ct", folder, study, series, name)
    except ValueError:
        assert not all(map(keys.safe_segment, (folder, study, series, name)))
        return
    assert key.split("/") == ["training", "ct", folder, study, series, name]
    assert not {"", ".", ".."} & set(key.split("/"))


@given(st.text())
def test_every_key_is_decided(text):
    found = raw("raw-a/" + text)
    assert isinstance(found, RawClinical | RawImage | RawOther)


@given(st.lists(st.text("AB_ 1", min_size=1, max_size=4), min_size=2, max_size=2, unique=True))
def test_reading_order_is_by_patient_then_date(names):
    first, second = (raw(f"raw-a/2020-01-0{n}/data/{name}_data.json") for n, name in enumerate(names, 1))
    if not (isinstance(first, RawClinical) and isinstance(second, RawClinical)):
        return
    by_patient = [(keys.canonical(r.pseudonym), r.date) for r in (first, second)]
    assert (keys.reading_order(first) < keys.reading_order(second)) == (by_patient[0] < by_patient[1])
