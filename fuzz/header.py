"""Fuzzes the header reader with atheris: `python fuzz/header.py -runs=100000`."""

from target import fuzz

if __name__ == "__main__":
    fuzz("header")
