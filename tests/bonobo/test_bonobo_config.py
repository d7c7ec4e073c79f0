"""Configurables: options are checked when they are set, inherited, overridden, and named where they miss."""

import copy
import pickle

import pytest

from bonobo import Graph, parallel
from bonobo.config import (
    Configurable,
    ContextProcessor,
    Method,
    Option,
    RenamedOption,
    Service,
    options_of,
    transformation_factory,
)
from bonobo.config.configurables import PartiallyConfigured
from bonobo.errors import GraphError
from bonobo.plan import make_plan
from bonobo.testing import run_node


class Node(Configurable):
    """Has one option of each kind."""

    a = Option(int, positional=True)
    b = Option(str, positional=True, required=False, __doc__="The second.")
    c = Option(default="c")
    d = Option(list, default=list)
    e = Option(int)

    def __call__(self, *row):
        return self.a, self.b, self.c, self.d, self.e, *row


class Applied(Configurable):
    function = Method()
    offset = Option(int, default=0)

    def __call__(self, x):
        return self.function(x) + self.offset


class TestOptions:
    def test_values_come_by_place_and_by_keyword(self):
        node = Node("1", 2, e="3")
        assert (node.a, node.b, node.c, node.d, node.e) == (1, "2", "c", [], 3)
        assert node("row") == (1, "2", "c", [], 3, "row")

    def test_a_default_that_is_called_is_called_for_each_instance(self):
        one, other = Node(1, e=1), Node(1, e=1)
        one.d.append("x")
        assert (one.d, other.d) == (["x"], [])

    def test_a_default_is_taken_as_it_stands(self):
        class Defaults(Configurable):
            number = Option(int, default="7")

        assert Defaults().number == "7"
        assert Defaults(number="7").number == 7

    def test_a_value_that_is_set_later_is_converted(self):
        node = Node(1, e=1)
        node.a = "5"
        assert node.a == 5

    @pytest.mark.parametrize("make", [lambda: Node("x", e=1), lambda: setattr(Node(1, e=1), "a", "x")])
    def test_a_value_that_its_type_refuses_is_refused(self, make):
        with pytest.raises(ValueError, match="invalid literal"):
            make()

    def test_of_the_class_an_option_is_itself(self):
        assert Node.a is options_of(Node)["a"]
        assert repr(Node.a) == "<Option a (required)>"
        assert Node.b.__doc__ == "The second."
        assert list(options_of(Node(1, e=1))) == ["a", "b", "c", "d", "e"]

    def test_a_default_makes_an_option_optional(self):
        assert [Option().required, Option(required=False).required, Option(default=1).required] == [
            True,
            False,
            False,
        ]

    def test_a_former_name_reads_and_sets_the_option(self):
        class Table(Configurable):
            fields = Option(tuple, required=False)
            headers = RenamedOption("fields")

        table = Table(headers=["a"])
        assert table.fields == table.headers == ("a",)
        assert Table.headers.target == "fields"

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Node(1, e=1, z=2, f=3), "Node has no options 'z', 'f'; it has: 'a', 'b', 'c', 'd', 'e'"),
            (lambda: Node(1, z=2), "Node has no option 'z'"),
            (lambda: Node(1, 2, 3, e=1), "Node takes 2 options by position; got 3"),
            (lambda: Node(1, a=1, e=1), "Node was given option 'a' twice"),
            (lambda: Node(1, _final=True), "Node misses option 'e'"),
            (lambda: Applied(3), "the option 'function' must be callable; got int"),
        ],
    )
    def test_what_cannot_be_is_a_type_error_that_names_it(self, make, message):
        with pytest.raises(TypeError, match=message):
            make()

    def test_without_options_none_is_taken(self):
        class Bare(Configurable):
            def __call__(self):
                return "called"

        assert Bare()() == "called"
        with pytest.raises(TypeError, match="no option 'a'; it has: none"):
            Bare(a=1)

    @pytest.mark.parametrize(
        "clone", [copy.copy, copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))]
    )
    def test_nodes_can_be_copied_and_pickled(self, clone):
        assert clone(Node(1, e=2))() == Node(1, e=2)()

    def test_values_are_not_in_a_repr(self):
        assert "secret" not in repr(Node("1", "secret", e=1))
        assert repr(Node(1, "secret")) == "<Node, which misses option 'e'>"


