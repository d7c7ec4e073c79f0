"""Each rule of cleaning gives what it names, and None for everything that merely looks like it."""

from datetime import date

import pytest

from warehouse.domain.cleaning import clean

HUGE = 10**400
NEVER_READ = [None, [], {}, [1], {"a": 1}, "", " ", ".", "-", "n/a", "Unknown", "NaN", "inf", "\ud800"]
NEVER_READ += ["٣", "３", "²"]
NO_NUMBERS = [*NEVER_READ, True, -1, "-1", "+1", "1e3", "1,5", "1.2.3", "<5", "5 mg/L"]
NO_NUMBERS += [HUGE, float("nan"), float("inf")]


def cleaned(column, **fields):
    """The value of a column for a record with the fields that are named, underscores standing for blanks."""
    return clean({name.replace("_", " "): value for name, value in fields.items()})[column]


def values(column, field, table):
    """The pairs of a table that the column does not read as the table says: none, where it is right."""
    return [(given, found) for given, wanted in table if (found := clean({field: given})[column]) != wanted]


def unread(given):
    return [(one, None) for one in given]


@pytest.mark.parametrize(
    ("group", "given"),
    [
        (
            "White",
            ["A", "B", "C", "a", " c ", "White", "white - British", "Any other White background", "Irish"],
        ),
        ("Multiple", ["D", "E", "F", "G", "Mixed", "Multiple ethnic groups", "Mixed - White and Asian"]),
        ("Asian", ["H", "I", "J", "K", "L", "R", "Indian", "Asian or Asian British - Pakistani", "Chinese"]),
        ("Asian", ["Any other Asian background", "BANGLADESHI", "East African Asian", "Other: Chinese"]),
        ("Black", ["M", "N", "P", "Caribbean", "Black or Black British – African", "West Indian"]),
        ("Black", ["Any other Black background"]),
        ("Other", ["S", "Any other ethnic group", "other"]),
        ("White", ["White, not specified", "Not stated - White", "White (non-Hispanic)", "Canon White"]),
        (
            "Unknown",
            ["non-white", "Non White", "nonwhite", "Not white", "non\u2011white", "Not Asian", "not mixed"],
        ),
        ("Unknown", ["not of African origin", "Not a White person", "non-white Asian", "not West Indian"]),
        (
            "Unknown",
            ["O", "Z", "99", "99 - Not known", "AB", "Caucasian", "British", 1, True, *NEVER_READ],
        ),
    ],
)
def test_ethnicity(group, given):
    assert values("ethnicity", "Ethnicity", [(one, group) for one in given]) == []


@pytest.mark.parametrize(
    ("sex", "given"),
    [
        ("M", ["M", "m", " M ", "1", 1, 1.0]),
        ("F", ["F", "f", "0", 0, 0.0]),
        ("Unknown", ["2", 2, "3", "t", "O", "Male", True, False, 0.5, HUGE, *NEVER_READ]),
    ],
)
def test_sex(sex, given):
    assert values("sex", "Sex", [(one, sex) for one in given]) == []


NUMBERS = [
    (0, 0.0),
    (-0.0, 0.0),
    (3, 3.0),
    (3.493, 3.493),
    ("37.6", 37.6),
    (" 12 ", 12.0),
    ("5.", 5.0),
    (".5", 0.5),
    (1e5, 100_000.0),
    ("[67] - 2020-06-06", 67.0),
    ("[6] - 2020-06-06", 6.0),
    ("[3.5] - 2020-06-06 10:00", 3.5),
    ("[ 345 ]-27/03/2020", 345.0),
    *unread(NO_NUMBERS),
    *unread(["[67]", "[67] - later", "[-67] - 2020-06-06", "[a] - 2020-06-06", "67 - 2020-06-06"]),
    ("9" * 400, None),
]


def test_numbers():
    assert values("ferritin", "Ferritin", NUMBERS) == []


def test_zero_has_no_sign():
    assert str(clean({"Ferritin": -0.0})["ferritin"]) == "0.0"


