"""A caller has the answer; what it cost is read and accounted for behind it."""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import pytest
from runtime_world import catalogue, model, policy_file

from routelab.errors import RouteError
from routelab.logs.decisions import open_journal
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter, Router, RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets
from routelab.runtime.requests import delivery

LATE_S = 1.0
USD = (1000 * 2.0 + 500 * 8.0) / 1e6
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(delivery, "PATIENCE_S", 0.3)


def event(choices, **more):
    return b"data: " + json.dumps({"choices": choices, **more}).encode() + b"\n\n"


class Late(httpx.AsyncByteStream):
    """An answer whose usage comes so much later, or never, with the connection left open."""

    def __init__(self, after_s):
        self._after_s = after_s

    async def __aiter__(self):
        yield event([{"index": 0, "delta": {"content": "Four."}}])
        yield event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        await asyncio.sleep(self._after_s)
        yield event([], usage=USAGE)
        yield b"data: [DONE]\n\n"


def settings(tmp_path, after_s):
    def endpoint(_):
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, stream=Late(after_s))

    file = policy_file(tmp_path, Fixed("first"), catalogue(first=model("good")))
    config = RouterConfig(
        transport=httpx.MockTransport(endpoint),
        log=tmp_path / "log",
        budgets=Budgets(all=BudgetRule(1000.0)),
    )
    return file, config


def accounted(tmp_path, snapshot):
    """What log, metrics and budget have of the one request."""
    (record,) = [it for it in open_journal(tmp_path / "log").lines() if hasattr(it, "status")]
    (budget,) = snapshot.budgets
    assert budget.reserved_usd == 0.0
    assert snapshot.statuses == {record.status: 1}
    return record.status, record.cost_usd, snapshot.requests.cost_usd, budget.spent_usd


ACCOUNTED = ("answered", pytest.approx(USD), pytest.approx(USD), pytest.approx(USD))


@pytest.mark.parametrize("leaves", ["at the last piece", "at the end of the loop", "settles"])
def test_nobody_waits_for_the_usage_and_it_is_not_lost(tmp_path, leaves):
    async def run():
        file, config = settings(tmp_path, LATE_S)
        router = AsyncRouter(file, file.document.catalogue, config)
        began = time.monotonic()
        async with router.stream("2 + 2?") as answer:
            said = ""
            async for piece in answer:
                said += piece.text
                if leaves == "at the last piece" and piece.raw["choices"][0].get("finish_reason"):
                    break
            waited_s = time.monotonic() - began
            assert said == "Four."
            if leaves == "settles":
                with pytest.raises(RouteError, match="settled"):
                    _ = answer.routed
                assert (await answer.settled()).cost_usd == pytest.approx(USD)
        left_s = time.monotonic() - began
        await router.aclose()
        return waited_s, left_s, await router.snapshot()

    waited_s, left_s, snapshot = asyncio.run(run())
    assert waited_s < LATE_S
    assert (left_s < LATE_S) is (leaves != "settles")
    if leaves != "at the last piece":  # who leaves before the end may be in time to stop it
        assert accounted(tmp_path, snapshot) == ACCOUNTED


def test_the_caller_who_asks_for_the_usage_gets_it(tmp_path):
    async def run():
        file, config = settings(tmp_path, LATE_S)
        options = {"stream_options": {"include_usage": True}}
        async with (
            AsyncRouter(file, file.document.catalogue, config) as router,
            router.stream("2 + 2?", **options) as answer,
        ):
            pieces = [piece.raw async for piece in answer]
        return pieces, answer.routed.cost_usd

    pieces, usd = asyncio.run(run())
    assert pieces[-1]["usage"] == USAGE
    assert usd == pytest.approx(USD)


def test_a_blocking_caller_has_the_cost_where_it_asks_for_it(tmp_path):
    file, config = settings(tmp_path, LATE_S)
    with Router(file, file.document.catalogue, config) as router:
        began = time.monotonic()
        with router.stream("2 + 2?") as answer:
            assert "".join(piece.text for piece in answer) == "Four."
            assert time.monotonic() - began < LATE_S
            assert answer.routed.cost_usd == pytest.approx(USD)
        snapshot = router.snapshot()
    assert accounted(tmp_path, snapshot) == ACCOUNTED
