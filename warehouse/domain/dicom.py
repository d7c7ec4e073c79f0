"""Decides what the bytes of one object say: a whole, identified DICOM image, or the reason why not.

`examine` does no I/O: it yields the Range that it needs and is sent its bytes. It reads the header,
and of what follows only what proves that the object is whole.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from warehouse.domain.dicom_json import Document, document
from warehouse.domain.dicom_pixels import Pixels, whole
from warehouse.domain.dicom_runs import looks_implicit
from warehouse.domain.dicom_scan import ElementHeader, Event, Extent, Kind, Scanner
from warehouse.domain.dicom_source import (
    UNKNOWN,
    Complete,
    Inflated,
    Limits,
    Range,
    Ranged,
    Reading,
    Refused,
    Source,
    drained,
)
from warehouse.domain.dicom_tables import (
    DEFLATED,
    EXECUTABLE_PREAMBLES,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMAGE_CLASSES,
    IMAGE_TYPES,
    IMPLICIT_LITTLE,
    MEDIA_DIRECTORY,
)
from warehouse.domain.dicom_top import IDENTITY_TAGS, TopLevel
from warehouse.domain.identity import IdentityRules, is_uid, refusal
from warehouse.domain.records import Header

__all__ = ["IdentityRules", "Limits", "Range", "Rejection", "examine", "metadata", "to_json"]

_PREAMBLE = 132  # PS3.10 7.1: 128 bytes, then "DICM"
_FIRST_GROUPS = frozenset([0x0002, 0x0004, 0x0008])
_DIRECTORY_SEQUENCE = 0x00041220
_MEDIA_SOP_CLASS = 0x00020002
_TRANSFER_SYNTAX = 0x00020010
_SOP_CLASS = 0x00080016
_PATIENT_ID = 0x00100020

_REFUSALS = {
    Kind.TRUNCATED: "truncated",
    Kind.UNREADABLE: "unreadable",
    Kind.TOO_DEEP: "nested-too-deep",
    Kind.TOO_MANY: "header-too-large",
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """The object is not loaded; `reason` is a code of the reasons table."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Framing:
    """Where the data set starts and how it is encoded. `syntax` is the label, or what the bytes show."""

    start: int
    syntax: str
    media_class: str
    prefixed: bool

    @property
    def deflated(self) -> bool:
        return self.syntax in DEFLATED


@dataclass(frozen=True, slots=True)
class _Encoding:
    implicit: bool
    little: bool


_ENCODINGS = {
    (implicit, little): _Encoding(implicit=implicit, little=little)
    for implicit in (True, False)
    for little in (True, False)
}
_LABELS = {IMPLICIT_LITTLE: _ENCODINGS[True, True], EXPLICIT_BIG: _ENCODINGS[False, False]}
_EXPLICIT = _ENCODINGS[False, True]
# What to call an encoding whose label is missing; big endian without VRs never had a name.
_SHOWN = {encoding: uid for uid, encoding in _LABELS.items()} | {
    _EXPLICIT: EXPLICIT_LITTLE,
    _ENCODINGS[True, False]: "",
}


def examine(
    size: int, rules: IdentityRules | None = None, limits: Limits | None = None
) -> Generator[Range, bytes, Header | Rejection]:
    """Decide about an object of `size` bytes.

    Yields ranges within [0, size) that never overlap, in the order in which the bytes are needed: the
    first is `limits.first_read`, or the whole of a smaller object; then the header grows; then at most
    one suffix shows the object's end. Fewer bytes than asked count as `truncated`. Returns the Header,
    or the Rejection with its reason, which does not hang on `limits.first_read`; raises nothing on any
    input.
    """
    rules, limits = rules or IdentityRules(), limits or Limits()
    try:
        return (yield from _examine(Ranged(size, limits), rules, limits))
    except Refused as refused:
        return Rejection(refused.reason)


def to_json(data: bytes, *, inflated: bool = False, limits: Limits | None = None) -> bytes:
    """Write the scrubbed DICOM JSON of a header: a whole object, or its bytes up to the pixels.

    `inflated` says that the data set of a deflated transfer syntax already is. Raises ValueError, whose
    message is a reason code, where `data` is no DICOM at all.
    """
    try:
        return _document(data, inflated=inflated, limits=limits or Limits()).json
    except Refused as refused:
        raise ValueError(refused.reason) from None


