"""One record type per meaning, frozen. A row of the loader is one raw object on its way to one Outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from warehouse.config import Config

Group = Literal["training", "validation"]
GROUPS: tuple[Group, Group] = ("training", "validation")

ImageType = Literal["ct", "mri", "xray", "unknown"]
IMAGE_TYPES: tuple[ImageType, ...] = ("ct", "mri", "xray", "unknown")
Scalar = str | int | float | None


class Decided(StrEnum):
    """The five ends of a raw object. Accounting: listed = known + the sum of these."""

    LOADED = "loaded"
    PRESENT = "present"
    QUARANTINED = "quarantined"
    DEFERRED = "deferred"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One version of one object: size in bytes, time of last change (UTC, aware).

    `etag` tells versions of one key apart and nothing else; it never has surrounding quotes.
    `defect` marks a listed entry that is no plain object: a symbolic link, or a name that the store
    can list but not address. `archived` is true where the bytes must be restored before reading.
    """

    key: str
    size: int
    etag: str
    last_modified: datetime
    defect: Literal["link", "unaddressable"] | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """The group of a patient, claimed once and never changed.

    `patient` is the canonical identifier, `folder` the spelling that its keys use, `rule` what decided:
    `existing`, `site` or `split`. `site` is empty where no site was asked.
    """

    patient: str
    group: Group
    rule: Literal["existing", "site", "split"]
    site: str
    folder: str
    configuration: str
    run: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Deferral:
    """What an earlier run knew of an object that it deferred."""

    reason: str
    patient: str | None
    site: str | None
    configuration: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A listed object: `sequence` is its place in the run, `uploader` and `date` come from its key.

    `config` is what it is to be decided by: a row carries all that its decision needs. What an inventory only
    `suggested` may be another version by now: that one is decided then.
    """

    info: ObjectInfo
    config: Config = field(repr=False, compare=False)
    sequence: int
    uploader: str = ""
    date: str = ""
    earlier: Deferral | None = None
    suggested: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawClinical(Raw):
    """`<pseudonym>_data.json` (medical data) or `<pseudonym>_status.json` (status only)."""

    pseudonym: str
    status: Literal["data", "status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawImage(Raw):
    """`<stem>.dcm`; `file_name` keeps the suffix's case."""

    file_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOther(Raw):
    """What lies under a raw prefix and is neither: decided by its key alone."""

    decided: Decided
    reason: str


@dataclass(frozen=True, slots=True)
class Header:
    """A validated DICOM header. UIDs and `patient_id` are stripped and safe to build keys from.

    `data` holds the bytes up to the pixel data, inflated where the transfer syntax deflates, with
    `transfer_syntax` telling how to read them. `attributes` are the catalog's header columns.
    """

    patient_id: str
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    transfer_syntax: str
    modality: str
    type: ImageType
    attributes: Mapping[str, Scalar]
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReadImage:
    """An image whose header is read and whose patient is assigned.

    A `large` header has left its bytes behind: they are read again where the metadata is written.
    """

    raw: RawImage
    header: Header
    assignment: Assignment
    large: bool = False


@dataclass(frozen=True, slots=True)
class PutJson:
    """A metadata document to write, create-only; None stands for the bytes of a large header's."""

    key: str
    data: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the catalog keeps of an image's header; `dropped` counts elements that no JSON could hold."""

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    transfer_syntax: str
    modality: str
    type: ImageType
    attributes: Mapping[str, Scalar]
    dropped: int = 0

    @classmethod
    def of(cls, header: Header, dropped: int = 0) -> ImageFacts:
        """The facts of a header, without its bytes."""
        return cls(
            study_uid=header.study_uid,
            series_uid=header.series_uid,
            sop_uid=header.sop_uid,
            sop_class=header.sop_class,
            transfer_syntax=header.transfer_syntax,
            modality=header.modality,
            type=header.type,
            attributes=header.attributes,
            dropped=dropped,
        )


@dataclass(frozen=True, slots=True)
class Copy:
    """A decided raw object that waits for its bytes to be copied, and its metadata (if any) written.

    Rows of one `lane` are copied one at a time, in input order: they share a target or a SOP instance.
    """

    raw: RawClinical | RawImage
    target: str
    assignment: Assignment
    site: str | None = None
    metadata: PutJson | None = None
    image: ImageFacts | None = None
    lane: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The one end of a raw object. Every outcome but `loaded` has a reason (`present`: what holds it).

    `target` is the copy where there is one.
    """

    raw: Raw
    decided: Decided
    reason: str | None = None
    flags: tuple[str, ...] = ()
    target: ObjectInfo | None = None
    patient: str | None = None
    site: str | None = None
    assignment: Assignment | None = None
    image: ImageFacts | None = None


# DICOM attributes that the catalog keeps as columns, beside the identity (PS3.6 names; PS3.3 C.7, C.8).
ATTRIBUTE_COLUMNS: Mapping[str, type[str] | type[int] | type[float]] = {
    "StudyDate": str,
    "AcquisitionDate": str,
    "PatientSex": str,
    "PatientAge": str,
    "BodyPartExamined": str,
    "ViewPosition": str,
    "ImageType": str,
    "Rows": int,
    "Columns": int,
    "NumberOfFrames": int,
    "BitsStored": int,
    "PhotometricInterpretation": str,
    "PixelSpacing": str,
    "SliceThickness": float,
    "ConvolutionKernel": str,
    "KVP": float,
    "Manufacturer": str,
    "ManufacturerModelName": str,
    "SeriesNumber": int,
    "InstanceNumber": int,
}
