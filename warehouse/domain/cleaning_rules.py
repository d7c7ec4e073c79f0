"""The rules of cleaning, each with its type, its allowed values and its own words for the data dictionary.

A rule is a total function of the values of a column's source fields: it gives a value of its type or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from warehouse.domain import clinical_values as values
from warehouse.domain.clinical_codes import (
    DETECTED,
    ETHNICITY_CODES,
    ETHNICITY_PARTS,
    ETHNICITY_WORDS,
    LITRES,
    RESULT_TEXTS,
    RESULTS,
    SEXES,
    UNKNOWN,
    VALVES,
)

Value = str | int | float | date | None
Kind = type[str] | type[int] | type[float] | type[date]

_T = TypeVar("_T")

# "Non-white", "not of African origin": it says of one group that it is not meant, and not which one is.
_DENIED = re.compile(
    rf"\bno[nt]\W*(?:(?:of|from|an?)\W+)?(?:{'|'.join([*ETHNICITY_PARTS, *ETHNICITY_WORDS])})\b"
)
_WORD = re.compile(r"\w+")
_CVCX = re.compile(r"\ACVCX", re.IGNORECASE)
_FLOW = re.compile(r"([0-9]{1,2})\s*(?:l|l/min|lit(?:re|er)s?)")


@dataclass(frozen=True, slots=True)
class Rule:
    """How the values of a column's source fields, in their order, become its value of type `kind`.

    `allowed` says which values there are, where they are few or bounded; `told` is the rule in words,
    the same for all rules of one name.
    """

    name: str
    kind: Kind
    read: Callable[..., Value]
    told: str
    allowed: str = ""


def first(read: Callable[[object], _T | None]) -> Callable[..., _T | None]:
    """Give what the first of several values gives that gives anything."""

    def read_first(*given: object) -> _T | None:
        return next((found for value in given if (found := read(value)) is not None), None)

    return read_first


def ethnicity(value: object) -> str:
    """One of five groups, or `Unknown`, also where a text says what somebody is not."""
    text = values.text_of(value).lower()
    if code := ETHNICITY_CODES.get(text.upper()):
        return code
    if _DENIED.search(text):
        return UNKNOWN
    words = set(_WORD.findall(text))
    said = [group for part, group in ETHNICITY_PARTS.items() if part in text]
    worded = [group for phrase, group in ETHNICITY_WORDS.items() if words.issuperset(phrase.split())]
    return next(iter([*said, *worded]), UNKNOWN)


def sex(value: object) -> str:
    """`M`, `F`, or `Unknown`."""
    text = values.text_of(value).upper()
    if text in SEXES.values():
        return text
    amount = values.plain(value)
    return UNKNOWN if amount is None else SEXES.get(amount, UNKNOWN)


def hypertension(value: object) -> int | None:
    """As binary. Where `y` became `1` in the field's name, it did so in its `yes`: `1es`."""
    return 1 if values.text_of(value).lower() == "1es" else values.binary(value)


def result(value: object) -> str | None:
    """`Positive` or `Negative`."""
    if (said := RESULT_TEXTS.get(values.text_of(value).lower())) is not None:
        return said
    found = values.binary(value)
    return None if found is None else RESULTS[found]


def coded(value: object) -> int | None:
    """Leading digits, also where `CVCX` stands before them."""
    return values.leading(_CVCX.sub("", value.strip()) if isinstance(value, str) else value)


def fio2(value: object) -> int | None:
    """The inspired oxygen in whole percent."""
    text = values.text_of(value).lower()
    if text in VALVES:
        return VALVES[text]
    if flow := _FLOW.fullmatch(text):
        return LITRES.get(int(flow[1]))
    amount = values.plain(value)
    if amount is None or amount > 100:
        return None
    if amount <= 1 and (isinstance(value, float) or "." in text):
        return round(amount * 100)
    return LITRES.get(int(amount), int(amount)) if amount.is_integer() else None


def latest_swab(swab: object, swabs: object, positive: object) -> date | None:
    """The greatest date of all swabs: one, a list of objects with one each, and the positive one."""
    listed = swabs if isinstance(swabs, list) else []
    others = [one.get("SwabDate") for one in listed if isinstance(one, dict)]
    dates = [values.month_first(positive), *map(values.day_first, [swab, *others])]
    return max((found for found in dates if found is not None), default=None)


def _floored_number(value: object) -> int | None:
    return values.floored(values.number(value))


def _runs(table: Mapping[Any, Any]) -> str:
    """A table in words; neighbours that mean the same stand together."""
    runs = groupby(table.items(), key=itemgetter(1))
    return "; ".join(f"{', '.join(str(given) for given, _ in run)} → {meant}" for meant, run in runs)


