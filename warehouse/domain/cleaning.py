"""The columns that cleaning adds to a patient's clinical record, as one table of column, rule and sources.

What a centre wrote is never changed and never overwritten: cleaned values stand in columns of their own.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from warehouse.domain import cleaning_rules as rules
from warehouse.domain.cleaning_rules import Kind, Rule, Value, between, category
from warehouse.domain.clinical_codes import DICOM_SEXES, UNKNOWN


@dataclass(frozen=True, slots=True)
class Column:
    """A column that cleaning adds: the fields that its rule reads, what it means, and in which unit."""

    name: str
    rule: Rule
    sources: tuple[str, ...]
    meaning: str
    unit: str = ""

    @property
    def kind(self) -> Kind:
        """The type of every value that is not None; an `int` is in the range of 64 bits."""
        return self.rule.kind


def column_name(field: str) -> str:
    """The name of the column that holds a field's cleaned value.

    >>> column_name("If CKD, stage")
    'if_ckd_stage'
    """
    return field.lower().replace(" ", "_").replace(",", "")


def _column(rule: Rule, field: str, meaning: str, unit: str = "", *, also: Iterable[str] = ()) -> Column:
    return Column(column_name(field), rule, (field, *also), meaning, unit)


# The centres' laboratories report in units of their own, and the records do not say which.
_VARIES = "as submitted; differs between centres"

# British Society of Thoracic Imaging, codes CVCX0 to CVCX3.
_BSTI = "0 normal, 1 classic COVID-19, 2 indeterminate, 3 not COVID-19"

_GENERAL = (
    _column(rules.AGE, "Age", "age", "years"),
    _column(rules.SEX, "Sex", "sex"),
    _column(rules.ETHNICITY, "Ethnicity", "ethnic group"),
    _column(rules.SWAB_DATE, "SwabDate", "day of the swab"),
    Column(
        "latest_swab_date",
        rules.LATEST_SWAB_DATE,
        ("SwabDate", "SwabDates", "Date of Positive Covid Swab"),
        "day of the last swab",
    ),
)

_DATES = (
    _column(rules.DATE, "Date of Positive Covid Swab", "day of the positive swab"),
    _column(
        rules.DATE, "Date of acquisition of 1st RT-PCR", "day on which the first RT-PCR's sample was taken"
    ),
    _column(
        rules.DATE, "Date of acquisition of 2nd RT-PCR", "day on which the second RT-PCR's sample was taken"
    ),
    _column(rules.DATE, "Date of result of 1st RT-PCR", "day of the first RT-PCR's result"),
    _column(rules.DATE, "Date of result of 2nd RT-PCR", "day of the second RT-PCR's result"),
    _column(rules.DATE, "Date of admission", "day of admission to hospital"),
    _column(rules.DATE, "Date of ITU admission", "day of admission to intensive care"),
    _column(rules.DATE, "Date of intubation", "day of intubation"),
    _column(rules.DATE, "Date of 1st CXR", "day of the first chest X-ray"),
    _column(rules.DATE, "Date of 2nd CXR", "day of the second chest X-ray"),
    _column(rules.DATE, "Date last known alive", "last day on which the patient was known to be alive"),
    _column(rules.DATE, "Date of death", "day of death"),
)

_HISTORY = (
    _column(category(0, 2), "Smoking status", "smoking, as coded on the form"),
    _column(rules.PACK_YEARS, "Pack year history", "tobacco smoked in the patient's life", "pack-years"),
    _column(
        rules.HYPERTENSION, "PMH hypertension", "history of hypertension: 1 is yes", also=["PMH h1pertension"]
    ),
    _column(rules.BINARY, "PMH CKD", "history of chronic kidney disease: 1 is yes"),
    _column(category(2, 5), "If CKD, stage", "stage of chronic kidney disease"),
    _column(category(0, 4), "PMH CVS disease", "history of cardiovascular disease, as coded on the form"),
    _column(category(0, 5), "PMH Lung disease", "history of lung disease, as coded on the form"),
    Column(
        "pmh_diabetes_mellitus_type_2",
        rules.BINARY,
        ("PMH diabetes mellitus type II", "PMH diabetes mellitus TYPE II"),
        "history of type 2 diabetes mellitus: 1 is yes",
    ),
    _column(rules.BINARY, "Current ACEi use", "takes an ACE inhibitor: 1 is yes"),
    _column(
        rules.BINARY,
        "Current Angiotension receptor blocker use",
        "takes an angiotensin receptor blocker: 1 is yes",
    ),
    _column(rules.BINARY, "Current NSAID used", "takes a non-steroidal anti-inflammatory drug: 1 is yes"),
)

_ADMISSION = (
    _column(rules.NUMBER, "Duration of symptoms", "how long there had been symptoms", "days"),
    _column(rules.NUMBER, "Respiratory rate on admission", "respiratory rate", "breaths/min"),
    _column(rules.NUMBER, "Heart rate on admission", "heart rate", "beats/min"),
    _column(between(25, 45), "Temperature on admission", "body temperature", "°C"),
    _column(rules.NUMBER, "Creatinine on admission", "creatinine", _VARIES),
    _column(rules.NUMBER, "D-dimer on admission", "D-dimer", _VARIES),
    _column(rules.NUMBER, "WCC on admission", "white cell count", _VARIES),
    _column(rules.NUMBER, "Lymphocyte count on admission", "lymphocyte count", _VARIES),
    _column(rules.NUMBER, "Platelet count on admission", "platelet count", _VARIES),
    _column(rules.NUMBER, "CRP on admission", "C-reactive protein", "as submitted; mostly mg/L"),
    _column(between(0, 100), "Urea on admission", "urea", _VARIES),
    _column(between(0, 100), "Fibrinogen  if d-dimer not performed", "fibrinogen", _VARIES),
    _column(rules.NUMBER, "NEWS2 score on arrival", "National Early Warning Score 2", "points"),
    _column(
        rules.NUMBER, "APACHE score on ITU arrival", "APACHE score on arrival in intensive care", "points"
    ),
    _column(rules.NUMBER, "PaO2", "arterial partial pressure of oxygen", _VARIES),
    _column(between(0, 100), "O2 saturation", "oxygen saturation", "%"),
    _column(rules.FIO2, "FiO2", "fraction of inspired oxygen", "%"),
    _column(rules.SYSTOLIC, "Systolic BP", "systolic blood pressure", "mmHg"),
    _column(rules.DIASTOLIC, "Diastolic BP", "diastolic blood pressure", "mmHg"),
    _column(rules.NUMBER, "Ferritin", "ferritin", "as submitted; mostly µg/L"),
    _column(rules.NUMBER, "Troponin I", "cardiac troponin I", _VARIES),
    _column(rules.NUMBER, "Troponin T", "cardiac troponin T", _VARIES),
)

_OUTCOME = (
    _column(rules.RESULT, "1st RT-PCR result", "result of the first RT-PCR"),
    _column(rules.RESULT, "2nd RT-PCR result", "result of the second RT-PCR"),
    _column(
        category(1, 3), "CXR severity", "severity on the first chest X-ray: 1 mild, 2 moderate, 3 severe"
    ),
    # The form numbered the second film's score 3.
    Column(
        "cxr_severity_2",
        category(1, 3),
        ("CXR severity 3",),
        "severity on the second chest X-ray: 1 mild, 2 moderate, 3 severe",
    ),
    _column(category(0, 3, rules.coded), "COVID CODE", f"reading of the first chest X-ray: {_BSTI}"),
    _column(category(0, 3, rules.coded), "COVID CODE 2", f"reading of the second chest X-ray: {_BSTI}"),
    _column(rules.RESULT, "Final COVID Status", "the patient's final status"),
    _column(rules.BINARY, "ITU admission", "was in intensive care: 1 is yes"),
    _column(rules.BINARY, "Intubation", "was intubated: 1 is yes"),
    _column(rules.BINARY, "Death", "died: 1 is yes"),
)

COLUMN_GROUPS: Mapping[str, tuple[Column, ...]] = {
    "General": _GENERAL,
    "Dates": _DATES,
    "History": _HISTORY,
    "Admission": _ADMISSION,
    "Outcome": _OUTCOME,
}

COLUMNS: tuple[Column, ...] = tuple(column for columns in COLUMN_GROUPS.values() for column in columns)

# What DICOM headers fill in where the clinical record says nothing.
UPDATES: Mapping[str, Kind] = {"age_update": float, "sex_update": str}

# All that a table of patients has more than the records have, in its order.
ADDED: Mapping[str, Kind] = {**{column.name: column.kind for column in COLUMNS}, **UPDATES}

# PS3.5 6.2, AS: three digits and a unit. Leading zeros are often left out.
_AGE_STRING = re.compile(r"([0-9]{1,3})([DWMY])")
_TO_THE_YEAR: Mapping[str, int] = {"D": 365, "W": 52, "M": 12, "Y": 1}


def clean(record: Mapping[str, Any]) -> dict[str, Value]:
    """Give the value of every column of COLUMNS, in their order, for one patient's merged record.

    What a field does not say is None (`Unknown` for sex and ethnicity). Any value that JSON can hold may
    stand in any field: nothing raises, and `record` is not changed.

    >>> clean({"Age": "65.9", "COVID CODE": "CVCX2"})["covid_code"]
    2
    """
    return {column.name: column.rule.read(*map(record.get, column.sources)) for column in COLUMNS}


def update(
    cleaned: Mapping[str, Value], ages: Iterable[str | None], sexes: Iterable[str | None]
) -> dict[str, Value]:
    """Give the values of UPDATES for one patient: `cleaned` is what `clean` gave, `ages` and `sexes` are
    the PatientAge (PS3.5 6.2, AS) and PatientSex (PS3.3 C.7.1.1) of the patient's images, in any order.

    `age_update` is the clinical age in years, else the greatest that images give. `sex_update` is the
    clinical sex, else the one on which all images that give one agree, else `Unknown`.
    """
    age, sex = cleaned["age"], cleaned["sex"]
    if not isinstance(age, int):
        parsed = (age_in_years(text) for text in ages)
        age = max((years for years in parsed if years is not None), default=None)
    if sex == UNKNOWN:
        given = {text.strip() for text in sexes if text} & DICOM_SEXES
        sex = given.pop() if len(given) == 1 else UNKNOWN
    return {"age_update": None if age is None else float(age), "sex_update": sex}


def age_in_years(text: str | None) -> float | None:
    """Read a DICOM age string (PS3.5 6.2, AS): 365 days, 52 weeks or 12 months to the year.

    >>> age_in_years("018M")
    1.5
    """
    match = _AGE_STRING.fullmatch((text or "").strip())
    return int(match[1]) / _TO_THE_YEAR[match[2]] if match else None


def names_beside(originals: Container[str]) -> dict[str, str]:
    """Give the name of each column of ADDED in a table that has these columns already: its own, with
    `_clean` after it while that is taken.

    >>> names_beside(["Age", "sex"])["age"], names_beside(["Age", "sex"])["sex"]
    ('age', 'sex_clean')
    """
    names = {}
    for name in ADDED:
        names[name] = name
        while names[name] in originals:
            names[name] += "_clean"
    return names