def metadata(header: Header) -> tuple[bytes, int]:
    """Write the scrubbed DICOM JSON of an examined header; and count the elements that were dropped."""
    written = _document(header.data, inflated=True, limits=Limits())
    return written.json, written.dropped


def _document(data: bytes, *, inflated: bool, limits: Limits) -> Document:
    source: Source = Complete(data)
    framing = drained(_open(source, limits))
    start = framing.start
    if framing.deflated and not inflated:
        stream = Inflated(source, start, limits)
        drained(_inflate(stream, limits))
        source, start = stream, 0
    encoding = drained(_encoding(source, start, framing.syntax))
    return document(_scanner(source, start, encoding, limits, len(source.data)))


def _inflate(source: Source, limits: Limits) -> Reading[None]:
    yield from source.ensure(limits.inflated)


def _scanner(source: Source, start: int, encoding: _Encoding, limits: Limits, size: int) -> Scanner:
    return Scanner(
        source.data,
        start,
        implicit=encoding.implicit,
        little=encoding.little,
        nesting=limits.nesting,
        elements=limits.elements,
        size=size,
    )


def _examine(source: Source, rules: IdentityRules, limits: Limits) -> Reading[Header]:
    framing = yield from _open(source, limits)
    if framing.media_class == MEDIA_DIRECTORY:
        raise Refused("not-an-image")
    if not framing.deflated:
        return (yield from _data_set(source, framing, framing.start, b"", rules, limits))
    stream = Inflated(source, framing.start, limits)
    try:
        return (yield from _data_set(stream, framing, 0, source.data[: framing.start], rules, limits))
    except Refused as refused:
        reason = refused.reason
    # A damaged stream says nothing of the data set, however far that could be read.
    yield from stream.finish()
    raise Refused(reason)


def _data_set(
    source: Source, framing: _Framing, start: int, prefix: bytes, rules: IdentityRules, limits: Limits
) -> Reading[Header]:
    # Of a stream it is not known yet, even if the first step comes to the end: that goes by what was read.
    size = source.size
    encoding = yield from _encoding(source, start, framing.syntax)
    top = TopLevel(encoding.little)
    scanner = _scanner(source, start, encoding, limits, size)
    last = yield from _walk(scanner, source, top, limits.header)
    if _DIRECTORY_SEQUENCE in top.seen:
        raise Refused("not-an-image")
    end = scanner.position
    if last.kind is Kind.STOP:
        pixels = Pixels(last.tag, (yield from _pixel_header(scanner, source, limits.header)), scanner)
        yield from whole(pixels, source, top, framing.syntax, limits)
    _judge(top, framing, rules, pixels=last.kind is Kind.STOP)
    syntax = framing.syntax or _SHOWN[encoding]
    return _header(top, framing, syntax, b"".join((prefix, memoryview(source.data)[:end])))


def _open(source: Source, limits: Limits) -> Reading[_Framing]:
    """Read preamble and file meta information (PS3.10 7.1): always explicit VR, little endian."""
    if not (yield from source.ensure(8)):
        raise Refused("not-dicom")
    yield from source.ensure(min(_PREAMBLE + 8, source.size))
    prefixed = source.data[128:_PREAMBLE] == b"DICM"
    if prefixed and source.data[:128].startswith(EXECUTABLE_PREAMBLES):
        raise Refused("executable-preamble")
    start = _PREAMBLE if prefixed else 0
    if not (yield from source.ensure(start + 8)):
        raise Refused("truncated")
    if not prefixed and _FIRST_GROUPS.isdisjoint(_first_group(source.data, start)):
        raise Refused("not-dicom")
    scanner = Scanner(
        source.data,
        start,
        implicit=looks_implicit(source.data, start),
        little=True,
        nesting=limits.nesting,
        elements=limits.elements,
        size=source.size,
        extent=Extent.FILE_META,
    )
    meta = TopLevel(little=True)
    yield from _walk(scanner, source, meta, limits.header)
    syntax = meta.text(_TRANSFER_SYNTAX)
    return _Framing(
        start=scanner.position,
        syntax=syntax if is_uid(syntax) else "",
        media_class=meta.text(_MEDIA_SOP_CLASS),
        prefixed=prefixed,
    )


