"""A stage over a partition: order, keys, failures and counts as in a run that stays in its process."""

import pickle
import threading
import time

import pytest

from bonobo import BARRIER, Graph, parallel, use
from bonobo.config import use_no_input, use_raw_input
from bonobo.division import divide
from bonobo.partition import run_stage
from bonobo.plan import make_plan
from bonobo.rows import row_type
from bonobo.stage import Account, Flow, PartitionFailed, Placed, RowRejected, key_of, stages_of


def stages(*nodes):
    plan = make_plan(Graph(lambda: None, *nodes, lambda *row: None))
    (segment,) = divide(plan).segments.values()
    return stages_of(segment.stages, rows_per_edge=8, memory=1 << 20)


def placed(*rows):
    return [Placed((place,), (place,), row) for place, row in enumerate(rows)]


def ran(stage, records, services=None):
    found = list(run_stage(stage, records, services or {}))
    assert isinstance(found[-1], Account)
    return found[:-1], found[-1]


def letters(x):
    for letter in "ab"[: x % 3]:
        yield x, letter


def test_each_row_has_a_position_of_its_own_and_they_come_in_its_order():
    (stage,) = stages(parallel(letters, 4), parallel(lambda x, letter: (x, letter.upper()), 2))
    records, account = ran(stage, placed((1,), (3,), (2,)))
    assert [(record.position, record.row) for record in records] == [
        ((0, 0, 0), (1, "A")),
        ((2, 0, 0), (2, "A")),
        ((2, 1, 0), (2, "B")),
    ]
    assert list(account.nodes.values()) == [(3, 3), (3, 3)]
    assert account.taken.rows == account.given.rows == 3


def test_the_next_stage_is_told_what_belongs_together():
    first, second = stages(parallel(lambda x: x), parallel(lambda x: x, 2, key=lambda x: x % 2))
    records, _ = ran(first, placed((4,), (5,), ("text",)))
    assert [record.key for record in records] == [0, 1, (2, 0)], "a key that fails is an error of its node"
    records, _ = ran(second, records)
    in_order = sorted(records, key=lambda record: record.position)
    assert [type(record) for record in in_order] == [Placed, Placed, RowRejected]


def test_a_key_that_cannot_be_looked_up_keeps_its_row_alone():
    assert key_of(lambda x: [x], (3,), (1,)) == (3,)
    assert key_of(None, (3,), (1,)) == (3,)


def test_a_row_keeps_its_names_and_reaches_a_node_as_that_asks():
    @use_raw_input
    def shown(row):
        return row._fields

    @use_no_input
    def nothing():
        return "x"

    (stage,) = stages(parallel(shown, 2), parallel(nothing, 2))
    named = pickle.loads(pickle.dumps(row_type(["name", "year"])("Ada", 1815)))
    records, _ = ran(stage, [Placed((0,), (0,), named)])
    assert [record.row for record in records] == [("x",)]
    (stage,) = stages(parallel(shown, 2))
    assert ran(stage, [Placed((0,), (0,), named)])[0][0].row == ("name", "year")


def test_a_rejected_row_is_passed_on_with_its_error():
    def picky(x):
        if x == 2:
            raise KeyError("two")
        return x

    (stage,) = stages(parallel(picky, 2, retries=1, backoff=0))
    records, account = ran(stage, placed((1,), (2,), (3,)))
    (rejected,) = [record for record in records if isinstance(record, RowRejected)]
    assert (rejected.position, rejected.row, rejected.attempts) == ((1,), (2,), 2)
    assert [record.row for record in records if isinstance(record, Placed)] == [(1,), (3,)]
    assert list(account.nodes.values()) == [(3, 2)]
    assert account.rejected.rows == 1


def test_what_is_no_row_is_passed_on():
    (stage,) = stages(parallel(lambda x: x))
    passing = Account(0, (1,), {}, Flow(), Flow())
    records, account = ran(stage, [passing, *placed((1,))])
    assert passing in records
    assert account.taken.rows == 1


def test_what_ends_a_run_ends_the_partition_and_can_be_read_in_any_text():
    class Unusable(Exception):
        exit_code = 4

    def broken(x):
        raise Unusable("the store is gone")

    (stage,) = stages(parallel(broken, 2))
    with pytest.raises(PartitionFailed) as raised:
        list(run_stage(stage, placed((1,)), {}))
    assert "store" not in str(raised.value)
    found = PartitionFailed.find(f"Traceback (most recent call last):\n ... {raised.value}\n\tat java")
    assert found.node == stage.nodes[0].index
    assert found.cause().exit_code == 4
    assert str(found.cause()) == "the store is gone"
    assert pickle.loads(pickle.dumps(raised.value)).error == raised.value.error
    assert PartitionFailed.find("nothing of that kind") is None


def test_a_node_that_asks_to_fail_ends_the_partition():
    (stage,) = stages(parallel(lambda x: 1 // x, 2, on_error="fail"))
    with pytest.raises(PartitionFailed) as raised:
        list(run_stage(stage, placed((1,), (0,)), {}))
    assert isinstance(raised.value.cause(), ZeroDivisionError)


def test_a_barrier_cannot_be_kept_by_one_partition():
    def announcing(x):
        yield BARRIER

    (stage,) = stages(parallel(announcing))
    with pytest.raises(PartitionFailed) as raised:
        list(run_stage(stage, placed((1,)), {}))
    assert "announcing emits a barrier" in str(raised.value.cause())
    assert raised.value.cause().exit_code == 2


class Counter:
    def __init__(self):
        self.calls = 0

    def counts(self):
        return {"calls": self.calls}

    def add_counts(self, counts):
        self.calls += counts["calls"]


def test_what_services_counted_meanwhile_is_in_the_account():
    @use("store")
    def asking(x, store):
        store.calls += 1
        return x

    (stage,) = stages(parallel(asking))
    store = Counter()
    assert ran(stage, placed((1,), (2,)), {"store": store})[1].services == {"store": {"calls": 2}}
    assert ran(stage, placed((1,)), {"store": store})[1].services == {"store": {"calls": 1}}


def test_rows_of_equal_key_are_worked_on_in_their_order():
    order, lock = [], threading.Lock()

    def slow_first(x, group):
        time.sleep(0.02 if x < 2 else 0)
        with lock:
            order.append((group, x))
        return x

    (stage,) = stages(parallel(slow_first, 8, key=lambda x, group: group))
    ran(stage, placed(*((x, x % 2) for x in range(8))))
    for group in (0, 1):
        assert [x for of, x in order if of == group] == [x for x in range(8) if x % 2 == group]


def test_whoever_leaves_early_ends_the_nodes():
    begun = []

    def endless():
        place = 0
        while True:
            begun.append(place)
            yield Placed((place,), (place,), (place,))
            place += 1

    (stage,) = stages(parallel(lambda x: x, 2))
    running = run_stage(stage, endless(), {})
    next(running)
    running.close()
    count = len(begun)
    assert count < 200, "what is taken is bounded by what is given"
    time.sleep(0.05)
    assert len(begun) == count
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("stage ")]


def test_the_hash_of_a_flow_knows_which_rows_it_saw():
    one, other = Flow(), Flow()
    for position in [(1,), (2, 3)]:
        one.add(position)
    for position in [(2, 3), (1,)]:
        other.add(position)
    assert one == other
    other.add((4,))
    one.add((5,))
    assert one.rows == other.rows
    assert one != other
