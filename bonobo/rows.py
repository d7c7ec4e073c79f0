"""Named rows: tuples whose places have names, any strings at all. Equal to the plain tuple of their values.

A type is made of its fields and remembered, so that rows of equal fields share one.
"""

from __future__ import annotations

import functools
import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, ClassVar

from bonobo.constants import Row

TYPES_KEPT = 512
"""How many row types are remembered; a graph whose rows change their fields makes them anew."""


class NamedRow(tuple[Any, ...]):
    """A row with named fields; `row_type` makes the subclass for some fields.

    Fields are read by `get`, or as attributes under the names in `_attrs`: a field that could be no
    attribute is there in another spelling. Equality, hash and order are those of the tuple.

    >>> Person = row_type(["name", "year of birth"])
    >>> ada = Person("Ada", 1815)
    >>> ada
    Bag(name='Ada', year_of_birth=1815)
    >>> ada.get("year of birth"), ada.year_of_birth, ada == ("Ada", 1815)
    (1815, 1815, True)
    """

    __slots__ = ()
    _fields: ClassVar[tuple[str, ...]] = ()
    _attrs: ClassVar[tuple[str, ...]] = ()
    _places: ClassVar[Mapping[str, int]] = {}

    def __new__(cls, /, *values: Any, **named: Any) -> NamedRow:
        """Make a row of values by place, or by attribute. Raises TypeError for too few, too many, unknown."""
        if not named:
            return cls._make(values)
        left = dict.fromkeys(cls._attrs[len(values) :])
        unknown = [name for name in named if name not in left]
        if unknown:
            raise TypeError(f"{cls.__name__} has no field left named {', '.join(map(repr, unknown))}")
        rest = (named[name] for name in left if name in named)
        return cls._make((*values, *rest))

    @classmethod
    def _make(cls, values: Iterable[Any]) -> NamedRow:
        """Make a row of as many values as there are fields. Raises TypeError."""
        row = tuple.__new__(cls, values)
        if len(row) != len(cls._fields):
            raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields; got {len(row)} values")
        return row

    def get(self, field: str, default: Any = None) -> Any:
        """Give the value of a field, `default` where the row has none.

        >>> row_type(["a"])(1).get("b", 0)
        0
        """
        index = self._places.get(field, len(self))
        return self[index] if index < len(self) else default

    def _asdict(self) -> dict[str, Any]:
        """Give the values by field, in order."""
        return dict(zip(self._fields, self, strict=False))

    def _replace(self, /, **changes: Any) -> NamedRow:
        """Give a row with other values in some fields. Raises ValueError for what is no field."""
        unknown = [field for field in changes if field not in self._places]
        if unknown:
            raise ValueError(f"no fields of {type(self).__name__}: {', '.join(map(repr, unknown))}")
        return self._make({**self._asdict(), **changes}.values())

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in zip(self._attrs, self, strict=False))
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Callable[..., Row], tuple[Any, ...]]:
        # By its fields: a type that is made at run time is not found by name in another process.
        return _rebuilt, (type(self).__name__, self._fields, tuple(self))


def row_type(fields: Iterable[str], name: str = "Bag") -> type[NamedRow]:
    """Give the type of rows with these fields, the same for the same fields and name.

    Raises TypeError for a single string, ValueError for a field that is there twice, or a `name` that is no
    identifier.

    >>> row_type(["a", "b"])(1, 2)._asdict()
    {'a': 1, 'b': 2}
    """
    if isinstance(fields, str):
        raise TypeError("fields must be several strings, not one")
    return _row_type(tuple(map(str, fields)), name)


def fields_of(kind: type[tuple[Any, ...]] | None) -> tuple[str, ...] | None:
    """Give the fields of a type of rows, be it of `row_type` or `collections.namedtuple`; None without."""
    fields = getattr(kind, "_fields", None)
    return fields if isinstance(fields, tuple) else None


def cast(row: Row, kind: type[tuple[Any, ...]] | None) -> Row:
    """Give a row as one of `kind`; as it is where that is None. The number of values is nobody's concern.

    >>> cast((1, 2), row_type(["a", "b"]))
    Bag(a=1, b=2)
    """
    return row if kind is None or isinstance(row, kind) else tuple.__new__(kind, row)


def extended(row: Row, values: Row) -> Row:
    """Give a row with values behind its own; where it has names, theirs are numbers that are free.

    >>> extended(row_type(["a"])(1), (2, 3))
    Inherited(a=1, _0=2, _1=3)
    """
    fields = fields_of(type(row))
    if fields is None:
        return (*row, *values)
    return tuple.__new__(_extended(fields, len(values)), (*row, *values))


@functools.lru_cache(maxsize=TYPES_KEPT)
def _extended(fields: tuple[str, ...], count: int) -> type[NamedRow]:
    numbers = map(str, range(len(fields) + count))
    taken = frozenset(fields)
    free = [number for number in numbers if number not in taken]
    return _row_type((*fields, *free[:count]), "Inherited")


@functools.lru_cache(maxsize=TYPES_KEPT)
def _row_type(fields: tuple[str, ...], name: str) -> type[NamedRow]:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"a type of rows cannot be named {name!r}; it must be an identifier")
    twice = [field for field, count in Counter(fields).items() if count > 1]
    if twice:
        raise ValueError(f"fields that are there twice: {', '.join(map(repr, twice))}")
    attributes = _attributes(fields)
    places = {field: index for index, field in enumerate(fields)}
    members: dict[str, Any] = {
        attribute: property(itemgetter(places[field]), doc=f"The field {field!r}.")
        for attribute, field in zip(attributes, fields, strict=True)
    }
    members |= {"__slots__": (), "_fields": fields, "_attrs": attributes, "_places": places}
    return type(name, (NamedRow,), members)


def _rebuilt(name: str, fields: tuple[str, ...], values: Row) -> Row:
    return tuple.__new__(_row_type(fields, name), values)


_TAKEN = frozenset(dir(NamedRow)) | {"_", "_cls", "_self", "self", "tuple"}


def _attributes(fields: Iterable[str]) -> tuple[str, ...]:
    """Spell fields so that each can be an attribute, and none hides another, nor a method."""
    taken = set(_TAKEN)
    # For each spelling the first number that may be free; those below are taken.
    numbers: dict[str, int] = {}
    attributes = []
    for field in fields:
        spelled = re.sub("__+", "_", _spelled(field))
        # A field that ends in what no attribute holds is numbered from the first: `x-` gives `x0`.
        ends_well = re.fullmatch("[A-Za-z0-9_]", field[-1:]) or not field
        attribute, number = spelled if ends_well else f"{spelled}0", numbers.get(spelled, 0)
        while attribute in taken:
            attribute, number = f"{spelled}{number}", number + 1
        taken.add(attribute)
        numbers[spelled] = number
        attributes.append(attribute)
    return tuple(attributes)


def _spelled(field: str) -> str:
    if keyword.iskeyword(field):
        return f"_{field}"
    if field.isidentifier():
        return field
    ascii_only = unicodedata.normalize("NFKD", field).encode("ascii", "ignore").decode("ascii")
    words = re.sub("[^a-z0-9_]+", "-", ascii_only.lower()).strip("-").replace("-", "_")
    return words if words.isidentifier() else f"_{words}"
