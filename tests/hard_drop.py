"""A small drop in which everything happens, and the places where it can be loaded.

It stands on an earlier load, so that some objects are known, one is uploaded again, and one has waited.
"""

from __future__ import annotations

import io
import itertools
import json
import shutil
from functools import cache

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from support import load
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.folder import FolderStore
from warehouse.storage.memory import MemoryStore
from warehouse.storage.retry import RetryPolicy
from warehouse.storage.s3 import S3Store

SITES = {"split": ["Split"], "training": ["Train"], "validation": ["Valid"]}
CONFIGURATION = {"raw_prefixes": ["raw-a", "raw-b"], "training_percentage": 50, "sites": SITES}
SIZE = 60


@cache
def image(patient, study="1", name="x", *, modality="CT", pixels=b"\0\1\2\3", **changes):
    """A whole image of one small slice; `changes` are header values by keyword."""
    number = int.from_bytes(patient.strip().upper().encode()[:8])
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage if modality == "CT" else DigitalXRayImageStorageForPresentation
    dataset.Modality, dataset.PatientID = modality, patient
    dataset.StudyInstanceUID = f"1.2.{number}.{study}"
    dataset.SeriesInstanceUID = f"{dataset.StudyInstanceUID}.1"
    dataset.SOPInstanceUID = f"{dataset.SeriesInstanceUID}.{int.from_bytes(name.encode()[:8])}"
    dataset.Rows = dataset.Columns = 2
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = pixels
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def clinical(patient, site="Train", **fields):
    """The bytes of a clinical file; a site of None leaves it out."""
    record = {"Pseudonym": patient, "SubmittingCentre": site, **fields}
    return json.dumps({name: value for name, value in record.items() if value is not None}).encode()


def earlier():
    """What was loaded before the drop came."""
    return {
        "config.json": json.dumps(CONFIGURATION).encode(),
        "raw-a/2020-01-01/data/K1_data.json": clinical("K1"),
        "raw-a/2020-01-01/images/k1.dcm": image("K1", name="k1"),
        "raw-a/2020-01-01/images/again.dcm": b"an upload that was cut short",
        "raw-a/2020-01-01/images/waited.dcm": image("A1", name="waited"),
    }


def drop():
    """The drop itself: the raw objects that come after the earlier load."""
    objects = {
        # Uploaded again, whole this time: a new version of a key that was quarantined.
        "raw-a/2020-01-01/images/again.dcm": image("K1", name="again"),
        **_patients(),
        **_clinical_files(),
        **_images(),
    }
    assert len(objects) == SIZE, len(objects)
    return objects


