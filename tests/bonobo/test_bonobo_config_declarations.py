"""Decorators: what each declares, of which kinds of node, and who inherits it."""

import functools
import threading

import pytest

from bonobo import Graph, parallel, use
from bonobo.config import (
    Configurable,
    ContextProcessor,
    Exclusive,
    Service,
    use_context,
    use_context_processor,
    use_no_input,
    use_raw_input,
)
from bonobo.config.declarations import Declaration, declaration_of
from bonobo.plan import make_plan
from bonobo.testing import run_node


def first(node, context, *values, **services):
    yield "first"


def second(node, context, *values, **services):
    yield values, sorted(services)


def names(node):
    return [processor.__name__ for processor in declaration_of(node).processors]


class TestInput:
    def test_fields_by_default(self):
        assert run_node(lambda *row: list(row), (1, 2)).rows == [([1, 2],)]

    def test_the_row_itself(self):
        assert run_node(use_raw_input(lambda row: [row]), (1, 2)).rows == [([(1, 2)],)]

    def test_nothing(self):
        assert run_node(use_no_input(lambda: "x"), (1, 2), (3,)).rows == [("x",), ("x",)]

    @pytest.mark.parametrize("decorate", [use_raw_input, use_no_input])
    def test_generators_and_services_too(self, decorate):
        @use("store")
        @decorate
        def node(*row, store):
            yield from row
            yield store

        expected = {use_raw_input: [(1, 2), ("s",)], use_no_input: [("s",)]}[decorate]
        assert run_node(node, (1, 2), services={"store": "s"}).rows == expected

    def test_of_none_emits_nothing(self):
        assert run_node(use_raw_input(lambda row: None), 1).rows == []
        assert run_node(use_no_input(lambda: None), 1).rows == []

    def test_on_call_says_nothing_of_the_instance(self):
        class Node:
            @use_raw_input
            def __call__(self, *row):
                return list(row)

        assert run_node(Node(), (1, 2)).rows == [([1, 2],)]


class TestServices:
    def test_a_name_with_dots_is_a_keyword(self):
        @use("database.main")
        def node(**services):
            return services

        assert run_node(node, services={"database.main": 1}).rows == [({"database.main": 1},)]

    def test_of_a_configurable_add_to_its_own(self):
        @use("clock")
        class Node(Configurable):
            store = Service("s3")

            def __call__(self, *, clock, store):
                return clock, store

        class Child(Node): ...

        for node in Node(), Child():
            assert declaration_of(node).services == {"clock": "clock", "store": "s3"}
            assert run_node(node, services={"clock": 1, "s3": 2}).rows == [(1, 2)]

    def test_a_function_is_a_service_like_any_other(self):
        @use("now")
        def node(*, now):
            return now("utc")

        assert run_node(node, services={"now": lambda zone: zone}).rows == [("utc",)]


class TestProcessors:
    def test_come_in_the_order_of_decoration(self):
        @use("store")
        @use_context
        @use_context_processor(second)
        @use_context_processor(first)
        def node(*arguments, store):
            return [*arguments[:-2], type(arguments[-2]).__name__, arguments[-1], store]

        assert names(node) == ["first", "second", "_itself"]
        assert run_node(node, "row", services={"store": "s"}).rows == [
            (["first", ("first",), ["store"], "NodeContext", "row", "s"],)
        ]

    def test_of_a_class_are_for_its_instances(self):
        @use_context_processor(first)
        class Node:
            def __call__(self, *arguments):
                return arguments

        class Child(Node): ...

        assert run_node(Node(), "row").rows == run_node(Child(), "row").rows == [("first", "row")]

    def test_decorating_a_subclass_leaves_its_base_alone(self):
        @use_context_processor(first)
        class Node:
            def __call__(self): ...

        @use_context_processor(second)
        class Child(Node): ...

        assert (names(Node()), names(Child())) == (["first"], ["first", "second"])

    def test_reach_through_partials(self):
        @use_context_processor(first)
        def node(value, word, end):
            return value + word + end

        assert run_node(functools.partial(node, end="."), "row").rows == [("firstrow.",)]

    def test_of_an_iterable_are_not_its_own(self):
        assert declaration_of([1]) == Declaration()

    def test_nothing_is_read_of_an_object_that_has_every_attribute(self):
        class Anything:
            def __getattr__(self, name):
                return name

            def __call__(self, x):
                return x

        assert declaration_of(Anything()) == Declaration()
        assert run_node(Anything(), 1).rows == [(1,)]


