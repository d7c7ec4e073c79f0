"""A node's context, and its binding: setup, arguments, output types, teardown; each error as a sentence."""

import threading
from collections import namedtuple

import pytest

from bonobo import BARRIER, Graph, parallel
from bonobo.binding import Binding
from bonobo.config import (
    Configurable,
    ContextProcessor,
    Service,
    use,
    use_context,
    use_context_processor,
    use_no_input,
    use_raw_input,
)
from bonobo.constants import INHERIT, NOT_MODIFIED
from bonobo.emission import row_of
from bonobo.errors import BonoboError, MissingService
from bonobo.plan import make_plan
from bonobo.rows import row_type
from bonobo.testing import run_graph, run_node
from bonobo.util import ValueHolder

Pair = namedtuple("Pair", "x y")


class Bound:
    """A binding of one node in a list of rows that were sent."""

    def __init__(self, node, services=None, *, fed_by=None):
        chain = [node] if fed_by is None else [fed_by, node]
        planned = make_plan(Graph(*chain)).nodes[-1]
        self.sent = []
        self.rejected = []
        self.binding = Binding(
            planned, services or {}, self.sent.append, lambda *told: self.rejected.append(told)
        )
        self.context = self.binding.context

    def _reject(self, error, row):
        self.rejected.append((error, row))

    def __enter__(self):
        self.binding.setup()
        return self

    def __exit__(self, *error):
        self.binding.teardown()

    def rows(self, *row):
        return [self.binding.row_of(value, row) for value in self.binding.produce(row)]


class Opened:
    """Context processors that note when they are opened and closed."""

    def __init__(self):
        self.log = []

    def processor(self, name, value=None, fail_at=None):
        def processor(node, context, *values, **services):
            self.log.append(f"open {name}")
            if fail_at == "setup":
                raise KeyError(name)
            given = yield value
            self.log.append(f"close {name} {given}")
            if fail_at == "teardown":
                raise KeyError(name)
            if fail_at == "yield":
                yield

        processor.__name__ = name
        return processor

    def node(self, *processors):
        def node(*arguments):
            return list(arguments)

        for processor in processors:
            use_context_processor(processor)(node)
        return node


@pytest.fixture
def opened():
    return Opened()


