"""The fields of a clinical record as centres submit them, in the order of the submission form.

A centre may submit fewer fields, and others besides; the names are kept as they are, misspellings included.
"""

from __future__ import annotations

from collections.abc import Mapping

_GENERAL = (
    "Pseudonym",
    "SubmittingCentre",
    "Hospital",
    "Age",
    "Sex",
    "Ethnicity",
    "SwabStatus",
    "SwabDate",
    "SwabDates",
)
_DATES = (
    "Date of Positive Covid Swab",
    "Date of acquisition of 1st RT-PCR",
    "Date of acquisition of 2nd RT-PCR",
    "Date of result of 1st RT-PCR",
    "Date of result of 2nd RT-PCR",
    "Date of admission",
    "Date of ITU admission",
    "Date of intubation",
    "Date of 1st CXR",
    "Date of 2nd CXR",
    "Date last known alive",
    "Date of death",
)
_HISTORY = (
    "Smoking status",
    "Pack year history",
    "PMH hypertension",
    "PMH h1pertension",
    "PMH CKD",
    "If CKD, stage",
    "PMH CVS disease",
    "PMH Lung disease",
    "PMH diabetes mellitus type II",
    "PMH diabetes mellitus TYPE I",
    "PMH diabetes mellitus TYPE II",
    "Current ACEi use",
    "Current Angiotension receptor blocker use",
    "Current NSAID used",
)
_ADMISSION = (
    "Duration of symptoms",
    "Respiratory rate on admission",
    "Heart rate on admission",
    "Temperature on admission",
    "Creatinine on admission",
    "D-dimer on admission",
    "WCC on admission",
    "Lymphocyte count on admission",
    "Platelet count on admission",
    "CRP on admission",
    "Urea on admission",
    "Fibrinogen  if d-dimer not performed",
    "NEWS2 score on arrival",
    "APACHE score on ITU arrival",
    "PaO2",
    "O2 saturation",
    "FiO2",
    "Systolic BP",
    "Diastolic BP",
    "Ferritin",
    "Troponin I",
    "Troponin T",
)
_OUTCOME = (
    "1st RT-PCR result",
    "2nd RT-PCR result",
    "CXR severity",
    "CXR severity 3",
    "COVID CODE",
    "COVID CODE 2",
    "Final COVID Status",
    "ITU admission",
    "Intubation",
    "Death",
)

FIELD_GROUPS: Mapping[str, tuple[str, ...]] = {
    "General": _GENERAL,
    "Dates": _DATES,
    "History": _HISTORY,
    "Admission": _ADMISSION,
    "Outcome": _OUTCOME,
}

ORIGINAL_FIELDS: tuple[str, ...] = tuple(field for fields in FIELD_GROUPS.values() for field in fields)
