"""A gate that takes long over an answer refuses it, holds nobody up, and the next is asked."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from runtime_world import policy_file

from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.errors import RouteError
from routelab.gates import JsonSchema, Pattern
from routelab.policies import Cascade
from routelab.runtime import AsyncRouter, Reply, RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets

SLOW = "a" * 30
GATE = Pattern(r"\A(?:" + "a?" * 30 + "a" * 30 + r"b|fine)\Z")
"""Which takes a thousand million steps to refuse `SLOW`."""


class Endpoint:
    def __init__(self, answers):
        self._answers = answers

    async def send(self, outgoing):
        message = {"content": self._answers[outgoing.deployment.model]}
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        return Reply(200, {"choices": [{"message": message}], "usage": usage})

    @asynccontextmanager
    async def stream(self, outgoing):
        raise NotImplementedError
        yield

    def hide(self, deployment, text):
        return text


def routed(folder, answers, gate, **asked):
    """The answer, with the longest turn of the event loop's thread and what the budget says."""
    prices = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
    models = {
        name: Model(deployments=(Deployment("http://upstream.test/v1", name),), **prices)
        for name in ("first", "last")
    }
    file = policy_file(folder, Cascade(("first", "last"), (0.0,), "sure"), Catalogue(models))
    config = RouterConfig(
        upstream=Endpoint(answers),
        gates=(gate,),
        signals={"sure": lambda request, body: 1.0},
        budgets=Budgets(all=BudgetRule(1.0)),
        quiet=True,
    )

    async def run():
        longest = 0.0

        async def watch():
            nonlocal longest
            while True:
                before = time.thread_time()
                await asyncio.sleep(0.001)
                longest = max(longest, time.thread_time() - before)

        async with AsyncRouter(file, Catalogue(models), config) as router:
            watching = asyncio.create_task(watch())
            try:
                return await router.route("hi", **asked), longest
            finally:
                watching.cancel()
                (budget,) = (await router.snapshot()).budgets
                assert budget.reserved_usd == 0.0
                assert budget.spent_usd > 0.0

    return asyncio.run(run())


def test_the_next_model_is_asked(tmp_path):
    found, longest = routed(tmp_path, {"first": SLOW, "last": "fine"}, GATE)
    assert found.model == "last"
    (refused,) = found.decision.steps[0].feedback.rejected
    assert "gave no verdict in 2 s" in refused
    assert longest < 1.0  # the search alone takes minutes


def test_no_verdict_is_waited_for_after_the_deadline(tmp_path):
    with pytest.raises(RouteError, match="deadline"):
        routed(tmp_path, {"first": SLOW, "last": SLOW}, GATE, deadline_s=0.3)


def test_an_answer_that_a_gate_cannot_read_is_refused(tmp_path):
    answers = {"first": '{"\\ud800": 1}', "last": "{}"}
    schema = {"additionalProperties": {"type": "string"}}
    found, _ = routed(tmp_path, answers, JsonSchema(schema))
    assert found.model == "last"