class TestProcessors:
    def test_values_come_first_and_come_back(self, opened):
        node = opened.node(
            opened.processor("one", 1),
            opened.processor("none"),
            opened.processor("pair", (2, 3)),
            opened.processor("empty", ()),
            opened.processor("list", [4]),
        )
        with Bound(node) as bound:
            assert bound.rows("row") == [([1, 2, 3, [4], "row"],)]
        assert opened.log == [
            *(f"open {name}" for name in ("one", "none", "pair", "empty", "list")),
            "close list [4]",
            "close empty ()",
            "close pair (2, 3)",
            "close none None",
            "close one 1",
        ]

    def test_are_called_with_node_context_values_and_services(self):
        seen = []

        class Node(Configurable):
            store = Service("s3")

            @ContextProcessor
            def first(self, context, *, store):
                seen.append((self, context, store))
                yield "a", "b"

            @ContextProcessor
            def second(self, context, a, b, *, store):
                seen.append((self, context, a, b, store))
                yield

            def __call__(self, *arguments, store):
                return *arguments, store

        node = Node()
        with Bound(node, {"s3": "S"}) as bound:
            assert bound.rows(1) == [("a", "b", 1, "S")]
        assert seen == [(node, bound.context, "S"), (node, bound.context, "a", "b", "S")]

    def test_a_setup_that_fails_closes_what_was_opened(self, opened):
        node = opened.node(
            opened.processor("one"),
            opened.processor("two", fail_at="teardown"),
            opened.processor("three", fail_at="setup"),
            opened.processor("four"),
        )
        bound = Bound(node)
        with pytest.raises(KeyError, match="three"):
            bound.binding.setup()
        assert opened.log == ["open one", "open two", "open three", "close two None", "close one None"]
        bound.binding.teardown()
        assert len(opened.log) == 5

    def test_a_teardown_that_fails_keeps_no_other_from_running(self, opened):
        node = opened.node(
            opened.processor("one", fail_at="teardown"),
            opened.processor("two", fail_at="teardown"),
            opened.processor("three"),
        )
        bound = Bound(node)
        bound.binding.setup()
        with pytest.raises(KeyError, match="two"):
            bound.binding.teardown()
        assert opened.log[3:] == ["close three None", "close two None", "close one None"]

    def test_one_yields_once(self, opened):
        bound = Bound(opened.node(opened.processor("one"), opened.processor("twice", fail_at="yield")))
        bound.binding.setup()
        with pytest.raises(BonoboError, match="processor twice of node yielded twice"):
            bound.binding.teardown()
        assert opened.log[-1] == "close one None"

    @pytest.mark.parametrize(
        ("processor", "message"),
        [
            (lambda node, context, store: iter(()), "must be a generator; it returned tuple_iterator"),
            (lambda node, context, store: None, "must be a generator; it returned NoneType"),
            (lambda node, context, store: (x for x in ()), "ended without a yield"),
            (lambda node, context: None, r"cannot be called: got an unexpected .*; .* \['store'\]"),
            (lambda node, *, store: None, "cannot be called: too many positional"),
            (lambda node, context, value, store: None, "cannot be called: .*; it is called with .* 0 values"),
        ],
    )
    def test_others_are_refused_in_a_sentence(self, processor, message):
        node = use("store")(use_context_processor(processor)(lambda: None))
        with pytest.raises(BonoboError, match=f"the context processor <lambda> of <lambda> {message}"):
            Bound(node, {"store": 1}).binding.setup()

    def test_what_one_raises_itself_leaves_as_it_is(self):
        def processor(node, context):
            raise TypeError("of its own")
            yield

        with pytest.raises(TypeError, match="of its own"):
            Bound(use_context_processor(processor)(lambda: None)).binding.setup()

    def test_a_failing_setup_ends_the_run(self, opened):
        result = run_node(opened.node(opened.processor("one", fail_at="setup")), 1, check=False)
        assert (type(result.report.fatal), result.report.exit_code, result.rows) == (KeyError, 70, [])

    def test_a_failing_teardown_ends_the_run_after_its_rows(self, opened):
        result = run_node(opened.node(opened.processor("one", 1, fail_at="teardown")), "row", check=False)
        assert (type(result.report.fatal), result.report.exit_code) == (KeyError, 70)

    def test_state_is_kept_from_row_to_row(self):
        class Windows(Configurable):
            @ContextProcessor
            def buffer(self, context):
                buffer = yield ValueHolder([])
                if len(buffer):
                    context.send(buffer.get())

            @ContextProcessor
            def total(self, context, buffer):
                total = yield ValueHolder(0)
                context.send("total", total.get())

            def __call__(self, buffer, total, x):
                total += x
                buffer.append(x)
                if len(buffer) == 2:
                    yield buffer.get()
                    buffer.set([])

        rows = [([1, 2],), ([3, 4],), ("total", 15), ([5],)]
        assert run_node(Windows(), 1, 2, 3, 4, 5).rows == rows
        assert run_node(parallel(Windows(), 8), 1, 2, 3, 4, 5).rows == rows


class TestOutput:
    def test_a_type_applies_to_all_that_is_emitted(self):
        @use_context
        def node(context, *row):
            context.set_output_fields(["a", "b"])
            yield 1, 2
            yield NOT_MODIFIED
            yield INHERIT
            yield Pair(5, 6)
            yield 7
            yield BARRIER

        with Bound(node) as bound:
            rows = bound.rows(3, 4)
        assert rows == [(1, 2), (3, 4), (3, 4), (5, 6), (7,), BARRIER]
        assert [row._fields for row in rows[:-1]] == [("a", "b")] * 5

    def test_without_one_rows_are_as_they_are(self):
        @use_context
        def node(context, *row):
            yield NOT_MODIFIED
            yield INHERIT, 3
            yield 1, 2
            yield Pair(1, 2)

        with Bound(node) as bound:
            source = row_type(["a"])(1)
            rows = [bound.binding.row_of(value, source) for value in bound.binding.produce(source)]
        assert [type(row).__name__ for row in rows] == ["Bag", "Inherited", "tuple", "Pair"]
        assert rows[1]._fields == ("a", "0")

    def test_it_may_change(self):
        @use_context
        def node(context, field):
            context.set_output_fields([field])
            return 1

        assert [row._fields for row in run_node(node, "a", "b").rows] == [("a",), ("b",)]

    def test_any_tuple_will_do(self):
        @use_context
        def node(context, x):
            context.set_output_type(Pair)
            return x, x

        assert run_node(node, 1).rows[0].y == 1
        with Bound(node) as bound:
            assert (bound.context.output_type, bound.context.get_output_fields()) == (None, None)
            bound.rows(1)
            assert (bound.context.output_type, bound.context.get_output_fields()) == (Pair, ("x", "y"))

    @pytest.mark.parametrize("kind", [list, "Pair", None, (1, 2)])
    def test_nothing_else_will(self, kind):
        with pytest.raises(TypeError, match="subclass of tuple"):
            Bound(print).context.set_output_type(kind)

    def test_a_barrier_may_be_sent(self):
        with Bound(use_context(lambda context: context.send(BARRIER))) as bound:
            assert bound.rows() == []
        assert bound.sent == [BARRIER]

    def test_what_is_sent_follows_the_same_rules(self):
        @use_context
        def node(context, *row):
            context.send()
            context.send(1, 2)
            context.send(NOT_MODIFIED)
            context.send(INHERIT, 5)
            context.set_output_fields(["a", "b"])
            context.send(3, 4)

        with Bound(node) as bound:
            assert bound.rows("row") == []
            assert bound.sent == [(), (1, 2), ("row",), ("row", 5), (3, 4)]
            assert bound.sent[-1].b == 4

    def test_rows_of_setup_and_teardown_stand_around_the_others(self):
        def framed(node, context):
            context.send("begin")
            yield
            context.send("end")

        graph = Graph([1, 2], use_context_processor(framed)(lambda x: x))
        assert run_graph(graph).rows == [("begin",), (1,), (2,), ("end",)]


