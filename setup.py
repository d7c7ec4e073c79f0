"""What is installed: two packages, two commands, nothing else.

With WAREHOUSE_COMPILE=1 the header reader is translated to C and compiled; its source is the same.
"""

import os
from pathlib import Path
from typing import Any

from setuptools import find_packages, setup

README = Path(__file__).with_name("README.md")
COMPILED = (
    *("dicom", "dicom_attributes", "dicom_json", "dicom_pixels", "dicom_runs", "dicom_scan"),
    *("dicom_source", "dicom_text", "dicom_top", "dicom_values"),
)


def compiled() -> dict[str, Any]:
    """What the compiler needs to know, where it is asked for. It is a requirement of the build alone."""
    if not os.environ.get("WAREHOUSE_COMPILE"):
        return {}
    try:
        from mypyc.build import mypycify
    except ImportError:
        # The build is only being asked what it requires: also the types of what the modules import.
        return {"setup_requires": ["mypy>=1.15,<3", "orjson>=3.10,<4", "pydicom>=3.0.2,<4"]}
    paths = [f"warehouse/domain/{name}.py" for name in COMPILED]
    return {"ext_modules": mypycify(["--ignore-missing-imports", "--follow-imports=silent", *paths])}


setup(
    name="imaging-warehouse",
    version="0.1.0",
    description="Turns a raw drop of DICOM and clinical files into a research data set",
    long_description=README.read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["bonobo", "bonobo.*", "warehouse", "warehouse.*"]),
    package_data={
        "bonobo": ["py.typed", "spark_log4j2.properties"],
        "warehouse": ["py.typed"],
        "warehouse.cloud": ["warehouse.yaml"],
        "warehouse.report": ["page.html", "page.css", "page.js"],
    },
    install_requires=[
        "boto3>=1.40,<2",
        "click>=8.1,<9",
        "deltalake>=1.4,<2",
        "duckdb>=1.5,<3",
        "fsspec>=2024.6,<2027",
        "graphviz>=0.20,<1",
        "obstore>=0.8,<0.13",
        "orjson>=3.10,<4",
        "pyarrow>=19,<27",
        "pydantic>=2.10,<3",
        "pydicom>=3.0.2,<4",
        "pyyaml>=6.0,<7",
        "rich>=13.9,<16",
    ],
    extras_require={
        "test": [
            "cfn-lint>=1.30,<2",
            "hypothesis>=6.120,<7",
            "moto[server]>=5.1,<6",
            "mypy>=1.15,<3",
            "playwright>=1.50,<2",
            "pyspark>=4.0,<5",
            "pytest>=8.3,<10",
            "pytest-timeout>=2.3,<3",
            "pytest-xdist>=3.6,<4",
        ],
        "fuzz": [
            "atheris>=3.0,<4",
        ],
        "spark": [
            "pyspark>=4.0,<5",
        ],
        "lint": [
            "boto3-stubs>=1.40,<2",
            "mypy>=1.15,<3",
            "ruff>=0.11,<1",
            "types-pyyaml>=6.0,<7",
        ],
    },
    **compiled(),
    entry_points={
        "console_scripts": [
            "bonobo = bonobo.cli:main",
            "warehouse = warehouse.__main__:main",
        ]
    },
)
