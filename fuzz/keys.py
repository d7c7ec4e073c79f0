"""Fuzzes the parser and builder of keys with atheris: `python fuzz/keys.py -runs=100000`."""

from target import fuzz

if __name__ == "__main__":
    fuzz("keys")
