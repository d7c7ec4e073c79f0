"""Sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonobo.errors import UsageError
from bonobo.quantities import LARGEST, POWERS, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1B", 1),
        ("64KB", 64_000),
        ("64K", 65_536),
        ("64KiB", 65_536),
        ("64kib", 65_536),
        ("256M", 268_435_456),
        ("256 MB", 256_000_000),
        ("1GiB", 1_073_741_824),
        ("1.5G", 1_610_612_736),
        (" 2T ", 2_199_023_255_552),
        ("0.5K", 512),
    ],
)
def test_a_size(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0M",
        "0.4",
        "-1",
        "+1",
        "1e6",
        "1_000",
        "1,5G",
        "M",
        "1X",
        "1iB",
        "1.M",
        ".5G",
        "inf",
        "nan",
        "١",
        "8388608T",
        "99999999999999999999",
        pytest.param("9" * 5000, id="digits"),
        pytest.param("9" * 2_000_000, id="more digits"),
    ],
)
def test_what_is_no_size(text):
    with pytest.raises(UsageError, match="a size ") as caught:
        parse_size(text)
    assert len(str(caught.value)) < 200


@given(st.integers(1, 10_000), st.sampled_from(list(POWERS)))
def test_whole_numbers_are_exact(number, prefix):
    assert parse_size(f"{number}{prefix}") == number * 1024 ** POWERS[prefix]
    assert parse_size(str(number * 1024 ** POWERS[prefix])) == number * 1024 ** POWERS[prefix]


def test_a_number_without_a_fraction_is_exact_however_long():
    assert parse_size("9007199254740993") == 9007199254740993
    assert parse_size("9223372036854775807") == LARGEST
