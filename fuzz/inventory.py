"""Fuzzes what reads an inventory with atheris: `python fuzz/inventory.py -runs=100000`."""

from target import fuzz

if __name__ == "__main__":
    fuzz("inventory")
