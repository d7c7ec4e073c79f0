"""Quantities as people write them -> numbers. Pure."""

from __future__ import annotations

import re
from decimal import Decimal

from bonobo.errors import UsageError
from bonobo.text import printable

LARGEST = 2**63 - 1
"""No system counts more bytes than that, 8 EiB."""

POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}

_SIZE = re.compile(r"(\d{1,19}(?:\.\d{1,19})?) ?(?:([KMGT])(I?B)?|B)?", re.ASCII | re.IGNORECASE)


def parse_size(text: str) -> int:
    """Read a number of bytes, from 1 to LARGEST. Raises UsageError.

    As with GNU's tools, K and KiB are 1,024 bytes and KB is 1,000; so are M, G and T.

    >>> parse_size("256M"), parse_size("1.5 GiB"), parse_size("64KB"), parse_size("1000000")
    (268435456, 1610612736, 64000, 1000000)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        shown = printable(repr(text))
        raise UsageError(f"a size is a number of bytes, or one such as 256M, 1GiB or 64KB; got {shown}")
    number, prefix, unit = match[1], (match[2] or "").upper(), (match[3] or "").upper()
    size = int(Decimal(number) * (1000 if unit == "B" else 1024) ** POWERS[prefix])
    if not 1 <= size <= LARGEST:
        raise UsageError(f"a size must be 1 byte or more, and less than 8 EiB; got {printable(repr(text))}")
    return size
