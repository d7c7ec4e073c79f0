"""A catalog of as many invented images as wanted, as a long series of loads would have left it.

    python benchmarks/synthetic.py FOLDER [--images 1000000]

A patient has a clinical file and four studies of ten series of ten images, one series in ten on X-ray film.
Rows come in commits of 5,000, as loads make them, with the length that real keys and UIDs have.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse.storage.catalog import OBJECTS
from warehouse.storage.delta import DeltaCatalog

COMMIT_ROWS = 5_000
IMAGES_OF_A_SERIES = 10
IMAGES_OF_A_STUDY = 100
IMAGES_OF_A_PATIENT = 400

_COMMON = """
    'raw-northfield' AS uploader, '2020-04-01' AS upload_date, 'loaded' AS outcome, [] AS flags,
    TIMESTAMPTZ '2020-06-01 12:00:00+00' + to_milliseconds(n) AS time, '20200601T120000Z-a1b2c3' AS run,
    n + 1 AS sequence, repeat('c', 16) AS configuration, 'split' AS rule,
    'Patient' || patient AS folder, 'PATIENT' || patient AS patient,
    CASE WHEN patient % 2 = 0 THEN 'training' ELSE 'validation' END AS "group" """

_CLINICAL = f"""
    SELECT 'raw-northfield/2020-04-01/data/Patient' || patient || '_data.json' AS key, md5(key) AS etag,
        2000 AS size, 'clinical' AS kind,
        "group" || '/data/' || folder || '/data_2020-04-01.json' AS target_key,
        etag AS target_etag, size AS target_size, 'Hospital ' || (p % 20) AS site, * EXCLUDE (n, p)
    FROM (SELECT n, p, {_COMMON} FROM (SELECT range AS n, range AS patient, range AS p FROM range(?, ?)))"""

_IMAGES = f"""
    SELECT 'raw-northfield/2020-04-01/images/' || SOPInstanceUID || '.dcm' AS key, md5(key) AS etag,
        512000 + n % 1000 AS size, 'image' AS kind,
        concat_ws('/', "group", type, folder, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID || '.dcm')
            AS target_key,
        etag AS target_etag, size AS target_size, * EXCLUDE (n)
    FROM (
        SELECT n, {_COMMON},
            '1.2.826.0.1.3680043.8.498.' || digits(n // {IMAGES_OF_A_STUDY}) AS StudyInstanceUID,
            '1.2.826.0.1.3680043.8.498.' || digits(-(n // {IMAGES_OF_A_SERIES})) AS SeriesInstanceUID,
            '1.2.826.0.1.3680043.8.498.' || digits('i' || n) AS SOPInstanceUID,
            CASE WHEN n // {IMAGES_OF_A_SERIES} % 10 = 0 THEN 'DX' ELSE 'CT' END AS Modality,
            CASE WHEN Modality = 'DX' THEN 'xray' ELSE 'ct' END AS type,
            '1.2.840.10008.5.1.4.1.1.2' AS SOPClassUID, '1.2.840.10008.1.2.1' AS TransferSyntaxUID,
            strftime(DATE '2020-03-01' + (n // {IMAGES_OF_A_STUDY} % 300)::INT, '%Y%m%d') AS StudyDate,
            StudyDate AS AcquisitionDate, ['F', 'M'][1 + patient_number % 2] AS PatientSex,
            lpad((patient_number % 90)::VARCHAR, 3, '0') || 'Y' AS PatientAge, 'CHEST' AS BodyPartExamined,
            512 AS "Rows", 512 AS "Columns", 12 AS BitsStored, 1.25 AS SliceThickness, 120.0 AS KVP,
            ['SIEMENS', 'GE MEDICAL SYSTEMS', 'Philips'][1 + patient_number % 3] AS Manufacturer,
            'MONOCHROME2' AS PhotometricInterpretation, '0.7\\0.7' AS PixelSpacing,
            n // {IMAGES_OF_A_SERIES} % 10 AS SeriesNumber, n % {IMAGES_OF_A_SERIES} AS InstanceNumber
        FROM (SELECT range AS n, range // {IMAGES_OF_A_PATIENT} AS patient, patient AS patient_number
            FROM range(?, ?))
    )"""


def fill(folder: Path, images: int) -> None:
    """Write the catalog of `images` images, a multiple of what a patient has, into a new folder."""
    catalog = DeltaCatalog(str(folder))
    for rows in _commits(images):
        catalog._commit("objects", rows)
    catalog.close()


def _commits(images: int) -> Iterator[pa.Table]:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE MACRO digits(x) AS left(md5_number_lower(x::VARCHAR)::VARCHAR, 18)")
    for select, count in ((_CLINICAL, -(-images // IMAGES_OF_A_PATIENT)), (_IMAGES, images)):
        for start in range(0, count, COMMIT_ROWS):
            parameters = [start, min(start + COMMIT_ROWS, count)]
            found = pa.table(connection.sql(select, params=parameters))
            yield pa.table(
                [
                    found[field.name].cast(field.type)
                    if field.name in found.column_names
                    else pa.nulls(found.num_rows, field.type)
                    for field in OBJECTS
                ],
                schema=OBJECTS,
            )


def main() -> None:
    """Fill a folder, as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=1_000_000)
    options = parser.parse_args()
    fill(options.folder, options.images)


if __name__ == "__main__":
    main()
