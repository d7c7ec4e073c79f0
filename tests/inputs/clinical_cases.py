"""The rows of "Clinical JSON" and of "Names and places" in docs/inputs.md, each with all its alternatives."""

from __future__ import annotations

from collections.abc import Callable

from input_cases import LOADED, NO_FILE, Case, Cases, Who, quarantined

INVALID = quarantined("invalid-json")


def holding(value: str) -> Callable[[Who], bytes]:
    return lambda who: who.clinical()[:-1] + f', "more": {value}}}'.encode()


def contents(cases: Cases) -> None:
    """What is JSON, and what is not."""
    cases.clinical("A byte order mark", "UTF-8", LOADED, lambda who: b"\xef\xbb\xbf" + who.clinical())
    row = "Another encoding than UTF-8"
    for codec in ("utf-16", "utf-16-le", "utf-32"):
        cases.clinical(row, codec, INVALID, lambda who, codec=codec: who.clinical().decode().encode(codec))
    cases.clinical(row, "Latin-1", INVALID, lambda who: holding('"é"')(who).decode().encode("latin-1"))
    row = "No JSON, or no JSON object"
    texts = {"empty": b"", "cut": b'{"Pseudonym": "P', "text": b"P1, Train", "list": b"[]", "number": b"5"}
    texts |= {"string": b'"text"', "null": b"null", "two objects": b"{} {}", "single quotes": b"{'a': 1}"}
    for name, data in texts.items():
        cases.clinical(row, name, INVALID, lambda who, data=data: data)
    row = "NaN and infinity as numbers"
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        cases.clinical(row, number, INVALID, holding(number))
    row = "A name that stands twice in one object"
    cases.clinical(row, "at the top", INVALID, lambda who: who.clinical()[:-1] + b', "Pseudonym": "P"}')
    cases.clinical(row, "deeper", INVALID, holding('[{"a": 1, "a": 1}]'))
    row = "Nesting beyond 64 levels"
    cases.clinical(row, "64 levels", LOADED, holding("[" * 63 + "]" * 63))
    for levels in (65, 1000, 100_000):
        cases.clinical(row, f"{levels} levels", INVALID, holding("[" * (levels - 1) + "]" * (levels - 1)))
    row = "More than 5 MB"
    cases.clinical(row, "of text", INVALID, holding('"' + "x" * 5_000_000 + '"'))
    row = "Numbers of thousands of digits"
    cases.clinical(row, "5,000 digits", INVALID, holding("9" * 5000))


def identities(cases: Cases) -> None:
    """Whose it is, and who sent it."""
    row = "No SubmittingCentre, or one that is no text or has more than 1,000 characters"
    sites = {"none": None, "empty": "", "number": 5, "list": ["Train"], "true": True, "long": "x" * 1001}
    for name, site in sites.items():
        cases.clinical(
            row, name, quarantined("no-site"), lambda who, site=site: who.clinical(SubmittingCentre=site)
        )
    cases.clinical(
        row,
        "of an assigned patient",
        LOADED,
        lambda who: who.clinical(SubmittingCentre=None),
        before=Who.clinical,
    )
    row = "Pseudonym and file name disagree"
    mismatch = quarantined("identity-mismatch")
    cases.clinical(row, "somebody else", mismatch, lambda who: who.clinical(Pseudonym="Other"))
    cases.clinical(row, "empty", mismatch, lambda who: who.clinical(Pseudonym=""))
    cases.clinical(row, "a list", mismatch, lambda who: who.clinical(Pseudonym=[who.patient]))
    cases.clinical(row, "capitals", LOADED, lambda who: who.clinical(Pseudonym=who.patient.lower()))
    cases.clinical(row, "blanks", LOADED, lambda who: who.clinical(Pseudonym=f" {who.patient} "))
    cases.clinical("No Pseudonym", "missing", LOADED, lambda who: who.clinical(Pseudonym=None))
    row = "A site that is not in config.json"
    unlisted = ("deferred", "unlisted-site")
    cases.clinical(row, "unknown", unlisted, lambda who: who.clinical(SubmittingCentre="Nowhere"))
    cases.clinical(row, "capitals", unlisted, lambda who: who.clinical(SubmittingCentre="TRAIN"))


def one_file(key: str) -> Callable[[Who], tuple[str, dict[str, bytes]]]:
    """A file at a key, in which `{}` stands for the case's number."""
    return lambda who: (key.format(who.number), {key.format(who.number): who.image()})


def places(cases: Cases) -> None:
    """Where it lies and what it is called."""
    row = "A name or a date that is not of the layout"
    names = {
        "an impossible date": "raw-a/2021-02-29/images/{}.dcm",
        "no date": "raw-a/today/images/{}.dcm",
        "other letters": "raw-a/2020-01-02/images/é{}.dcm",
        "a dot first": "raw-a/2020-01-02/images/.{}.dcm",
        "129 characters": "raw-a/2020-01-02/images/{}" + "x" * 125 + ".dcm",
        "neither data nor status": "raw-a/2020-01-02/data/P{}.json",
    }
    for name, key in names.items():
        cases.files(row, name, quarantined("invalid-key"), one_file(key))
    row = "A suffix that is not loaded"
    for key in ("raw-a/2020-01-02/images/{}.jpg", "raw-a/2020-01-02/data/{}.csv"):
        cases.files(row, key.rpartition(".")[2], ("ignored", "other-suffix"), one_file(key))
    row = "An object elsewhere"
    for name, key in {
        "deeper": "2020-01-02/images/sub/{}.dcm",
        "pictures": "2020-01-02/pictures/{}.dcm",
    }.items():
        cases.files(row, name, ("ignored", "nested"), one_file(f"raw-a/{key}"))
    cases.files(
        "A patient that stands in both sets",
        "an older loader's",
        quarantined("patient-in-both-sets"),
        lambda who: (who.clinical_key(), {who.clinical_key(): who.clinical()}),
        lambda who: {
            f"{group}/data/{who.patient}/data_2019-01-01.json": b"{}" for group in ("training", "validation")
        },
    )
    cases.image(
        "An image without a clinical file",
        "no file",
        ("deferred", "no-clinical-data"),
        Who.image,
        patient=NO_FILE,
    )


def clinical_cases() -> list[Case]:
    cases = Cases(5000)
    for add in (contents, identities, places):
        add(cases)
    return cases.all
