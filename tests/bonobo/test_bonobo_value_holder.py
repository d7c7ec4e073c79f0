"""A ValueHolder does what its value does, and `+=` changes what it holds."""

import copy
import operator
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonobo.util import ValueHolder

BINARY = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.lshift,
    operator.rshift,
    operator.and_,
    operator.or_,
    operator.xor,
    divmod,
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]
IN_PLACE = [
    (operator.iadd, operator.add),
    (operator.isub, operator.sub),
    (operator.imul, operator.mul),
    (operator.itruediv, operator.truediv),
    (operator.ifloordiv, operator.floordiv),
    (operator.imod, operator.mod),
    (operator.ipow, operator.pow),
    (operator.ilshift, operator.lshift),
    (operator.irshift, operator.rshift),
    (operator.iand, operator.and_),
    (operator.ior, operator.or_),
    (operator.ixor, operator.xor),
]
NUMBERS = st.integers(1, 50)


@pytest.mark.parametrize("apply", BINARY)
@given(a=NUMBERS, b=NUMBERS)
def test_operators_on_either_side(apply, a, b):
    expected = apply(a, b)
    for left, right in [(ValueHolder(a), b), (a, ValueHolder(b)), (ValueHolder(a), ValueHolder(b))]:
        result = apply(left, right)
        assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(("in_place", "apply"), IN_PLACE)
@given(a=NUMBERS, b=NUMBERS)
def test_operators_in_place_change_what_is_held(in_place, apply, a, b):
    holder = ValueHolder(a)
    assert in_place(holder, b) is holder
    assert holder.get() == holder.value == apply(a, b)


@pytest.mark.parametrize("apply", [operator.neg, operator.pos, operator.abs, operator.invert])
def test_operators_of_one(apply):
    assert apply(ValueHolder(-3)) == apply(-3)


def test_matrices():
    class Matrix(str):
        def __matmul__(self, other):
            return f"{self}@{other}"

    holder = ValueHolder(Matrix("m"))
    assert holder @ "n" == "m@n"
    assert Matrix("n") @ ValueHolder("m") == "n@'m'"
    assert ValueHolder("m").__rmatmul__(Matrix("n")) == "n@m"
    holder @= "n"
    assert holder.get() == "m@n"


def test_containers():
    holder = ValueHolder({"a": 1})
    holder["b"] = 2
    del holder["a"]
    assert (len(holder), list(holder), "b" in holder, holder["b"]) == (1, ["b"], True, 2)
    assert list(ValueHolder([1, 2])) == [1, 2]


def test_truth_and_looks_are_those_of_the_value():
    assert (bool(ValueHolder(0)), bool(ValueHolder([0]))) == (False, True)
    assert (repr(ValueHolder("x")), str(ValueHolder(3))) == ("'x'", "3")


def test_attributes_are_those_of_the_value():
    holder = ValueHolder([])
    holder.append(1)
    assert holder == [1]
    with pytest.raises(AttributeError, match="'list' object has no attribute 'nothing'"):
        _ = holder.nothing


def test_set_holds_another_value():
    holder = ValueHolder(1)
    holder.set("x")
    assert holder.get() == "x"
    with pytest.raises(AttributeError):
        holder.value = 3


def test_it_is_not_hashed():
    with pytest.raises(TypeError, match="unhashable"):
        hash(ValueHolder(1))


def test_copies_hold_the_value():
    holder = ValueHolder([1])
    assert copy.copy(holder).get() is holder.get()
    for clone in (copy.deepcopy(holder), pickle.loads(pickle.dumps(holder))):
        assert isinstance(clone, ValueHolder)
        assert (clone.get(), clone.get() is holder.get()) == ([1], False)