def _patients():
    objects = {}
    for patient, site in (
        ("A1", "Train"),
        ("A2", "Valid"),
        ("A3", "Split"),
        ("A4", "Split"),
        ("A5", "Split"),
    ):
        objects[f"raw-a/2020-02-01/data/{patient}_data.json"] = clinical(patient, site, Age=40)
        for number in range(3):
            name = f"{patient}-{number}"
            modality = "DX" if number == 2 else "CT"
            data = image(patient, str(number // 2), name, modality=modality)
            objects[f"raw-a/2020-02-01/images/{name}.dcm"] = data
    for patient, site in (("B1", "Valid"), ("B2", "Train"), ("B3", "Split")):
        objects[f"raw-b/2020-02-02/data/{patient}_status.json"] = clinical(patient, site)
        objects[f"raw-b/2020-02-02/images/{patient}.dcm"] = image(patient, name=patient)
    return objects


def _clinical_files():
    day, later = "raw-b/2020-03-01/data", "raw-b/2020-04-01/data"
    return {
        f"{later}/a3_data.json": clinical("a3", "Valid"),  # another spelling, another site: stays where it is
        f"{later}/A4_data.json": clinical("A4", None),  # no site, and none is needed any more
        f"{day}/C1_data.json": clinical("C1", None),  # settled by its later file
        f"{later}/C1_data.json": clinical("C1", "Valid"),
        f"{day}/W1_data.json": clinical("W1", "Nowhere"),  # waits for the configuration
        f"{day}/W2_data.json": clinical("W2", None),
        f"{day}/Q1_data.json": b"{",
        f"{day}/Q2_data.json": clinical("Somebody"),
        f"{day}/unknown_data.json": clinical("unknown"),
        f"{day}/Q3.json": clinical("Q3"),
        # The copy of the same day from another uploader, the same and not the same.
        "raw-b/2020-02-01/data/A1_data.json": clinical("A1", "Train", Age=40),
        "raw-b/2020-02-01/data/A2_data.json": clinical("A2", "Valid", Age=41),
    }


def _images():
    day = "raw-b/2020-03-01/images"
    good = image("A1", "1", "A1-2", modality="DX")
    return {
        f"{day}/waits-1.dcm": image("W1"),
        f"{day}/waits-2.dcm": image("W1", name="y"),
        f"{day}/stranger.dcm": image("Nobody"),
        f"{day}/spelt.dcm": image(" a3 ", name="spelt"),
        f"{day}/late.dcm": image("C1", name="late"),
        f"{day}/empty.dcm": b"",
        f"{day}/page.dcm": b"<html></html>",
        f"{day}/cut.dcm": good[:-3],
        f"{day}/header.dcm": good[: len(good) // 2],
        f"{day}/program.dcm": b"MZ" + good[2:],
        f"{day}/outside.dcm": image("../../x"),
        f"{day}/nobody.dcm": image("anonymous"),
        f"{day}/same-instance.dcm": image("A2", "0", "A2-0"),
        f"{day}/other-instance.dcm": image("A2", "0", "A2-1", pixels=b"\3\2\1\0"),
        f"{day}/A5-0.dcm": image("A5", "0", "A5-0", pixels=b"\3\2\1\0"),  # another object at one key
        f"{day}/A5-1.dcm": image("A5", "0", "A5-1"),  # the same object at one key
        f"{day}/A4-0.DCM": image("A4", "0", "other"),  # the metadata of two images at one key
        f"{day}/thief.dcm": image("A1", StudyInstanceUID="1.2.16690.0", name="thief"),
        f"{day}/nested/x.dcm": image("A1", name="nested"),
        f"{day}/notes.txt": b"by hand",
        "raw-b/2020-02-31/images/never.dcm": image("A1", name="never"),
    }


class MemoryPlace:
    """The drop in memory; each copy is a store and a catalog of their own."""

    def __init__(self):
        self._store, self._catalog = MemoryStore(), MemoryCatalog()
        _prepare(self._store, self._catalog, self._store.put)

    def copy(self):
        """A new warehouse into which the drop has come, and how it is opened, time and again."""
        store, catalog = MemoryStore(), MemoryCatalog()
        store._objects.update(self._store._objects)
        for name, commits in self._catalog._commits.items():
            catalog._commits[name].extend(commits)
        for group, published in self._catalog._sets.items():
            catalog._sets[group]._tables.update(published._tables)
        return lambda: (store, catalog)


class FolderPlace:
    """The drop in a folder; each copy is a folder with the same times of change."""

    def __init__(self, root):
        self._root = root
        self._copies = itertools.count()
        template = root / "template"
        template.mkdir()
        _prepare(*warehouse_in(template), lambda key, data: _write(template / key, data))

    def copy(self):
        """A new warehouse into which the drop has come, and how it is opened, time and again."""
        folder = self.copy_folder()
        return lambda: warehouse_in(folder)

    def copy_folder(self):
        """The same, as a folder."""
        folder = self._root / str(next(self._copies))
        shutil.copytree(self._root / "template", folder)
        return folder


class S3Place:
    """The drop in a bucket; each copy is a bucket."""

    def __init__(self, server):
        self._server = server
        self._template = server.new_bucket()
        _prepare(
            *self.open(self._template),
            lambda key, data: server.upload(self._template, [(key, data)]),
        )

    def copy(self):
        """A new warehouse into which the drop has come, and how it is opened, time and again."""
        bucket = self.copy_bucket()
        return lambda: self.open(bucket)

    def copy_bucket(self):
        """The same, as the name of a bucket."""
        return self._server.copy_bucket(self._template)

    def open(self, bucket):
        """The store and the catalog of a bucket."""
        server = self._server
        store = S3Store(
            bucket,
            session=server.session(),
            endpoint_url=server.endpoint,
            copy_mode="header",
            retry=RetryPolicy(attempts=4, seconds=20.0, base=0.001, cap=0.01),
        )
        options = {
            "AWS_ACCESS_KEY_ID": "test-access-key",
            "AWS_SECRET_ACCESS_KEY": "test-secret-key",
            "AWS_REGION": "eu-west-2",
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ALLOW_HTTP": "true",
        }
        return store, DeltaCatalog(f"s3://{bucket}", lambda: options)


def _prepare(store, catalog, upload):
    for key, data in earlier().items():
        upload(key, data)
    assert load(store, catalog).code == 0
    for key, data in drop().items():
        upload(key, data)
    store.close()


def warehouse_in(root):
    """The store and the catalog of a folder."""
    return FolderStore(root), DeltaCatalog(str(root))


def _write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
