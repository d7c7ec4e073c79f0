"""What a row holds: text and bytes at any depth, by a sample where there is much of it."""

import array
from collections import namedtuple
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonobo.sizes import SAMPLE, size_of


@dataclass(frozen=True, slots=True)
class Slotted:
    name: str
    body: bytes
    parent: object = None


@dataclass
class Empty:
    pass


Pair = namedtuple("Pair", "left right")


class Text(str):
    pass


class Broken:
    @property
    def nbytes(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("row", "size"),
    [
        ((), 0),
        ((None, 1, 1.5, True, 1j, object()), 0),
        ((b"abc", "de"), 5),
        ((bytearray(7), memoryview(b"abcd")), 11),
        ((Text("four"),), 4),
        ((array.array("d", [1, 2]), memoryview(array.array("d", [1, 2]))), 16),
        ((Slotted("ab", b"cde", Slotted("f", b"")),), 6),
        ((Empty(),), 0),
        ((Slotted, "a", Slotted), 1),
        (([b"ab", (b"cd", {"e": b"fg"})],), 7),
        (({b"ab"}, frozenset({"c"})), 3),
        ((Pair(b"abc", [Pair("d", 1)]),), 4),
        ((Broken(),), 0),
        (([b"abc"] * 100_000,), 300_000),
        (({str(number).zfill(5): b"x" * 5 for number in range(1000)},), 10_000),
    ],
)
def test_size(row, size):
    assert size_of(row) == size


def test_what_holds_itself_has_a_size():
    loop = [b"abc"]
    loop.append(loop)
    assert 3 <= size_of((loop,)) < 100


def test_an_attribute_that_is_not_there_counts_nothing():
    broken = Slotted.__new__(Slotted)
    assert size_of((broken,)) == 0


@given(st.lists(st.binary(max_size=20) | st.text(max_size=20) | st.integers(), max_size=SAMPLE))
def test_a_container_counts_what_its_items_do(items):
    exact = sum(len(item) for item in items if not isinstance(item, int))
    assert size_of(tuple(items)) == size_of((items,)) == size_of(((tuple(items),),)) == exact
