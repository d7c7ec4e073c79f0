"""What the DICOM standard fixes, as tables. No code decides here; each table names its clause."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.uid import UID_dictionary  # type: ignore[attr-defined]

from warehouse.domain.records import ImageType

UNDEFINED_LENGTH = 0xFFFFFFFF

# PS3.5 7.5: items and delimiters carry no VR in any encoding.
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD

# PS3.5 7.1.2: VRs whose explicit length takes two reserved bytes and four bytes, and all others.
LONG_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
SHORT_VRS = frozenset(
    ["AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS"]  # noqa: RUF005
    + ["LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"]
)
VR_NAMES: Mapping[bytes, str] = {name.encode(): name for name in LONG_VRS | SHORT_VRS}

# PS3.3 C.7.6.3 and C.7.6.24: Float, Double Float and plain Pixel Data.
PIXEL_TAGS = frozenset([0x7FE00008, 0x7FE00009, 0x7FE00010])

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"

# PS3.5 A.5, A.7, A.10: the whole data set is a deflate stream.
DEFLATED = frozenset([DEFLATED_LITTLE, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"])

# Syntaxes whose pixels are a plain array, so that Rows x Columns ... says how many bytes there must be.
NATIVE = frozenset([IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED_LITTLE])

# PS3.3 C.7.6.3.1.2: samples kept per pixel where chrominance is subsampled, as a fraction.
SUBSAMPLED: Mapping[str, tuple[int, int]] = {
    "YBR_FULL_422": (2, 1),
    "YBR_PARTIAL_422": (2, 1),
    "YBR_PARTIAL_420": (3, 2),
}

CHARACTER_SET = 0x00080005
PIXEL_REPRESENTATION = 0x00280103
BITS_ALLOCATED = 0x00280100
LUT_DESCRIPTOR = 0x00283002
LUT_DATA = 0x00283006
VOI_LUT = 0x00283010
# PS3.3 C.11.1.1.1: the first number of a descriptor counts entries, so it is never negative, even where
# the VR says SS.
DESCRIPTORS = frozenset([0x00281101, 0x00281102, 0x00281103, LUT_DESCRIPTOR])
OVERLAYS = frozenset(group << 16 | 0x3000 for group in range(0x6000, 0x601F, 2))
WAVEFORMS = frozenset([0x54000110, 0x54000112, 0x5400100A, 0x54001010])

# What the values of other elements depend on, or what depends on others, or is left out.
IN_CONTEXT = DESCRIPTORS | {CHARACTER_SET, PIXEL_REPRESENTATION, BITS_ALLOCATED, LUT_DATA, VOI_LUT}

MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"  # PS3.4 B.5 does not store it: PS3.10 8, DICOMDIR

# PS3.4 B.5: classes whose IOD holds pixels (PS3.3 A.1.4). Those without "Image" in their name are listed.
IMAGE_CLASSES = frozenset(
    uid for uid, (name, kind, *_) in UID_dictionary.items() if kind == "SOP Class" and "Image Storage" in name
) | {
    "1.2.840.10008.5.1.4.1.1.6.2",  # Enhanced US Volume
    "1.2.840.10008.5.1.4.1.1.30",  # Parametric Map
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation
}

# PS3.3 C.7.3.1.1.1: Modality -> the warehouse's folder; anything else is `unknown`.
IMAGE_TYPES: Mapping[str, ImageType] = {"CT": "ct", "MR": "mri", "DX": "xray", "CR": "xray"}

# PS3.10 7.1 leaves the preamble to others; these make the file run as a program (CVE-2019-11687).
EXECUTABLE_PREAMBLES = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xca\xfe\xba\xbf",
    b"\xbe\xba\xfe\xca",
    b"\xbf\xba\xfe\xca",
)