class TestSubclasses:
    def test_inherit_and_add_options(self):
        class More(Node):
            f = Option(int, positional=True)

            def __call__(self):
                return self.a, self.b, self.f

        assert More(1, "b", "3", e=0)() == (1, "b", 3)

    def test_define_options_anew(self):
        class Other(Node):
            e = Option(str, default="optional")

        assert Other(1).e == "optional"
        assert isinstance(Node(1), PartiallyConfigured)

    def test_give_an_option_a_plain_value(self):
        class Fixed(Node):
            a = 9

        assert Fixed("b", e=1)() == (9, "b", "c", [], 1)
        assert Fixed(e=1, a="7").a == 7
        assert Fixed.a == 9

    def test_the_first_of_several_bases_wins(self):
        class Left(Configurable):
            x = Option(default="left")

        class Right(Configurable):
            x = Option(default="right")

        class Both(Left, Right): ...

        assert Both().x == "left"

    def test_may_have_a_constructor(self):
        class Counting(Node):
            def __init__(self, *args, **options):
                super().__init__(*args, **options)
                self.count = self.a + 1

        assert Counting(1, e=2).count == 2


class TestMethods:
    def test_a_method_is_called_with_the_node_first(self):
        assert Applied(lambda self, x: x * self.offset, offset=3)(2) == 9

    def test_a_subclass_defines_it(self):
        class Doubled(Applied):
            def function(self, x):
                return 2 * x + self.offset

        assert Doubled(offset=1)(5) == 12
        with pytest.raises(TypeError, match="no option 'function'"):
            Doubled(function=lambda self, x: x)

    def test_the_class_is_a_decorator(self):
        @Applied
        def squared(self, x):
            return x * x

        @Applied(offset=1)
        def shifted(self, x):
            return x

        assert isinstance(squared, Applied)
        assert isinstance(shifted, Applied)
        assert run_node(squared, 3).rows == [(9,)]

    def test_a_partial_is_a_decorator(self):
        class Scaled(Applied):
            factor = Option(int)

        @Scaled(factor=3)
        def threefold(self, x):
            return self.factor * x

        assert threefold(2) == 6

    def test_two_methods_are_given_in_turn(self):
        class Two(Configurable):
            first = Method()
            second = Method()

            def __call__(self, x):
                return self.first(x), self.second(x)

        @Two
        def half(self, x):
            return x / 2

        assert isinstance(half, PartiallyConfigured)

        @half
        def whole(self, x):
            return x

        assert whole(4) == (2, 4)

    def test_has_a_default_by_decoration_or_by_argument(self):
        class Defaults(Configurable):
            factor = Option(int, default=2)
            second = Method(default=lambda self, x: x * self.factor)

            @Method(positional=False)
            def first(self, x):
                return x + self.factor

            def __call__(self, x):
                return self.first(x), self.second(x)

        assert Defaults(factor=3)(1) == (4, 3)
        assert Defaults(first=lambda self, x: 0, second=lambda self, x: 1)(5) == (0, 1)

    def test_takes_one_default(self):
        method = Method()(len)
        with pytest.raises(TypeError, match="has a default already"):
            method(len)
        with pytest.raises(TypeError, match="must be callable"):
            Method(default=3)

    def test_one_that_is_neither_given_nor_required_is_none(self):
        class Perhaps(Configurable):
            function = Method(required=False)

        assert Perhaps().function is None