def test_age_is_floored():
    ages = [("65.889", 65), (65, 65), (30.999, 30), ("0", 0), ("[44.5] - 2020-01-01", 44)]
    ages += [(2.0**63 - 1024, 2**63 - 1024), (2**63, None)]
    assert values("age", "Age", [*ages, *unread(NO_NUMBERS)]) == []
    assert isinstance(clean({"Age": 65.0})["age"], int)


PRESSURES = [
    ("[137/91] - 2020-06-02", 137, 91),
    ("[ 90 / 60 ]", 90, 60),
    ("126", 126, 126),
    (75.5, 75.5, 75.5),
    ("[126] - 2020-06-02", 126, 126),
    ("137/91", None, None),
    ("[1370/91] - 2020-06-02", None, None),
    ("[137/9100] - 2020-06-02", None, None),
    ("[137/] - 2020-06-02", None, None),
    ("[-37/91]", None, None),
    *[(one, None, None) for one in NO_NUMBERS],
]


def test_blood_pressure():
    assert values("systolic_bp", "Systolic BP", [(given, wanted) for given, wanted, _ in PRESSURES]) == []
    assert values("diastolic_bp", "Diastolic BP", [(given, wanted) for given, _, wanted in PRESSURES]) == []


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("Temperature on admission", 25, 45),
        ("Fibrinogen  if d-dimer not performed", 0, 100),
        ("Urea on admission", 0, 100),
        ("O2 saturation", 0, 100),
    ],
)
def test_limits_belong_to_what_is_allowed(field, low, high):
    column = field.lower().replace(" ", "_")
    inside = [
        (low, low),
        (high, high),
        (str(low), low),
        (f"[{high}] - 2020-06-06", high),
        (low + 0.5, low + 0.5),
    ]
    outside = unread([low - 0.1, high + 0.1, f"{high}.1", 1e9])
    assert values(column, field, [*inside, *outside]) == []


def test_numbers_without_limits_are_not_clipped():
    assert clean({"Ferritin": 1e9, "CRP on admission": 500})["ferritin"] == 1e9


NO_DATES = [*NEVER_READ, 43909, 20200320, "43909", "2020", "20200331", "31-03-2020", "3/2020", "٣/٣/٢٠٢٠"]
NO_DATES += ["13/32/2020", "30/02/2020", "0/1/2020", "1/1/0000", "2020-02-30", "12020-03-20", "2020-03-201"]
NO_DATES += ["1/1/1", "1/1/202", "1/1/20201", "112/1/2020", "1/2/3/2020", "1/2/2020/3"]

MONTH_FIRST = [
    ("3/31/20", date(2020, 3, 31)),
    ("03/31/2020", date(2020, 3, 31)),
    ("05/06/2020", date(2020, 5, 6)),
    ("31/03/2020", date(2020, 3, 31)),
    ("29/2/2020", date(2020, 2, 29)),
    ("9/29/1999", date(1999, 9, 29)),
    ("[Text] - 2019-09-29", date(2019, 9, 29)),
    ("[Text] - 2020-03-20", date(2020, 3, 20)),
    ("2020-03-20T10:00:00Z", date(2020, 3, 20)),
    ("seen 1/24/20, again 2/25/20", date(2020, 1, 24)),
    ("13/32/2020, that is 2020-03-20", date(2020, 3, 20)),
    ("1/1/69", date(1969, 1, 1)),
    ("1/1/68", date(2068, 1, 1)),
    *unread(NO_DATES),
]

US_DATES = [
    "Date of Positive Covid Swab",
    *(f"Date of {what} of {which} RT-PCR" for what in ("acquisition", "result") for which in ("1st", "2nd")),
    "Date of admission",
    "Date of ITU admission",
    "Date of intubation",
    "Date of 1st CXR",
    "Date of 2nd CXR",
    "Date last known alive",
    "Date of death",
]


@pytest.mark.parametrize("field", US_DATES)
def test_dates_are_read_month_first(field):
    assert values(field.lower().replace(" ", "_"), field, MONTH_FIRST) == []


