"""Bytes of config.json -> Config, validated once: every problem is reported, and nothing is guessed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, ValidationError

from warehouse.domain import strict_json
from warehouse.errors import ConfigurationError

Treatment = Literal["split", "training", "validation"]
TREATMENTS: tuple[Treatment, ...] = ("split", "training", "validation")

DEFAULT_PATIENT_ID_PATTERN = r"[A-Za-z0-9._ -]{1,64}"
DEFAULT_PLACEHOLDER_IDS = ("ANON", "ANONYMOUS", "UNKNOWN", "TEST")

_RAW_PREFIX = re.compile(r"raw-[A-Za-z0-9._+=,@ -]{1,200}")


@dataclass(frozen=True, slots=True)
class Config:
    """What the owner of the bucket decided.

    `raw_prefixes` end in a slash and stand in byte order; `sites` maps a submitting centre, spelled exactly,
    to its treatment; `training_percentage` lies in 0–100; `placeholder_ids` are canonical. `hash` names
    this configuration: equal for equal meaning, whatever the file's layout.
    """

    raw_prefixes: tuple[str, ...]
    training_percentage: Decimal | None
    sites: Mapping[str, Treatment] = field(repr=False)
    patient_id_pattern: re.Pattern[str]
    placeholder_ids: frozenset[str] = field(repr=False)
    quarantine_non_images: bool
    hash: str
    document: str = field(repr=False)
    warnings: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash(self.hash)


_EXPECTED = {
    "raw_prefixes": "a list of at least one text",
    "training_percentage": "a number",
    "sites": "an object of lists of texts",
    "patient_id_pattern": "a text",
    "placeholder_ids": "a list of texts",
    "quarantine_non_images": "true or false",
}


class _Document(BaseModel):
    """The file as it is written; its types, before its meaning."""

    model_config = ConfigDict(extra="allow", strict=True)

    raw_prefixes: Annotated[list[StrictStr], Field(min_length=1)]
    training_percentage: StrictInt | StrictFloat | None = None
    sites: dict[StrictStr, list[StrictStr]] = Field(default_factory=dict)
    patient_id_pattern: StrictStr = DEFAULT_PATIENT_ID_PATTERN
    placeholder_ids: list[StrictStr] = Field(default_factory=lambda: list(DEFAULT_PLACEHOLDER_IDS))
    quarantine_non_images: bool = False


def parse(data: bytes) -> Config:
    """Read config.json. Raises ConfigurationError with every problem that was found."""
    document = _document(data)
    problems = [*_prefix_problems(document.raw_prefixes), *_site_problems(document)]
    pattern, pattern_problem = _pattern(document.patient_id_pattern)
    problems += [pattern_problem] if pattern_problem else []
    if problems:
        raise ConfigurationError(problems)
    percentage = _percentage(document.training_percentage)
    prefixes = sorted((prefix.removesuffix("/") + "/" for prefix in document.raw_prefixes), key=str.encode)
    placeholders = sorted({text.strip().upper() for text in document.placeholder_ids})
    meaning = {
        "raw_prefixes": prefixes,
        "training_percentage": None if percentage is None else f"{percentage.normalize():f}",
        "sites": {name: sorted(document.sites.get(name, ())) for name in TREATMENTS},
        "patient_id_pattern": document.patient_id_pattern,
        "placeholder_ids": placeholders,
        "quarantine_non_images": document.quarantine_non_images,
    }
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=False)
    return Config(
        raw_prefixes=tuple(prefixes),
        training_percentage=percentage,
        sites={site: name for name in TREATMENTS for site in document.sites.get(name, ())},
        patient_id_pattern=pattern,
        placeholder_ids=frozenset(placeholders),
        quarantine_non_images=document.quarantine_non_images,
        hash=hashlib.sha256(text.encode()).hexdigest()[:16],
        document=text,
        warnings=tuple(_warnings(document)),
    )


def changed(config: Config, *, training_percentage: float | None = None, sites: object = None) -> Config:
    """The configuration that another percentage, or other `sites` as they stand in config.json, would make.

    What is None stays as it is. Raises ConfigurationError.
    """
    document = json.loads(config.document)
    percentage = document["training_percentage"] if training_percentage is None else training_percentage
    document["training_percentage"] = None if percentage is None else float(percentage)
    if sites is not None:
        document["sites"] = sites
    try:
        return parse(json.dumps(document).encode())
    except ConfigurationError as error:
        raise ConfigurationError([f"with these changes, {problem}" for problem in error.problems]) from None


def prefix_warnings(config: Config, folders: Iterable[str]) -> list[str]:
    """Warnings about raw prefixes and the folders at the bucket's root: each without the other."""
    standing = {f"{folder}/" for folder in folders if folder.startswith("raw-")}
    return [
        *(
            f"config.json: {prefix} stands in the bucket and is not in raw_prefixes; it is not loaded"
            for prefix in sorted(standing - set(config.raw_prefixes))
        ),
        *(
            f"config.json: the raw prefix {prefix} holds nothing"
            for prefix in config.raw_prefixes
            if prefix not in standing
        ),
    ]


