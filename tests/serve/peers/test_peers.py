"""Processes that ask each other, and figures that never fall."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from routelab.runtime.metrics import RouterMetrics
from routelab.serve import Identity, RefusedError
from routelab.serve.peers import FigureStore, GatewayFigures, PeerExchange, WorkerPeers


def figures(n, under_way=0):
    snapshot = RouterMetrics().snapshot().with_state(waiting=1, breakers={"a": "open"})
    return GatewayFigures(snapshot, ((("requests", "chat"), n),), under_way)


def count(total):
    return Counter(dict(total.totals))["requests", "chat"]


def test_the_figures_of_the_dead_stay_and_nothing_is_under_way_there(tmp_path):
    store = FigureStore(tmp_path)
    peers = WorkerPeers(tmp_path, 0, 2, "one")
    store.write("two", figures(5, under_way=3))
    for _ in range(2):
        total = asyncio.run(peers.total(figures(2, under_way=1)))
        assert (count(total), total.under_way, total.snapshot.waiting) == (7, 1, 1)
        store.fold("two")  # once more changes nothing
    assert total.snapshot.breakers == {"a": "open"}
    store.write("three", figures(10))
    store.fold("three")
    assert count(asyncio.run(peers.total(figures(2)))) == 17
    assert sorted(it.name for it in tmp_path.glob("*.figures")) == ["gone.figures", "one.figures"]


def test_a_file_seen_before_it_was_added_up_is_not_counted_twice(tmp_path):
    store = FigureStore(tmp_path)
    store.write("two", figures(5))
    content = (tmp_path / "two.figures").read_bytes()
    store.fold("two")
    (tmp_path / "two.figures").write_bytes(content)
    assert [count(it) for it in store.others({"one"})] == [5]


def test_a_living_process_is_asked_and_its_file_not_counted(tmp_path):
    async def told(*_):
        return figures(7)

    async def run():
        FigureStore(tmp_path).write("two", figures(5))
        async with PeerExchange(tmp_path / "1.sock", "two", {"figures": told}):
            return await WorkerPeers(tmp_path, 0, 2, "one").total(figures(1))

    assert count(asyncio.run(run())) == 8


def test_whoever_knows_answers_and_refusals_are_the_same_words(tmp_path):
    caller = Identity(key="ann", tenant="north", policies=("a",))
    refusal = RefusedError(
        404, "none of yours", "not_found", kind="permission_error", param="x", retry_after_s=2.0
    )

    async def knows(body, asker):
        assert asker == caller
        if body["id"] == "secret":
            raise refusal
        if body["id"] == "broken":
            raise ValueError("a mistake")
        return {"said": body["id"]} if body["id"] == "mine" else None

    async def nothing(*_):
        return None

    async def run():
        peers = WorkerPeers(tmp_path, 0, 4, "one")  # the fourth is not there
        async with (
            PeerExchange(tmp_path / "1.sock", "two", {"outcome": nothing}),
            PeerExchange(tmp_path / "2.sock", "three", {"outcome": knows}),
        ):
            assert await peers.asked("outcome", {"id": "mine"}, caller) == {"said": "mine"}
            assert await peers.asked("outcome", {"id": "other"}, caller) is None
            assert await peers.asked("outcome", {"id": "broken"}, caller) is None
            with pytest.raises(RefusedError) as refused:
                await peers.asked("outcome", {"id": "secret"}, caller)
        assert vars(refused.value) == vars(refusal)
        assert await peers.asked("outcome", {"id": "mine"}, caller) is None

    asyncio.run(run())
