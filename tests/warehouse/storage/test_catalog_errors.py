"""Every error of the catalog's libraries is mapped, and no message of theirs is passed on."""

from __future__ import annotations

import sqlite3

import deltalake.exceptions
import duckdb
import obstore.exceptions
import pyarrow as pa
import pytest
from deltalake.exceptions import CommitFailedError

from warehouse.errors import AlreadyExists, Forbidden, StoreError, StoreFault, StoreUnavailable
from warehouse.storage.catalog_errors import translate, translated

CLASSES = [
    *(error for error in vars(deltalake.exceptions).values() if isinstance(error, type)),
    *(error for error in vars(obstore.exceptions).values() if isinstance(error, type)),
    *(
        error
        for error in vars(pa.lib).values()
        if isinstance(error, type) and issubclass(error, pa.ArrowException)
    ),
    *(
        error
        for error in vars(duckdb).values()
        if isinstance(error, type) and issubclass(error, duckdb.Error)
    ),
    *(
        error
        for error in vars(sqlite3).values()
        if isinstance(error, type) and issubclass(error, sqlite3.Error)
    ),
    OSError,
    FileNotFoundError,
    Exception,
]


@pytest.mark.parametrize(
    "kind", sorted({error for error in CLASSES if issubclass(error, Exception)}, key=str)
)
def test_every_class_becomes_a_store_error_without_the_message(kind):
    with pytest.raises(StoreError) as caught, translated():
        raise kind("raw-a/2020-01-01/data/PRIVATE_data.json")
    assert caught.value.operation == "catalog"
    assert kind.__name__ in str(caught.value)
    assert "PRIVATE" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("404 Not Found <Error><Code>NoSuchBucket</Code>", StoreUnavailable),
        ("403 Forbidden <Error><Code>ExpiredToken</Code>", Forbidden),
        ("Server returned non-2xx status code: 403 Forbidden: ", Forbidden),
        ("AWS Error ACCESS_DENIED during HeadObject operation", Forbidden),
        ("Permission denied (os error 13)", Forbidden),
        ("Operation not permitted (os error 1)", Forbidden),
        ("Read-only file system (os error 30)", Forbidden),
        ("No such file or directory (os error 2)", StoreFault),
        ("Is a directory (os error 17)", StoreFault),
        ("No space left on device (os error 28)", StoreFault),
        ("503 Service Unavailable: 40300 bytes", StoreFault),
    ],
)
def test_the_words_tell_the_kind(message, expected):
    assert type(translate(OSError(message))) is expected


def test_who_is_refused_is_told_what_is_needed():
    needed = "reading under training/catalog/ must be allowed"
    with pytest.raises(Forbidden, match=needed), translated(needed):
        raise OSError("Permission denied (os error 13)")
    with pytest.raises(StoreFault) as caught, translated(needed):
        raise OSError("No space left on device (os error 28)")
    assert needed not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        deltalake.exceptions.DeltaError("Invalid JSON in log record"),
        pa.ArrowInvalid("Unexpected end of stream"),
        duckdb.InvalidInputException("Could not open input source 'x': No such file or directory"),
        duckdb.InvalidInputException("Parquet magic bytes not found in footer"),
        FileNotFoundError("AWS Error NO_SUCH_KEY: NoSuchKey"),
    ],
)
def test_what_may_be_damage_names_its_remedy(error):
    assert "`warehouse catalog rebuild --replace`" in str(translate(error))


def test_what_is_no_damage_names_no_such_remedy():
    for error in (CommitFailedError("x"), OSError("Permission denied (os error 13)"), sqlite3.Error("x")):
        assert "rebuild" not in str(translate(error))


@pytest.mark.parametrize(
    "error", [AlreadyExists("create"), ValueError("ours"), KeyError("ours"), KeyboardInterrupt()]
)
def test_what_is_not_foreign_passes(error):
    with pytest.raises(type(error)) as caught, translated():
        raise error
    assert caught.value is error
