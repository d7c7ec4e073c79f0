"""Named rows: tuples first; names of any kind, spelled as attributes; they survive pickling and copying."""

import copy
import pickle
from collections import namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonobo.rows import TYPES_KEPT, NamedRow, cast, extended, fields_of, row_type

# One string is drawn twice as often from what is hard: keywords, methods, what looks alike as an attribute.
HARD = [
    "class",
    "get",
    "_fields",
    "count",
    "a b",
    "a-b",
    "a_b",
    "",
    "_",
    "self",
    "1",
    "é",
    "x\n",
    "__class__",
]
FIELDS = st.lists(st.one_of(st.sampled_from(HARD), st.text(max_size=8)), unique=True, max_size=12)

Person = row_type(["first name", "age"])


@given(FIELDS)
def test_every_field_is_reached_by_each_way(fields):
    kind = row_type(fields)
    row = kind(*range(len(fields)))
    assert row == tuple(range(len(fields)))
    assert row._asdict() == {field: row.get(field) for field in fields}
    assert [getattr(row, attribute) for attribute in kind._attrs] == list(row)
    assert all(attribute.isidentifier() for attribute in kind._attrs)
    assert kind._make(row) == kind(**dict(zip(kind._attrs, row, strict=True))) == row


@given(FIELDS, st.data())
def test_rows_survive_pickling_and_copying(fields, data):
    row = row_type(fields, "Bag")(*data.draw(st.tuples(*(st.integers() for _ in fields))))
    for clone in (pickle.loads(pickle.dumps(row)), copy.copy(row), copy.deepcopy(row)):
        assert (clone, type(clone)) == (row, type(row))


@given(FIELDS, st.integers(0, 4))
def test_what_is_put_behind_a_row_has_names_of_its_own(fields, count):
    row = extended(row_type(fields)(*range(len(fields))), tuple(range(count)))
    assert len(row) == len(set(row._fields)) == len(fields) + count
    assert row._fields[: len(fields)] == tuple(fields)


@pytest.mark.parametrize(
    ("field", "attribute"),
    [
        ("name", "name"),
        ("First Name", "first_name"),
        ("FirstName", "FirstName"),
        ("prénom nom", "prenom_nom"),
        ("2019", "_2019"),
        ("class", "_class"),
        ("__class__", "_class_"),
        ("a__b", "a_b"),
        ("x-", "x0"),
        ("é", "é0"),
        ("count", "count0"),
        ("_fields", "_fields0"),
        ("self", "self0"),
        ("-", "_0"),
        ("", "_0"),
        ("_a b", "_a_b"),
        ("O'Brien", "o_brien"),
    ],
)
def test_fields_are_spelled_as_attributes(field, attribute):
    assert row_type([field])._attrs == (attribute,)


def test_fields_that_are_spelled_alike_are_numbered():
    assert row_type(["a b", "a-b", "a_b"])._attrs == ("a_b", "a_b0", "a_b1")


def test_a_row_is_a_tuple():
    row = Person("Ada", 36)
    assert isinstance(row, tuple)
    assert row == ("Ada", 36)
    assert hash(row) == hash(("Ada", 36))
    assert [*row] == ["Ada", 36]
    assert repr(row) == "Bag(first_name='Ada', age=36)"
    assert row[:1].__class__ is tuple


def test_a_row_is_as_long_as_its_type():
    for make in (lambda: Person("Ada"), lambda: Person("Ada", 1, 2), lambda: Person._make(["Ada"])):
        with pytest.raises(TypeError, match="Bag has 2 fields; got"):
            make()
    with pytest.raises(TypeError, match="no field left named 'first_name'"):
        Person("Ada", first_name="Grace")


def test_keywords_may_come_in_any_order():
    assert Person(age=36, first_name="Ada") == Person("Ada", age=36) == ("Ada", 36)


def test_any_name_may_be_a_keyword():
    assert row_type(["cls", "values", "named"])(values=2, cls=1, named=3) == (1, 2, 3)
    assert row_type(["self", "a"])(1, 2)._replace(self=3) == (3, 2)


def test_types_of_many_fields_are_made_in_time(in_time):
    count = 50_000
    wide = in_time(row_type, map(str, range(count)))
    assert len(in_time(extended, wide._make(range(count)), tuple(range(count)))) == 2 * count
    alike = in_time(row_type, ["-" * length + "+" for length in range(3_000)])
    assert len(set(alike._attrs)) == 3_000


def test_replace_goes_by_field():
    assert Person("Ada", 36)._replace(**{"first name": "Grace"}) == ("Grace", 36)
    with pytest.raises(ValueError, match="no fields of Bag: 'first_name'"):
        Person("Ada", 36)._replace(first_name="Grace")


def test_a_field_that_is_not_there_has_the_default():
    assert (Person("Ada", 36).get("first_name"), Person("Ada", 36).get("x", 3)) == (None, 3)


def test_values_cannot_be_set():
    with pytest.raises(AttributeError):
        Person("Ada", 36).age = 37
    with pytest.raises(AttributeError):
        Person("Ada", 36).other = 37


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("ab",), TypeError, "several strings"),
        ((["a", "b", "a"],), ValueError, "there twice: 'a'"),
        ((["a", 1, "1"],), ValueError, "there twice: '1'"),
        ((["a"], "two words"), ValueError, "an identifier"),
        ((["a"], "class"), ValueError, "an identifier"),
    ],
)
def test_types_that_cannot_be(arguments, error, message):
    with pytest.raises(error, match=message):
        row_type(*arguments)


def test_equal_fields_share_a_type_while_it_is_remembered():
    kind = row_type(["shared"])
    assert row_type(iter(["shared"])) is kind
    assert row_type(["shared"], "Other") is not kind
    old = kind(1)
    for number in range(TYPES_KEPT + 1):
        row_type([f"f{number}"])
    assert row_type(["shared"]) is not kind
    assert pickle.loads(pickle.dumps(old)) == old


class TestCast:
    def test_gives_the_type(self):
        assert type(cast((1, 2), Person)) is Person
        assert type(cast(row_type(["a", "b"])(1, 2), Person)) is Person

    def test_leaves_what_is_right(self):
        row = Person("Ada", 36)
        assert cast(row, Person) is cast(row, None) is cast(row, tuple) is row

    def test_minds_no_length(self):
        row = cast(("Ada",), Person)
        assert (row.get("age", "?"), row._asdict(), repr(row)) == (
            "?",
            {"first name": "Ada"},
            "Bag(first_name='Ada')",
        )
        assert pickle.loads(pickle.dumps(row)) == row
        assert len(cast((1, 2, 3), Person)) == 3


class TestExtended:
    def test_plain_rows_stay_plain(self):
        assert extended((1,), (2, 3)).__class__ is tuple

    def test_names_stay(self):
        row = extended(namedtuple("Pair", "a b")(1, 2), (3,))
        assert (row, row._fields, type(row).__name__) == ((1, 2, 3), ("a", "b", "0"), "Inherited")
        assert extended(row, (4,))._fields == ("a", "b", "0", "1")


def test_fields_of_types():
    assert fields_of(Person) == ("first name", "age")
    assert fields_of(namedtuple("Pair", "a b")) == ("a", "b")
    assert fields_of(tuple) is fields_of(None) is None
    assert issubclass(Person, NamedRow)
