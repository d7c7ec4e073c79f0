"""Each patient gives one file, whatever the order and the number of what is listed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.domain.centres import ClinicalFile, speaking
from warehouse.domain.records import ObjectInfo
from warehouse.errors import StoreFault
from warehouse.storage import clinical_files as module
from warehouse.storage.clinical_files import one_a_patient

START = datetime(2020, 1, 1, tzinfo=UTC)


def file(patient, number, *, raw=True, archived=False):
    info = ObjectInfo(f"{patient}/{number}", number, f"e{number}", START + timedelta(microseconds=number))
    return ClinicalFile(patient, raw, "data", "2020-01-01", replace(info, archived=archived))


FILES = st.lists(
    st.builds(
        file,
        st.sampled_from(["A", "a", "Ä", "𝔸", "\uffee", "A B"]),
        st.integers(0, 99),
        raw=st.booleans(),
        archived=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda file: file.info.key,
)


def test_each_patient_gives_the_file_that_speaks_for_it(monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 5)

    @settings(max_examples=25, deadline=None)  # each one is a database of its own
    @given(FILES)
    def holds(files):
        expected = [
            speaking(file for file in files if file.patient == patient).info
            for patient in sorted({file.patient for file in files})
        ]
        assert list(one_a_patient(iter(files))) == expected

    holds()


def test_a_listing_that_fails_is_no_listing():
    def failing():
        yield file("A", 1)
        raise StoreFault("list")

    with pytest.raises(StoreFault):
        next(one_a_patient(failing()))