def _warnings(document: _Document) -> Iterator[str]:
    for key in sorted(document.model_extra or ()):
        yield f"config.json: the key {key!r} means nothing here"
    percentage = document.training_percentage
    if percentage is not None and not 0 <= percentage <= 100:
        yield "config.json: training_percentage lies outside 0 to 100 and is clamped"
    if percentage is not None and 0 < percentage < 1:
        yield "config.json: training_percentage is less than one in a hundred; it is no share of one"
    if not any(document.sites.values()):
        yield "config.json: sites lists nobody: every clinical file will wait"


def _document(data: bytes) -> _Document:
    try:
        content = strict_json.loads(data)
    except ValueError as error:
        raise ConfigurationError([f"config.json is not usable JSON: {error}"]) from None
    if not isinstance(content, dict):
        raise ConfigurationError(["config.json is not a JSON object"])
    try:
        json.dumps(content, ensure_ascii=False).encode()
        return _Document.model_validate(content)
    except UnicodeEncodeError:
        raise ConfigurationError(["config.json holds half of a surrogate pair, which is no text"]) from None
    except ValidationError as error:
        wrong = dict.fromkeys(str(problem["loc"][0]) for problem in error.errors())
        raise ConfigurationError(
            [f"config.json: {key} must be {_EXPECTED.get(key, 'something else')}" for key in wrong]
        ) from None


def _prefix_problems(prefixes: list[str]) -> list[str]:
    problems = []
    seen: set[str] = set()
    for prefix in prefixes:
        name = prefix.removesuffix("/")
        if not _RAW_PREFIX.fullmatch(name):
            problems.append(f"config.json: raw_prefixes: {prefix!r} is not of the form raw-<uploader>/")
        elif name in seen:
            problems.append(f"config.json: raw_prefixes: {prefix!r} is listed twice")
        seen.add(name)
    return problems


def _site_problems(document: _Document) -> list[str]:
    problems = [
        f"config.json: sites: {name!r} is no group; they are {', '.join(TREATMENTS)}"
        for name in document.sites
        if name not in TREATMENTS
    ]
    seen: set[str] = set()
    for site in (site for sites in document.sites.values() for site in sites):
        if site in seen:
            problems.append(f"config.json: sites: {site!r} is listed twice")
        seen.add(site)
    if document.sites.get("split") and document.training_percentage is None:
        problems.append("config.json: sites.split is not empty, but there is no training_percentage")
    return problems


def _pattern(text: str) -> tuple[re.Pattern[str], str | None]:
    try:
        return re.compile(text), None
    except (re.error, OverflowError, RecursionError) as error:
        return re.compile(""), f"config.json: patient_id_pattern: not a usable expression ({error})"


def _percentage(value: float | None) -> Decimal | None:
    return None if value is None else min(max(Decimal(str(value)), Decimal(0)), Decimal(100))
