"""Each patient's files come together, in their turn, whatever the order and the number of what is listed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.domain.centres import Candidates, ClinicalFile, in_turn
from warehouse.domain.records import ObjectInfo
from warehouse.errors import StoreFault
from warehouse.storage import gathering
from warehouse.storage.clinical_files import by_patient

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


def test_each_patients_files_come_together_in_their_turn(monkeypatch):
    monkeypatch.setattr(gathering, "BATCH_ROWS", 5)

    @settings(max_examples=25, deadline=None)  # each one is a database of its own
    @given(FILES)
    def holds(files):
        expected = [
            Candidates(tuple(in_turn(file for file in files if file.patient == patient)))
            for patient in sorted({file.patient for file in files})
        ]
        assert list(by_patient(iter(files))) == expected

    holds()


def test_a_listing_that_fails_is_no_listing():
    def failing():
        yield file("A", 1)
        raise StoreFault("list")

    with pytest.raises(StoreFault):
        next(by_patient(failing()))