def test_the_swab_date_is_read_day_first():
    table = [
        ("05/06/2020", date(2020, 6, 5)),
        ("24/04/2020", date(2020, 4, 24)),
        ("05/16/2020", date(2020, 5, 16)),
        ("2020-03-20", date(2020, 3, 20)),
        *unread(NO_DATES),
    ]
    assert values("swabdate", "SwabDate", table) == []


@pytest.mark.parametrize(
    ("record", "latest"),
    [
        ({}, None),
        ({"SwabDate": "05/06/2020"}, date(2020, 6, 5)),
        (
            {"SwabDates": [{"SwabDate": "01/02/2020", "SwabStatus": 0}, {"SwabDate": "02/01/2020"}]},
            date(2020, 2, 1),
        ),
        ({"SwabDate": "01/03/2020", "SwabDates": [{"SwabDate": "01/02/2020"}]}, date(2020, 3, 1)),
        ({"SwabDate": "01/03/2020", "SwabDates": [{"SwabDate": "01/04/2020"}]}, date(2020, 4, 1)),
        ({"SwabDate": "01/03/2020", "Date of Positive Covid Swab": "04/02/2020"}, date(2020, 4, 2)),
        ({"SwabDate": "never", "SwabDates": [None, 1, "01/02/2020", {}, {"SwabDate": [1]}]}, None),
        ({"SwabDates": {"SwabDate": "01/02/2020"}}, None),
    ],
)
def test_the_latest_swab(record, latest):
    assert clean(record)["latest_swab_date"] == latest


BINARY = [
    *[(one, 0) for one in (0, 0.0, "0", "0.0", " 0 ", False, "false", " False")],
    *[(one, 1) for one in (1, 1.0, "1", "1.0", True, "true", "TRUE ")],
    *unread([2, 0.5, -1, "2", "yes", "no", "[1] - 2020-01-01", HUGE, *NEVER_READ]),
]


@pytest.mark.parametrize(
    "field",
    [
        "PMH hypertension",
        "PMH CKD",
        "Current ACEi use",
        "Current Angiotension receptor blocker use",
        "Current NSAID used",
        "ITU admission",
        "Intubation",
        "Death",
    ],
)
def test_binary(field):
    column = field.lower().replace(" ", "_")
    assert values(column, field, BINARY) == []
    assert type(clean({field: True})[column]) is int


def test_the_misspelt_hypertension_fills_the_right_one():
    assert values("pmh_hypertension", "PMH h1pertension", [*BINARY, ("1es", 1)]) == []
    assert cleaned("pmh_hypertension", PMH_hypertension=0, PMH_h1pertension=1) == 0
    assert cleaned("pmh_hypertension", PMH_hypertension=None, PMH_h1pertension="1es") == 1
    assert cleaned("pmh_hypertension", PMH_hypertension="2", PMH_h1pertension="0") == 0


def test_the_older_diabetes_field_fills_the_newer():
    column = "pmh_diabetes_mellitus_type_2"
    assert values(column, "PMH diabetes mellitus type II", BINARY) == []
    assert values(column, "PMH diabetes mellitus TYPE II", BINARY) == []
    assert cleaned(column, PMH_diabetes_mellitus_type_II=0, PMH_diabetes_mellitus_TYPE_II=1) == 0
    assert cleaned(column, PMH_diabetes_mellitus_type_II=" ", PMH_diabetes_mellitus_TYPE_II="1.0") == 1
    assert cleaned(column, PMH_diabetes_mellitus_TYPE_I=1) is None


