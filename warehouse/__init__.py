"""The warehouse: a raw drop of DICOM and clinical files becomes a research data set."""

__version__ = "0.1.0"
