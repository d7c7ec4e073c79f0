"""What the codes and words of clinical fields stand for, as tables. No code decides here."""

from __future__ import annotations

from collections.abc import Mapping

UNKNOWN = "Unknown"

# NHS Data Dictionary, ETHNIC CATEGORY CODE 2001. It has no I, which stands amid the Asian codes all the same.
ETHNICITY_CODES: Mapping[str, str] = {
    **dict.fromkeys("ABC", "White"),
    **dict.fromkeys("DEFG", "Multiple"),
    **dict.fromkeys("HIJKLR", "Asian"),
    **dict.fromkeys("MNP", "Black"),
    "S": "Other",
}

# What stands anywhere in a text settles it; the first entry that does.
ETHNICITY_PARTS: Mapping[str, str] = {"mixed": "Multiple", "multiple": "Multiple", "white": "White"}

# Whole words, since "Caucasian" is not "Asian"; the first entry of which all words are there. The
# dictionary's local codes put East African Asian under Asian; West Indian means Caribbean.
ETHNICITY_WORDS: Mapping[str, str] = {
    "west indian": "Black",
    **dict.fromkeys(["asian", "indian", "pakistani", "bangladeshi", "chinese"], "Asian"),
    **dict.fromkeys(["black", "african", "caribbean"], "Black"),
    "irish": "White",
    "other": "Other",
}

SEXES: Mapping[float, str] = {1: "M", 0: "F"}
DICOM_SEXES = frozenset({"M", "F", "O"})  # PS3.3 C.7.1.1

RESULTS: Mapping[int, str] = {0: "Negative", 1: "Positive"}
DETECTED = "RNA DETECTED (SARS-CoV-2)"

# In lower case.
RESULT_TEXTS: Mapping[str, str] = {
    DETECTED.lower(): "Positive",
    **{result.lower(): result for result in RESULTS.values()},
}

# Oxygen by cannula or mask, in litres a minute -> FiO2 in percent.
LITRES: Mapping[int, int] = dict(
    enumerate([25, 29, 33, 37, 41, 45, 41, 47, 53, 60, 80, 85, 90, 95, 100], start=1)
)

# Venturi valves, by colour -> FiO2 in percent.
VALVES: Mapping[str, int] = {"blue": 24, "white": 28, "orange": 31, "yellow": 35, "red": 40, "green": 60}