class TestPartiallyConfigured:
    def test_waits_for_what_is_required(self):
        partial = Node(1)
        assert (partial.missing, partial.a, partial.c, partial.__name__) == (("e",), 1, "c", "Node")
        assert partial("b", e=2)() == (1, "b", "c", [], 2)
        assert Node()(e=1)(2)().__class__ is tuple
        assert Node(1).missing == Node(1, "b").missing

    def test_what_is_given_later_wins(self):
        assert Node(e=1)(e=2, a=0).e == 2

    def test_has_what_the_class_has(self):
        assert Node(1).d == []
        with pytest.raises(AttributeError, match="nothing"):
            _ = Node(1).nothing

    @pytest.mark.parametrize("wrap", [lambda node: node, parallel])
    def test_is_refused_before_row_one(self, wrap):
        with pytest.raises(GraphError, match="Node misses options 'a', 'e'; give them before"):
            make_plan(Graph([1], wrap(Node())))


class Plain(Configurable):
    x = Option(default=1)


@transformation_factory
def factory(x, *, y=0):
    """Make a node."""

    def node():
        return x + y

    return node


class TestPlan:
    @pytest.mark.parametrize(
        ("node", "message"),
        [
            (Node, r"Node is a class; put Node\(\.\.\.\) into the graph"),
            (factory, r"factory makes nodes; put factory\(\.\.\.\) into the graph"),
            (Plain(), "neither callable nor iterable: Plain"),
        ],
    )
    def test_refuses_what_is_no_node_yet(self, node, message):
        with pytest.raises(GraphError, match=message):
            make_plan(Graph(node))

    def test_names_all_that_are_in_the_way(self):
        with pytest.raises(GraphError, match=r"Node is a class.*; Applied misses option 'function'"):
            make_plan(Graph(Node, Applied()))

    def test_a_factory_names_what_it_makes(self):
        assert factory("a", y=1).__name__ == "factory('a', y=1)"
        assert factory.__doc__ == "Make a node."
        assert run_node(factory(1, y=2)).rows == [(3,)]


class TestServices:
    class Query(Configurable):
        table = Option(str, positional=True)
        database = Service("database.main")

        def __call__(self, *, database):
            return database[self.table]

    def test_are_named_by_each_instance(self):
        first, second = make_plan(
            Graph(self.Query("t"), parallel(self.Query("t", database="database.copy")))
        ).nodes
        assert first.declared.services == {"database": "database.main"}
        assert second.required == {"database.copy"}

    def test_come_by_the_attribute_s_name(self):
        services = {"database.main": {"t": 1}, "other": {"t": 2}}
        assert run_node(self.Query("t"), services=services).rows == [(1,)]
        assert run_node(self.Query("t", database="other"), services=services).rows == [(2,)]

    @pytest.mark.parametrize("name", ["two words", "a..b", "", 3, None])
    def test_names_are_checked(self, name):
        with pytest.raises(ValueError, match="not the name of a service"):
            self.Query("t", database=name)
        with pytest.raises(ValueError, match="not the name of a service"):
            Service(name)


class TestProcessorsOfAClass:
    class Base(Configurable):
        @ContextProcessor
        def one(self, context):
            yield "one"

        @ContextProcessor
        def two(self, context, one):
            """The second."""
            yield one + "+two"

        def __call__(self, *arguments):
            return arguments

    def test_come_in_the_order_of_definition(self):
        class More(self.Base):
            @ContextProcessor
            def three(self, context, *values):
                yield len(values)

        assert run_node(More(), "row").rows == [("one", "one+two", 2, "row")]

    def test_defined_again_keep_their_place(self):
        class Other(self.Base):
            @ContextProcessor
            def one(self, context):
                yield "uno"

            @ContextProcessor
            def two(self, context, one):
                yield from super().two(self, context, one)

        assert run_node(Other(), "row").rows == [("uno", "uno+two", "row")]

    def test_are_removed_by_a_plain_value(self):
        class Less(self.Base):
            two = None

        assert run_node(Less(), "row").rows == [("one", "row")]

    def test_are_no_options(self):
        assert not options_of(self.Base)
        assert repr(self.Base.two) == "<ContextProcessor two>"
        assert self.Base.two.__doc__ == "The second."

    def test_are_functions(self):
        with pytest.raises(TypeError, match="made of a generator; got int"):
            ContextProcessor(3)
