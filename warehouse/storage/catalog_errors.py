"""Errors of the catalog's libraries (delta-rs, obstore, Arrow, DuckDB, SQLite) become StoreErrors here.

delta-rs and Arrow have few exception classes, so what went wrong is read from the words of the message;
the message itself is not passed on, since it may quote a path or a value.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

import duckdb
import pyarrow as pa
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from obstore.exceptions import BaseError

from warehouse.errors import Forbidden, StoreError, StoreFault, StoreUnavailable, WarehouseError

OPERATION = "catalog"

# What a fault that does not pass is to be mended by.
ANEW = "if it stays so, `warehouse catalog rebuild --replace` makes the catalog anew"

FOREIGN: tuple[type[Exception], ...] = (
    DeltaError,
    BaseError,
    pa.ArrowException,
    duckdb.Error,
    sqlite3.Error,
    OSError,
)

# What must be allowed, where whoever was refused does not know of what folder.
NEEDED = "the catalog's tables must be readable, and the temporary directory writable"

# The first that is found in the message wins. S3's codes: Amazon S3 API, "Error responses".
MESSAGES: tuple[tuple[re.Pattern[str], type[StoreError], str], ...] = (
    (
        re.compile(r"NoSuchBucket|\bBucket\b.{0,40}\bnot found\b", re.I | re.S),
        StoreUnavailable,
        "the bucket does not exist",
    ),
    (
        re.compile(r"ExpiredToken|TokenRefreshRequired|RequestExpired"),
        Forbidden,
        "the credentials have expired",
    ),
    (
        re.compile(r"InvalidAccessKeyId|SignatureDoesNotMatch|RequestTimeTooSkewed"),
        Forbidden,
        "the credentials were refused",
    ),
    (
        re.compile(r"AccessDenied|\b40[13] (?:Forbidden|Unauthorized)|Permission denied|os error 1(?:3)?\b|"
                   r"Read-only file system|os error 30\b|"
                   r"don't have the (?:necessary|required) permissions|ACCESS_DENIED", re.I),
        Forbidden,
        NEEDED,
    ),
    (
        re.compile(r"No space left|os error 28\b|disk is full|Out of Memory Error", re.I),
        StoreFault,
        "no room is left, on the disk or in the temporary directory",
    ),
    (
        re.compile(r"No such file or directory|NoSuchKey|RESOURCE_NOT_FOUND|Parquet magic bytes|corrupted"),
        StoreFault,
        f"a file of the table is gone or damaged: {ANEW}",
    ),
)  # fmt: skip

CLASSES: tuple[tuple[type[Exception], type[StoreError], str], ...] = (
    (CommitFailedError, StoreFault, "other loaders kept committing first: run again"),
    (TableNotFoundError, StoreFault, "the table cannot be made where it should stand"),
    (DeltaError, StoreFault, f"the table cannot be read or written: {ANEW}"),
    (BaseError, StoreFault, "the table cannot be read or written"),
    (pa.ArrowException, StoreFault, f"the table holds what cannot be read: {ANEW}"),
    (duckdb.Error, StoreFault, "the query engine gave up"),
    (sqlite3.Error, StoreFault, "the temporary index cannot be used"),
    (OSError, StoreFault, "a file cannot be read or written"),
)


@contextmanager
def translated(needed: str = NEEDED) -> Generator[None]:
    """Raise what a library of the catalog raises as a StoreError with operation `catalog`.

    `needed` says what must be allowed, for who was refused it.
    """
    try:
        yield
    except WarehouseError:
        raise
    except FOREIGN as error:
        raise translate(error, needed) from None
    except Exception as error:
        # delta-rs raises the bare class for what has no class of its own, such as a failed cast.
        if type(error) is Exception:
            raise translate(error, needed) from None
        raise


def translate(error: Exception, needed: str = NEEDED) -> StoreError:
    """The error of our tree that stands for a foreign one."""
    text, name = str(error), type(error).__name__
    for pattern, kind, sentence in MESSAGES:
        if pattern.search(text):
            return kind(OPERATION, cause=f"{needed if sentence is NEEDED else sentence}; {name}")
    for raised, kind, sentence in CLASSES:
        if isinstance(error, raised):
            return kind(OPERATION, cause=f"{sentence}; {name}")
    return StoreFault(OPERATION, cause=f"the table cannot be read or written; {name}")
