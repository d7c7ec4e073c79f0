"""Fuzzes the reader of clinical files with atheris: `python fuzz/clinical.py -runs=100000`."""

from target import fuzz

if __name__ == "__main__":
    fuzz("clinical")
