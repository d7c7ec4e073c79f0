"""Images made out of pydicom's CT_small under a given identity."""

import io
from importlib.resources import files

import pydicom
import pytest

CT_SMALL = files("pydicom").joinpath("data", "test_files", "CT_small.dcm").read_bytes()


@pytest.fixture
def image():
    """image(patient_id, Keyword=value, ...) -> the bytes of a whole CT image."""

    def make(patient_id, **changes):
        dataset = pydicom.dcmread(io.BytesIO(CT_SMALL))
        dataset.PatientID = patient_id
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        written = io.BytesIO()
        dataset.save_as(written)
        return written.getvalue()

    return make