def input_of(context):
    return context.input_type, context.get_input_fields()


class TestInput:
    def test_follows_the_row(self):
        seen = []

        @use_context
        def node(context, *row):
            seen.append(input_of(context))

        with Bound(node) as bound:
            assert input_of(bound.context) == (None, None)
            bound.rows()
            bound.binding.produce(Pair(1, 2))
        assert seen == [(tuple, None), (Pair, ("x", "y"))]

    def test_after_the_last_row_it_is_that_row_s(self):
        def closing(node, context):
            yield
            context.send(context.get_input_fields())

        assert run_node(use_context_processor(closing)(lambda *row: None), Pair(1, 2)).rows == [(("x", "y"),)]

    def test_is_that_of_the_thread(self):
        meet = threading.Barrier(2, timeout=30)

        def itself(node, context):
            yield context

        @use_context_processor(itself, concurrent=True)
        def node(context, *row):
            meet.wait()
            return context.input_type is Pair if len(row) == 2 else context.input_type is tuple

        assert run_node(parallel(node, 2), Pair(1, 2), (3,)).rows == [(True,), (True,)]

    def test_raw_and_named(self):
        @use_context
        @use_raw_input
        def node(context, row):
            return context.get_input_fields() == row._fields, row.x

        assert run_node(node, Pair(1, 2)).rows == [(True, 1)]

    def test_none_and_context(self):
        @use_no_input
        @use_context
        def node(context):
            return context.get_input_fields()

        assert run_node(node, Pair(1, 2)).rows == [("x", "y")]


class TestAttributes:
    def test_are_the_node_s_own(self):
        context = Bound(print).context
        assert context.setdefault("count", 1) == 1
        context.count += 1
        assert (context.setdefault("count", 1), context.count, context.name) == (2, 2, "print")
        with pytest.raises(AttributeError, match="no 'other'; set it first"):
            _ = context.other

    def test_services_are_those_of_the_run(self):
        context = Bound(print, {"store": 1}).context
        assert context.get_service("store") == 1
        with pytest.raises(MissingService, match=r"missing services: clock \(used by print\)"):
            context.get_service("clock")


class TestExpected:
    def test_is_what_the_node_says(self):
        with Bound(use_context(lambda context: context.expect(3))) as bound:
            assert bound.binding.expected is None
            bound.rows()
            assert bound.binding.expected == bound.context.expected == 3

    @pytest.mark.parametrize("rows", [-1, 1.5, True, "3"])
    def test_is_a_number_of_rows(self, rows):
        with pytest.raises(ValueError, match="whole number"):
            Bound(print).context.expect(rows)

    def test_is_the_length_of_a_source_that_has_one(self):
        class Broken:
            def __iter__(self):
                return iter([1])

            def __len__(self):
                raise OSError

        nodes = [range(7), "ab", iter([1]), Broken(), print]
        assert [Bound(node).binding.expected for node in nodes] == [7, 2, None, None, None]

    def test_is_not_known_of_an_iterable_inside(self):
        assert Bound([1, 2, 3], fed_by=print).binding.expected is None


class TestPlainNodes:
    @pytest.mark.parametrize(
        "node", [print, [1], use("store")(lambda *, store: None), use_no_input(lambda: 1)]
    )
    def test_cost_nothing(self, node):
        bound = Bound(node, {"store": 1})
        assert bound.binding.row_of is row_of
        produce = bound.binding.produce
        bound.binding.setup()
        assert bound.binding.produce is produce
        bound.binding.teardown()
