"""The engine's version: the one that setup.py gives the distribution."""

VERSION = "0.1.0"
