"""The order in which cells are asked: random, the same for all arms, none far ahead."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import pytest

from routelab.collect.asking.order import AskingOrder
from routelab.collect.storage import AskedCell, CellTable

N = 400


async def drained(order: AskingOrder, arm: int, asked: list[tuple[int, int]], table: CellTable):
    while (row := await order.next(arm)) is not None:
        asked.append((arm, row))
        await asyncio.sleep(0)
        table.add(AskedCell(row=row, arm=arm))


@pytest.mark.parametrize("done", [*itertools.product((0, 1, 63, 64, 65, 200, N), repeat=2)])
def test_arms_that_stopped_apart_all_come_to_the_end(done):
    table = CellTable(N, 2)
    rows = AskingOrder(table, N, 5, (0, 1), 2).rows
    for arm, many in enumerate(done):
        for row in rows[:many]:
            table.add(AskedCell(row=int(row), arm=arm))
    asked: list[tuple[int, int]] = []

    async def run() -> None:
        order = AskingOrder(table, N, 5, (0, 1), 2)
        both = [drained(order, arm, asked, table) for arm in (0, 0, 1, 1)]
        await asyncio.wait_for(asyncio.gather(*both), 5)

    asyncio.run(run())
    assert sorted(asked) == sorted(
        (arm, int(row)) for arm, many in enumerate(done) for row in rows[many:]
    )
    assert table.left == 0


def test_no_arm_runs_far_ahead_and_one_that_leaves_holds_nobody_up():
    table, asked = CellTable(N, 2), []

    async def run() -> None:
        order = AskingOrder(table, N, 5, (0, 1), 2)
        first = asyncio.create_task(drained(order, 0, asked, table))
        await asyncio.sleep(0.05)
        assert len(asked) == 64
        order.leave(1)
        await asyncio.wait_for(first, 20)

    asyncio.run(run())
    assert len(asked) == N
    assert [row for _, row in asked] == list(np.random.default_rng(5).permutation(N))


def test_what_is_stopped_gives_nothing_more():
    table = CellTable(N, 2)

    async def run() -> list[int | None]:
        order = AskingOrder(table, N, 5, (0, 1), 2)
        given = [await order.next(0) for _ in range(64)]
        waiting = asyncio.create_task(order.next(0))
        await asyncio.sleep(0)
        order.stop()
        return [*given, await asyncio.wait_for(waiting, 20)]

    given = asyncio.run(run())
    assert given[-1] is None
    assert None not in given[:-1]
