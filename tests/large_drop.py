"""A drop of many small images, with what makes order matter strewn in: a drop that pays to be spread."""

from __future__ import annotations

import json
from pathlib import Path

from hard_drop import CONFIGURATION, clinical, image

PATIENTS = 250
SERIES = 20
"""Images of one patient: 5,000 in all."""


def write(root: Path, patients: int = PATIENTS, images: int = SERIES) -> int:
    """Write the drop into a folder; gives how many images it has."""
    count = 0
    sites = ("Split", "Train", "Valid", "Elsewhere")
    put(root / "config.json", json.dumps(CONFIGURATION).encode())
    for number in range(patients):
        patient = f"P{number:05}"
        if number % 50:
            name = f"raw-a/2020-01-01/data/{patient}_data.json"
            put(root / name, clinical(patient, sites[number % len(sites)]))
        for index in range(images):
            prefix = "raw-a" if index % 2 else "raw-b"
            name, study = f"{patient}-{index}", str(index % 3)
            data = image(patient, study, name, modality="DX" if number % 4 == 1 else "CT")
            if number % 40 == 7 and index == images - 1:
                # Its study belongs to the patient before.
                data = image(patient, study, name, StudyInstanceUID=_study_of(f"P{number - 1:05}"))
            elif number % 30 == 3 and index == images - 1:
                # The instance of the image before, with other bytes, in another place.
                data = image(patient, str((index - 1) % 3), f"{patient}-{index - 1}", pixels=b"\4\3\2\1")
            elif number % 30 == 4 and index == images - 1:
                # The place of the image before, with another instance.
                data = image(patient, study, name)
                put(root / f"raw-b/2020-02-0{1 + index % 7}/images/{name}.dcm", data)
                count += 1
                data = image(patient, study, f"{name}-again")
            put(root / f"{prefix}/2020-01-0{1 + index % 7}/images/{name}.dcm", data)
            count += 1
    return count


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _study_of(patient: str) -> str:
    return f"1.2.{int.from_bytes(patient.encode()[:8])}.0"
