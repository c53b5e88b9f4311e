"""Limits of several processes: together they let in what one would, and the dead let go."""

from __future__ import annotations

import math
import multiprocessing
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.serve import GatewayLimits, Identity, LimitRule, RefusedError
from routelab.serve.limits import LimitKeeper
from routelab.serve.peers.shared_limits import SharedLimitKeeper, SharedUnderWay
from routelab.serve.peers.slot_table import SlotTable

ANN = Identity(key="ann", tenant="north")
BOB = Identity(key="bob", tenant="north", limits=LimitRule(at_once=2, usd_per_day=3.0))
LIMITS = GatewayLimits(
    all=LimitRule(requests_per_minute=600.0, burst=8),
    key=LimitRule(requests_per_minute=60.0, burst=3, at_once=3),
    tenant=LimitRule(usd_per_day=5.0),
    priorities={"batch": LimitRule(at_once=1)},
)


class Clock:
    def __init__(self):
        self.now = 86_400.0 * 20_000

    def __call__(self):
        return self.now


def keepers(folder, n, limits=LIMITS):
    clock = Clock()
    path = folder / f"{random.random()}.slots"
    tables = [SlotTable(path, n, number) for number in range(n)]
    return [SharedLimitKeeper(limits, clock, clock, it) for it in tables], clock, tables


def tried(keeper, caller, priority):
    try:
        return keeper.enter(caller, priority), None
    except RefusedError as refusal:
        return None, (refusal.code, refusal.message, refusal.retry_after_s)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([ANN, BOB]), st.sampled_from(["", "batch"]), st.floats(0.0, 20_000.0),
        st.integers(0, 2), st.floats(0.0, 2.0) | st.just(math.nan),
    ),
    max_size=40,
)  # fmt: skip


@given(steps=STEPS)
def test_processes_together_decide_as_one_would(tmp_path_factory, steps):
    (*shared,), clock, tables = keepers(tmp_path_factory.mktemp("slots"), 3)
    one = LimitKeeper(LIMITS, clock, clock)
    under_way = []
    for caller, priority, wait_s, number, usd in steps:
        clock.now += wait_s if wait_s > 10.0 else wait_s / 100.0
        found, refused = tried(shared[number], caller, priority)
        expected, expected_refusal = tried(one, caller, priority)
        assert refused == expected_refusal
        if found is not None:
            under_way.append((number, found, expected, usd))
        if len(under_way) > 2 or (under_way and refused):
            number, found, expected, usd = under_way.pop(0)
            shared[number].leave(found, usd)
            one.leave(expected, usd)
    for it in tables:
        it.close()


def test_what_a_dead_process_had_under_way_is_let_go(tmp_path):
    limits = GatewayLimits(key=LimitRule(at_once=2))
    (first, second), _, tables = keepers(tmp_path, 2, limits)
    first.enter(ANN, "")
    mine = second.enter(ANN, "")
    with pytest.raises(RefusedError, match="2 requests under way"):
        second.enter(ANN, "")
    tables[1].clear(0)
    second.enter(ANN, "")
    with pytest.raises(RefusedError):
        second.enter(ANN, "")
    second.leave(mine, 0.0)
    second.enter(ANN, "")


def test_an_id_is_under_way_in_one_process_at_a_time(tmp_path):
    tables = [SlotTable(tmp_path / "ids.slots", 2, number) for number in range(2)]
    first, second = map(SharedUnderWay, tables)
    first.enter("north", "a")
    assert ("north", "a") in second
    assert ("south", "a") not in second
    assert len(second) == 0
    assert first.leave("north", "a") == 0.0
    assert ("north", "a") not in second
    second.enter("north", "b")
    tables[0].clear(1)
    assert ("north", "b") not in first


def test_who_was_not_seen_for_longest_makes_room_and_who_asks_stays(tmp_path):
    table = SlotTable(tmp_path / "a.slots", 1)
    with table.locked():
        busy = table.use("busy", 1.0, 0.0)
        busy.under_way += 1
        for number in range(60_000):
            use = table.use(f"t{number}", 5.0, float(number))
            assert use.room == 5.0
            use.room = 4.0
        assert table.find("busy").under_way == 1
        kept = [number for number in range(60_000) if table.find(f"t{number}") is not None]
        assert all(table.find(f"t{number}").room == 4.0 for number in kept)
    assert 30_000 < len(kept) <= 32_768
    assert kept[-10_000:] == list(range(50_000, 60_000))


def test_a_day_that_comes_back_has_what_was_spent_in_it(tmp_path):
    table = SlotTable(tmp_path / "a.slots", 1)
    with table.locked():
        use = table.use("a", 1.0, 0.0)
        for day, usd in ((5, 1.0), (6, 2.0), (5, 0.5), (6, 0.25)):
            if use.day != day:
                use.turn_to(day)
            use.spent_usd += usd
        assert use.spent_usd == 2.25
        use.turn_to(5)
        assert use.spent_usd == 1.5
        use.turn_to(7)
        assert use.spent_usd == 0.0


def hammer(path, number, n, let_in):
    table = SlotTable(path, 3, number)
    keeper = SharedLimitKeeper(
        GatewayLimits(all=LimitRule(usd_per_day=1e9)), lambda: 0.0, lambda: 0.0, table
    )
    for _ in range(n):
        keeper.leave(keeper.enter(ANN, ""), 0.125)
    let_in.put(number)


def test_nothing_is_lost_where_all_write_at_once(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    done = spawn.Queue()
    processes = [
        spawn.Process(target=hammer, args=(tmp_path / "a.slots", number, 2_000, done))
        for number in range(3)
    ]
    for it in processes:
        it.start()
    for it in processes:
        it.join(120.0)
        assert it.exitcode == 0
    table = SlotTable(tmp_path / "a.slots", 3)
    with table.locked():
        use = table.find("all\0")
        assert (use.spent_usd, use.under_way) == (750.0, 0)