@pytest.mark.parametrize(
    ("field", "column", "allowed"),
    [
        ("Smoking status", "smoking_status", range(3)),
        ("If CKD, stage", "if_ckd_stage", range(2, 6)),
        ("PMH CVS disease", "pmh_cvs_disease", range(5)),
        ("PMH Lung disease", "pmh_lung_disease", range(6)),
        ("CXR severity", "cxr_severity", range(1, 4)),
        ("CXR severity 3", "cxr_severity_2", range(1, 4)),
        ("COVID CODE", "covid_code", range(4)),
        ("COVID CODE 2", "covid_code_2", range(4)),
    ],
)
def test_categories(field, column, allowed):
    for code in range(-1, 8):
        wanted = code if code in allowed else None
        given = [code, float(code), str(code), f" {code} - with words", f"{code}.0"]
        assert values(column, field, [(one, wanted) for one in given]) == []
    refused = ["23", "o", "stage 3", "1" * 5_000, HUGE, True, float("nan"), *NEVER_READ]
    assert values(column, field, unread(refused)) == []


def test_a_covid_code_may_have_its_prefix():
    table = [
        ("CVCX2", 2),
        ("cvcx 0", 0),
        (" CVCX3 ", 3),
        ("CVCX4", None),
        ("CVCX", None),
        ("2 CVCX", 2),
        ("XCVCX2", None),
    ]
    assert values("covid_code", "COVID CODE", table) == []
    assert values("cxr_severity", "CXR severity", [("CVCX2", None)]) == []


def test_pack_years():
    table = [
        ("20", 20),
        ("30/day", 30),
        (20.5, 20),
        ("20.5", 20),
        (0, 0),
        ("about 20", None),
        ("1" * 19, None),
    ]
    assert values("pack_year_history", "Pack year history", [*table, *unread(NEVER_READ)]) == []


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("1st RT-PCR result", "1st_rt-pcr_result"),
        ("2nd RT-PCR result", "2nd_rt-pcr_result"),
        ("Final COVID Status", "final_covid_status"),
    ],
)
def test_results(field, column):
    table = [
        *[(one, "Negative") for one in (0, "0", "0.0")],
        *[
            (one, "Positive")
            for one in (1, "1", 1.0, "RNA DETECTED (SARS-CoV-2)", "rna detected (sars-cov-2) ")
        ],
        *[(one, "Positive") for one in ("Positive", " positive", "POSITIVE")],
        *[(one, "Negative") for one in ("Negative", "negative ", "NEGATIVE")],
        *[(one, None) for one in ("not negative", "false positive", "Positive?", "pos")],
        *[(one, None) for one in (2, "2", "RNA NOT DETECTED (SARS-CoV-2)", HUGE, *NEVER_READ)],
    ]
    assert values(column, field, table) == []


LITRES = (25, 29, 33, 37, 41, 45, 41, 47, 53, 60, 80, 85, 90, 95, 100)


def test_fio2_in_litres():
    for litres, percent in enumerate(LITRES, start=1):
        given = [litres, str(litres), f"{litres}L", f"{litres} l", f"{litres} L/min", f"{litres} litres"]
        assert values("fio2", "FiO2", [(one, percent) for one in given]) == []
    assert values("fio2", "FiO2", unread(["0L", "16L", "2.5L", "L", "100L", "2Lx"])) == []


@pytest.mark.parametrize(
    ("colour", "percent"),
    [("blue", 24), ("white", 28), ("orange", 31), ("yellow", 35), ("red", 40), ("green", 60)],
)
def test_fio2_of_a_venturi_valve(colour, percent):
    assert (
        values("fio2", "FiO2", [(one, percent) for one in (colour, colour.title(), f" {colour.upper()} ")])
        == []
    )
    assert values("fio2", "FiO2", [(f"{colour}ish", None), ("black", None)]) == []


def test_fio2_as_a_fraction_or_in_percent():
    table = [
        (0.28, 28),
        ("0.28", 28),
        (".6", 60),
        ("0.64", 64),
        ("0.0", 0),
        ("1.0", 100),
        (1.0, 100),
        (0, 0),
        ("0", 0),
        (16, 16),
        ("28", 28),
        (28.0, 28),
        (100, 100),
        *unread([101, "101", 28.5, "28.5", 1.01, "28%", "room air", ">60", "[28] - 2020-01-01"]),
        *unread(NO_NUMBERS),
    ]
    assert values("fio2", "FiO2", table) == []
