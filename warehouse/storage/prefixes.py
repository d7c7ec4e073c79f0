"""What a folder's prefix is, and which folders stand directly under one: the same on every store."""

from __future__ import annotations

from collections.abc import Iterable


def check_folder_prefix(prefix: str) -> None:
    """Refuse a prefix that names no folder."""
    if prefix and not prefix.endswith("/"):
        raise ValueError("a folder's prefix is empty or ends in a slash")


def folder_names(keys: Iterable[str], prefix: str) -> list[str]:
    """The folders directly under `prefix` among sorted `keys`, in the order in which S3 gives them.

    That is the order of the names with their slash: `a-b/` before `a/`. A name that is empty
    (`prefix` followed by a slash) is no folder that a person could open, and is left out.
    """
    names: dict[str, None] = {}
    for key in keys:
        name, slash, _ = key[len(prefix) :].partition("/")
        if slash and name:
            names[name] = None
    return list(names)
