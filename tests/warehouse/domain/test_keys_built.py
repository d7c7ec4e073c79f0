"""Keys are built from validated parts only: none leaves its prefix, and no two things have one key."""

from __future__ import annotations

import posixpath
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from warehouse.domain import keys
from warehouse.domain.identity import IdentityRules, is_uid, refusal

# Parts that would leave their place, or meet another's, if anything let them.
HOSTILE = [
    *("..", ".", "", "/", "\\", "a/b", "../x", "ct", "ct-metadata", "data", "training", "validation"),
    *(
        "assignments",
        "x.json",
        "x.dcm",
        "data_2020-01-01.json",
        "\0",
        "\n",
        "\u2028",
        "\ufeff",
        "\ufffd",
        " a",
    ),
    *("a ", "ß", "SS", "ŉ" * 100, "ΐ" * 60, "x" * 255, "x" * 256, "x" * 251, "é" * 127, "%2e%2e", "%2F", "~"),
]
PARTS = st.sampled_from(HOSTILE) | st.text(max_size=12) | st.text("ab./\\- _1", max_size=6)
UIDS = st.text("0123.", max_size=8) | PARTS
NAMES = st.text("ab._- 1X", max_size=5).map("{}.dcm".format) | st.sampled_from(["x.DCM", "x.Dcm"]) | PARTS
PLACES = st.tuples(
    st.sampled_from(["training", "validation"]),
    st.sampled_from(["ct", "mri", "xray", "unknown"]),
    *(PARTS, UIDS, UIDS, NAMES),
)
FILES = st.tuples(
    st.sampled_from(["training", "validation"]),
    PARTS,
    st.sampled_from(["data", "status"]),
    st.sampled_from(["2020-01-01", "2020-02-29", "1999-12-31"]),
)
WIDE = IdentityRules(patient_id_pattern=re.compile(r"(?s).*"))


def built(build: Any, place: tuple[str, ...]) -> str | None:
    try:
        return build(*place)  # type: ignore[no-any-return]
    except ValueError:
        return None


def stays(key: str, prefix: str) -> None:
    assert key.startswith(prefix)
    assert posixpath.normpath(key) == key
    assert not re.search(r"[\x00-\x1f\x7f\\]", key)


def check_places(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    one, other = built(keys.image_target, first), built(keys.image_target, second)
    for key, place in ((one, first), (other, second)):
        assert (key is not None) == all(map(keys.safe_segment, place))
        if key is None:
            continue
        stays(key, "/".join(place[:-1]) + "/")
        assert tuple(key.split("/")) == place
        if place[-1].lower().endswith(".dcm"):
            metadata = keys.metadata_key(key)
            stays(metadata, f"{place[0]}/{place[1]}-metadata/{place[2]}/{place[3]}/{place[4]}/")
            assert keys.standing_image(key) == place
            assert keys.standing_metadata(metadata).image == key[:-4]  # type: ignore[union-attr]
    if one is not None and other is not None:
        assert (one == other) == (first == second)


def check_files(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    one, other = built(keys.clinical_target, first), built(keys.clinical_target, second)
    for key, file in ((one, first), (other, second)):
        if key is not None:
            stays(key, f"{file[0]}/data/{file[1]}/")
            assert keys.standing_clinical(key) == file
    if one is not None and other is not None:
        assert (one == other) == (first == second)


def check_identities(first: str, second: str) -> None:
    """Whoever passes can be assigned, under a key that is of that patient alone, and has a folder."""
    passed = [one.strip() for one in (first, second) if refusal(one.strip(), WIDE) is None]
    claims = [keys.assignment_key(keys.canonical(one)) for one in passed]
    for one, claim in zip(passed, claims, strict=True):
        stays(claim, keys.ASSIGNMENTS_PREFIX)
        assert claim.count("/") == keys.ASSIGNMENTS_PREFIX.count("/")
        assert keys.claimed_patient(claim) == keys.canonical(one)
        stays(keys.clinical_folder("training", one).removesuffix("/"), "training/data/")
    if len(claims) == 2:
        assert (claims[0] == claims[1]) == (keys.canonical(passed[0]) == keys.canonical(passed[1]))


def check(first: tuple[str, ...], second: tuple[str, ...], files: tuple[Any, Any]) -> None:
    check_places(first, second)
    check_files(*files)
    check_identities(first[2], second[2])
    for uid in (first[3], second[3]):
        assert not is_uid(uid) or keys.safe_segment(uid)


def near(place: tuple[str, ...], other: tuple[str, ...], mask: int) -> tuple[str, ...]:
    """The same place with the parts of another here and there."""
    return tuple(b if mask >> n & 1 else a for n, (a, b) in enumerate(zip(place, other, strict=True)))


MASKS = st.integers(0, 63)


@settings(max_examples=2000, deadline=None)
@given(PLACES, PLACES, FILES, FILES, MASKS)
def test_built_keys(
    place: tuple[str, ...], other: tuple[str, ...], file: tuple[str, ...], later: tuple[str, ...], mask: int
) -> None:
    check(place, near(place, other, mask), (file, near(file, later, mask)))


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@settings(max_examples=200_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PLACES, PLACES, FILES, FILES, MASKS)
def test_many_built_keys(
    place: tuple[str, ...], other: tuple[str, ...], file: tuple[str, ...], later: tuple[str, ...], mask: int
) -> None:
    check(place, near(place, other, mask), (file, near(file, later, mask)))


@settings(max_examples=500, deadline=None)
@given(PARTS, PARTS)
@example("x" * 251, "X" * 250)
@example("ΐ" * 60, "ŉ" * 100)
def test_identities_that_pass_can_be_assigned(first: str, second: str) -> None:
    check_identities(first, second)


@pytest.mark.parametrize("patient", ["x" * 251, "ΐ" * 60])
def test_who_cannot_be_assigned_is_refused(patient: str) -> None:
    assert keys.safe_segment(patient)
    assert refusal(patient, WIDE) == "invalid-identity"
