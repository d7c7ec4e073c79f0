"""ValueHolder: a value that is changed in place, whatever its type; operators are those of the value."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

_Binary = Callable[[Any, Any], Any]
_Unary = Callable[[Any], Any]


def _binary(apply: _Binary) -> _Binary:
    return lambda self, other: apply(self.get(), other)


def _unary(apply: _Unary) -> _Unary:
    return lambda self: apply(self.get())


def _arithmetic(apply: _Binary, in_place: _Binary) -> tuple[_Binary, _Binary, _Binary]:
    """Give an operator, the same from the right, and the one that changes what is held."""

    def change(self: Any, other: Any) -> Any:
        self.set(in_place(self.get(), other))
        return self

    return _binary(apply), lambda self, other: apply(other, self.get()), change


class ValueHolder:
    """Hold a value, so that a node and its context processor see what the other makes of it.

    It compares, computes, iterates and shows itself as the value does; `+=` and the like change what is held.
    Attributes it does not have are those of the value. It cannot be hashed. It takes no lock: a node that
    holds state works on one row at a time.

    >>> from bonobo.util.objects import ValueHolder
    >>> counter = ValueHolder(0)
    >>> counter += 2
    >>> counter, counter * 2, counter.get(), counter > 1
    (2, 4, 2, True)
    >>> names = ValueHolder([])
    >>> names.append("Ada")
    >>> names[0], len(names)
    ('Ada', 1)
    """

    def __init__(self, value: Any) -> None:
        self._value = value

    @property
    def value(self) -> Any:
        """What is held."""
        return self._value

    def get(self) -> Any:
        """Give what is held."""
        return self._value

    def set(self, new_value: Any) -> None:
        """Hold another value."""
        self._value = new_value

    def __getattr__(self, name: str) -> Any:
        # A copy in the making has no value yet.
        if name == "_value":
            raise AttributeError(name)
        return getattr(self._value, name)

    def __repr__(self) -> str:
        return repr(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._value)

    def __contains__(self, item: object) -> bool:
        return item in self._value

    def __getitem__(self, key: Any) -> Any:
        return self._value[key]

    def __setitem__(self, key: Any, item: Any) -> None:
        self._value[key] = item

    def __delitem__(self, key: Any) -> None:
        del self._value[key]

    def __eq__(self, other: object) -> Any:
        return self._value == other

    def __ne__(self, other: object) -> Any:
        return self._value != other

    __lt__ = _binary(operator.lt)
    __le__ = _binary(operator.le)
    __gt__ = _binary(operator.gt)
    __ge__ = _binary(operator.ge)

    __neg__ = _unary(operator.neg)
    __pos__ = _unary(operator.pos)
    __abs__ = _unary(operator.abs)
    __invert__ = _unary(operator.invert)

    __add__, __radd__, __iadd__ = _arithmetic(operator.add, operator.iadd)
    __sub__, __rsub__, __isub__ = _arithmetic(operator.sub, operator.isub)
    __mul__, __rmul__, __imul__ = _arithmetic(operator.mul, operator.imul)
    __matmul__, __rmatmul__, __imatmul__ = _arithmetic(operator.matmul, operator.imatmul)
    __truediv__, __rtruediv__, __itruediv__ = _arithmetic(operator.truediv, operator.itruediv)
    __floordiv__, __rfloordiv__, __ifloordiv__ = _arithmetic(operator.floordiv, operator.ifloordiv)
    __mod__, __rmod__, __imod__ = _arithmetic(operator.mod, operator.imod)
    __pow__, __rpow__, __ipow__ = _arithmetic(operator.pow, operator.ipow)
    __lshift__, __rlshift__, __ilshift__ = _arithmetic(operator.lshift, operator.ilshift)
    __rshift__, __rrshift__, __irshift__ = _arithmetic(operator.rshift, operator.irshift)
    __and__, __rand__, __iand__ = _arithmetic(operator.and_, operator.iand)
    __xor__, __rxor__, __ixor__ = _arithmetic(operator.xor, operator.ixor)
    __or__, __ror__, __ior__ = _arithmetic(operator.or_, operator.ior)

    __divmod__ = _binary(divmod)

    def __rdivmod__(self, other: Any) -> Any:
        return divmod(other, self._value)