_NUMBER_TOLD = (
    "A number that is not negative: digits with at most one decimal point, without sign, exponent or unit. "
    "Also the number in brackets before a date: `[67] - 2020-06-06`. A number outside the allowed values is "
    "left out, not moved to the limit."
)
_PRESSURE_TOLD = "As Number. In `[137/91]`, the first is the systolic and the second the diastolic pressure."
_CATEGORY_TOLD = (
    "The digits that the value begins with, if they are an allowed code: `5 - Lung Ca` is 5. In a COVID "
    "code, `CVCX` may stand before them."
)
_DATE_TOLD = (
    "The first date with slashes in the text, month first; where there is no such day, as in 31/03/2020, day "
    "first. Else an ISO date in the text, as in `[Text] - 2020-03-20`. A year of two digits is one from 1969 "
    "to 2068. Nobody can tell whether 05/06/2020 was meant the other way round."
)
_LATEST_TOLD = (
    "The latest of `SwabDate` and of the dates in `SwabDates`, read as Swab date, and of "
    "`Date of Positive Covid Swab`, read as Date."
)
_HYPERTENSION_TOLD = (
    "As Binary. Where `y` has become `1` throughout, the field is `PMH h1pertension` and its yes is `1es`: "
    "that is 1."
)
_ETHNICITY_TOLD = (
    f"A letter is a code of the NHS Data Dictionary (ETHNIC CATEGORY CODE 2001): {_runs(ETHNICITY_CODES)}. A "
    "text that contains `mixed` or `multiple` is Multiple, else one that contains `white` is White. Else its "
    f"words decide, the first of this list that is there: {_runs(ETHNICITY_WORDS)}. Anything else is "
    "Unknown, and so is a text that denies one of these, as `non-white` and `not Asian` do."
)
_FIO2_TOLD = (
    "With a decimal point and up to 1, a fraction: 0.28 is 28, 1.0 is 100. A whole number from 1 to 15, with "
    f"or without `L`, is litres a minute: {_runs(LITRES)}. A colour is that of a Venturi valve: "
    f"{_runs(VALVES)}. Other whole numbers up to 100 are percent already. Any other form is left out. The "
    "table of litres is that of `nccid_cleaning` as it stands, also where it goes down, from 6 to 7. A "
    "fraction is rounded to whole percent as the machine holds it: 0.285 is held a little below, so 28."
)

ETHNICITY = Rule(
    "Ethnicity", str, ethnicity, _ETHNICITY_TOLD, "White, Asian, Black, Multiple, Other, Unknown"
)
SEX = Rule("Sex", str, sex, "M or 1 is M, F or 0 is F, anything else is Unknown.", "M, F, Unknown")
NUMBER = Rule("Number", float, values.number, _NUMBER_TOLD, "0 or more")
AGE = Rule("Age", int, _floored_number, "As Number, rounded down to whole years.", "0 or more")
SYSTOLIC = Rule("Blood pressure", float, values.systolic, _PRESSURE_TOLD, "0 or more")
DIASTOLIC = Rule("Blood pressure", float, values.diastolic, _PRESSURE_TOLD, "0 or more")
DATE = Rule("Date", date, values.month_first, _DATE_TOLD)
SWAB_DATE = Rule("Swab date", date, values.day_first, "As Date, but day first unless there is no such day.")
LATEST_SWAB_DATE = Rule("Latest swab date", date, latest_swab, _LATEST_TOLD)
BINARY = Rule(
    "Binary",
    int,
    first(values.binary),
    "0 or 1, also as 0.0 and 1.0, false and true, as numbers, as JSON's own words or as texts. Of two "
    "fields, the first that says so counts.",
    "0, 1",
)
HYPERTENSION = Rule("Hypertension", int, first(hypertension), _HYPERTENSION_TOLD, "0, 1")
PACK_YEARS = Rule(
    "Leading digits", int, values.leading, "The digits that the value begins with.", "0 or more"
)
RESULT = Rule(
    "Result",
    str,
    result,
    f"As Binary, where 0 is Negative and 1 is Positive; `{DETECTED}` is Positive. The words Negative and "
    "Positive themselves are read in capitals or not. Any other text is left out.",
    "Negative, Positive",
)
FIO2 = Rule("FiO2", int, fio2, _FIO2_TOLD, "0–100")


def between(low: float, high: float) -> Rule:
    """The rule of numbers that have limits, which belong to them."""

    def read(value: object) -> float | None:
        found = values.number(value)
        return found if found is not None and low <= found <= high else None

    return replace(NUMBER, read=read, allowed=f"{low:g}–{high:g}")


def category(low: int, high: int, read: Callable[[object], int | None] = values.leading) -> Rule:
    """The rule of codes that are the whole numbers from one to another."""
    codes = range(low, high + 1)

    def read_code(value: object) -> int | None:
        found = read(value)
        return found if found in codes else None

    return Rule("Category", int, read_code, _CATEGORY_TOLD, ", ".join(map(str, codes)))