def _first_group(data: bytes, start: int) -> tuple[int, int]:
    """The group number that stands there, as little and as big endian."""
    return data[start] | data[start + 1] << 8, data[start] << 8 | data[start + 1]


def _encoding(source: Source, start: int, syntax: str) -> Reading[_Encoding]:
    """Tell the encoding from the first element: labels are wrong often enough.

    The first group of a data set is small, so its bytes show their order; the next two show a VR.
    """
    if not (yield from source.ensure(start + 8)):
        raise Refused("truncated")
    label = _LABELS.get(syntax, _EXPLICIT)
    as_little, as_big = _first_group(source.data, start)
    little = label.little
    if min(as_little, as_big) <= 0xFF < max(as_little, as_big):
        little = as_little < as_big
    return _ENCODINGS[looks_implicit(source.data, start), little]


def _walk(scanner: Scanner, source: Source, top: TopLevel, cap: int) -> Reading[Event]:
    """Run the scanner to STOP or END, reading what it needs, and collect the top level."""
    while True:
        run = scanner.run()
        if scanner.depth == 0:
            top.take_plain(run, scanner.data)
        event = scanner.next()
        match event.kind:
            case Kind.NEED:
                yield from _supply(event, scanner, source, cap)
            case Kind.STOP | Kind.END:
                return event
            case Kind.TRUNCATED | Kind.UNREADABLE | Kind.TOO_DEEP | Kind.TOO_MANY:
                raise Refused(_REFUSALS[event.kind])
            case _ if scanner.depth == 0:
                top.take(event, scanner.data)


def _supply(need: Event, scanner: Scanner, source: Source, cap: int) -> Reading[None]:
    if need.start > cap:
        # A deflated object that ends before the cap is truncated, also where its end was not seen yet.
        if source.size == UNKNOWN:
            yield from source.ensure(cap + 1)
        if source.size > cap:
            raise Refused("header-too-large")
    if not (yield from source.ensure(need.start)):
        scanner.size = source.size
    scanner.data = source.data


def _pixel_header(scanner: Scanner, source: Source, cap: int) -> Reading[ElementHeader]:
    while isinstance(header := scanner.pixel_header(), Event):
        if header.kind is not Kind.NEED:
            raise Refused(_REFUSALS.get(header.kind, "unreadable"))
        yield from _supply(header, scanner, source, cap)
    return header


def _judge(top: TopLevel, framing: _Framing, rules: IdentityRules, *, pixels: bool) -> None:
    """Refuse by what a whole object says of itself."""
    if not framing.prefixed and top.seen.isdisjoint(IDENTITY_TAGS):
        raise Refused("not-dicom")
    if top.repeated:
        raise Refused("duplicate-tag")
    is_image = _sop_class(top, framing) in IMAGE_CLASSES
    if is_image and not pixels:
        raise Refused("truncated")
    if rules.quarantine_non_images and not is_image and not pixels:
        raise Refused("not-an-image")
    if not all(is_uid(top.text(tag)) for tag in IDENTITY_TAGS if tag != _PATIENT_ID):
        raise Refused("invalid-identity")
    if reason := refusal(top.text(_PATIENT_ID), rules):
        raise Refused(reason)


def _sop_class(top: TopLevel, framing: _Framing) -> str:
    uid = top.text(_SOP_CLASS) or framing.media_class
    return uid if is_uid(uid) else ""


def _header(top: TopLevel, framing: _Framing, syntax: str, data: bytes) -> Header:
    patient_id, study, series, sop = (
        top.text(tag) for tag in (_PATIENT_ID, 0x0020000D, 0x0020000E, 0x00080018)
    )
    modality = top.text(0x00080060)
    return Header(
        patient_id=patient_id,
        study_uid=study,
        series_uid=series,
        sop_uid=sop,
        sop_class=_sop_class(top, framing),
        transfer_syntax=syntax,
        modality=modality,
        type=IMAGE_TYPES.get(modality, "unknown"),
        attributes=top.attributes(),
        data=data,
    )