@use_context_processor(first)
class Base(Configurable):
    @ContextProcessor
    def own(self, context):
        yield "own"

    def __call__(self, *arguments):
        return arguments


class TestProcessorsOfConfigurables:
    def test_come_behind_those_of_the_class(self):
        assert run_node(Base(), "row").rows == [("own", "first", "row")]

    def test_are_inherited_with_the_call(self):
        class Child(Base): ...

        assert run_node(Child(), "row").rows == [("own", "first", "row")]

    def test_are_not_inherited_by_another_call(self):
        class Child(Base):
            def __call__(self, *arguments):
                return arguments

        assert run_node(Child(), "row").rows == [("own", "row")]

    def test_declared_again_are_there_once(self):
        @use_context
        class Parent(Configurable):
            def __call__(self, context, x):
                return x

        @use_context
        class Child(Parent): ...

        @use_context
        class Other(Parent):
            def __call__(self, context, x):
                return x

        assert [len(names(node)) for node in (Parent(), Child(), Other())] == [1, 1, 1]

    def test_raw_input_is_inherited(self):
        @use_raw_input
        class Parent(Configurable):
            def __call__(self, row):
                return len(row)

        class Child(Parent):
            def __call__(self, row):
                return row[0]

        assert run_node(Child(), (1, 2)).rows == [(1,)]

    @pytest.mark.parametrize("decorate", [use("x"), use_context, use_raw_input])
    def test_are_declared_of_the_class(self, decorate):
        with pytest.raises(TypeError, match="declare it of the class Base"):
            decorate(Base())


class TestConcurrency:
    def test_a_node_with_processors_works_on_one_row_at_a_time(self):
        alone = use_context(lambda context, x: x)
        node = make_plan(Graph([1], parallel(alone, 8, key=len, retries=2))).nodes[1]
        assert (node.workers, node.settings.n, node.settings.key, node.settings.retries) == (1, 1, None, 2)

    def test_unless_all_of_them_say_otherwise(self):
        @use_context_processor(first, concurrent=True)
        def node(value, x): ...

        class Shared(Configurable):
            pool = ContextProcessor(first, concurrent=True)

            def __call__(self, pool, x): ...

        class Half(Shared):
            @ContextProcessor
            def state(self, context, pool):
                yield []

        planned = make_plan(Graph([1], *(parallel(one, 8) for one in (node, Shared(), Half())))).nodes
        assert [one.workers for one in planned] == [1, 8, 8, 1]

    def test_what_many_rows_share_is_set_up_once(self):
        opened = []

        def pool(node, context):
            opened.append(1)
            yield threading.Lock()

        @use_context_processor(pool, concurrent=True)
        def node(lock, x):
            with lock:
                return x, id(lock)

        rows = run_node(parallel(node, 8), *range(200)).rows
        assert [x for x, _ in rows] == list(range(200))
        assert len({lock for _, lock in rows}) == len(opened) == 1


class TestExclusive:
    def test_keeps_others_out(self, gates):
        entered, may_leave, order = gates(), gates(), []
        service = {"not": "hashable"}

        def hold():
            with Exclusive(service) as same:
                assert same is service
                entered.open()
                may_leave.wait()
                order.append("first")

        def follow():
            with Exclusive(service):
                order.append("second")

        threads = [threading.Thread(target=hold, daemon=True)]
        threads[0].start()
        entered.wait()
        threads.append(threading.Thread(target=follow, daemon=True))
        threads[1].start()
        may_leave.open()
        for thread in threads:
            thread.join(30)
        assert order == ["first", "second"]

    def test_can_be_claimed_again_by_who_has_it_and_leaves_nothing_behind(self):
        service = object()
        with Exclusive(service), Exclusive(service), Exclusive(object()):
            assert len(Exclusive._claims) == 2
        assert not Exclusive._claims

    def test_is_a_decorator_and_given_up_on_errors(self):
        @Exclusive([])
        def fail():
            raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert not Exclusive._claims
