"""What is read of an object, and who is told before it gets large."""

from __future__ import annotations

import random
import zlib
from threading import Semaphore

import pytest
from dicom_samples import EXPLICIT, data_set, element, meta, pixels, preamble

from warehouse.domain.dicom_source import WHOLE, Limits
from warehouse.domain.records import Header
from warehouse.pipeline.reading import ANYBODY, LARGE_HEADER, permitted_header, read_stored_header
from warehouse.storage.memory import MemoryStore

DEFLATED = "1.2.840.10008.1.2.1.99"


def deflated(data, before=None):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return (before or preamble() + meta(DEFLATED)) + packed + bytes(len(packed) % 2)


def told(data):
    store, calls = MemoryStore(), []
    store.put("x.dcm", data)
    verdict = read_stored_header(store, store.head("x.dcm"), ANYBODY, lambda: calls.append(store))
    assert isinstance(verdict, Header), verdict
    return len(calls)


def test_a_small_header_is_not_large():
    assert told(preamble() + meta(EXPLICIT) + data_set() + pixels(200)) == 0


def test_a_header_that_is_read_on_and_on_is():
    long = element(0x00089215, "OB", bytes(LARGE_HEADER))
    assert told(preamble() + meta(EXPLICIT) + data_set({}, extra=long) + pixels(200)) == 1


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_what_is_deflated_may_become_any_size(size):
    data = deflated(data_set(extra=element(0x00089215, "OB", bytes(size))) + pixels(200))
    assert len(data) < 20_000
    assert told(data) == 1


@pytest.mark.parametrize("before", [2, 10, 20])
def test_where_the_name_of_the_syntax_lies_between_two_reads(before):
    first_read, noise = Limits().first_read, random.Random(7).randbytes(90_000)
    start, syntax = preamble(), element(0x00020010, "UI", DEFLATED.encode())
    length = first_read - before - 8 - len(start) - 8
    start += element(0x00020003, "UI", b"1" * length) + syntax
    assert start.index(DEFLATED.encode()) == first_read - before
    data = deflated(data_set(extra=element(0x00089215, "OB", noise)) + pixels(200), start)
    assert len(data) > WHOLE * first_read
    assert told(data) == 1


@pytest.mark.parametrize(("size", "left"), [(10, True), (LARGE_HEADER, False)])
def test_a_large_header_has_a_permit_for_as_long_as_it_is_held(size, left):
    store, permits = MemoryStore(), Semaphore(1)
    extra = element(0x00089215, "OB", bytes(size))
    store.put("x.dcm", preamble() + meta(EXPLICIT) + data_set({}, extra=extra) + pixels(200))
    with permitted_header(store, store.head("x.dcm"), ANYBODY, permits) as header:
        assert isinstance(header, Header)
        assert permits.acquire(blocking=False) is left
        if left:
            permits.release()
    assert permits.acquire(blocking=False)
