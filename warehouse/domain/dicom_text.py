"""Decodes DICOM text by its Specific Character Set (PS3.3 C.12.1.1.2, PS3.5 6.1), replacing what cannot be.

The result is what pydicom gives, without its warnings, which quote values. Strict decoding, for
identities, refuses instead of replacing.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

from pydicom.charset import (
    CODES_TO_ENCODINGS,
    STAND_ALONE_ENCODINGS,
    default_encoding,
    handled_encodings,
    python_encoding,
)

Encodings = tuple[str, ...]
DEFAULT: Encodings = (default_encoding,)

_FRAGMENTS = re.compile(b"^[^\x1b]+|\x1b[^\x1b]*")
_MISSPELT = (
    (re.compile(r"ISO[^_]IR"), "ISO_IR", 6),
    (re.compile(r"ISO.2022.IR."), "ISO 2022 IR ", 12),
)
# A code extension ends at these (PS3.5 6.1.2.5.3).
_RESETS = re.compile(b"[\r\n\t\f]")


# Codecs of Python that are no character sets: they run escapes, or do not replace.
_NO_CHARSETS = frozenset(["idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"])
_LATIN = frozenset([default_encoding, python_encoding["ISO_IR 100"]])
_LONGEST = 1024  # bytes of (0008,0005) that are looked at; all defined terms together are shorter


def _is_charset(name: str) -> bool:
    try:
        b"A\xff".decode(name, "replace")
        return codecs.lookup(name).name not in _NO_CHARSETS
    except (LookupError, ValueError):
        return False


def encodings(raw: bytes) -> Encodings:
    """Turn the value of (0008,0005) into Python codecs; unknown ones become the default."""
    return _encodings(raw[:_LONGEST])


@lru_cache(maxsize=256)
def _encodings(raw: bytes) -> Encodings:
    terms = raw.decode("latin-1").rstrip(" \0").split("\\")
    names = tuple(_codec(term) for term in terms)
    if len(terms) == 1:
        return names
    if terms[0] in STAND_ALONE_ENCODINGS:
        return names[:1]
    rest = zip(terms[1:], names[1:], strict=True)
    return (names[0], *(name for term, name in rest if term not in STAND_ALONE_ENCODINGS))


def _codec(term: str) -> str:
    if term in python_encoding:
        return python_encoding[term]
    for pattern, prefix, length in _MISSPELT:
        if pattern.match(term):
            return python_encoding.get(prefix + term[length:], default_encoding)
    return term if _is_charset(term) else default_encoding


def is_latin(codec_names: Encodings) -> bool:
    """Tell whether bytes without code extensions stand for the characters of those numbers."""
    return codec_names[0] in _LATIN


def decode(raw: bytes, codec_names: Encodings) -> str:
    """Decode a value, code extensions included; bytes that cannot be decoded become U+FFFD."""
    if b"\x1b" not in raw:
        return raw.decode(codec_names[0], "replace")
    return "".join(_fragment(part, codec_names) for part in _FRAGMENTS.findall(raw))


def _fragment(raw: bytes, codec_names: Encodings) -> str:
    first = codec_names[0]
    if not raw.startswith(b"\x1b"):
        return raw.decode(first, "replace")
    length = 4 if raw.startswith((b"\x1b$(", b"\x1b$)")) else 3
    name = CODES_TO_ENCODINGS.get(raw[:length], "")
    if name != default_encoding and name not in codec_names:
        return raw.decode(first, "replace")
    try:
        if name in handled_encodings:
            return raw.decode(name)
        text = raw[length:]
        reset = _RESETS.search(text)
        cut = reset.start() if reset else len(text)
        return text[:cut].decode(name) + text[cut:].decode(first)
    except UnicodeError:
        return raw.decode(first, "replace")
