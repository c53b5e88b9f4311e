"""A router that explores over HTTP leaves a log from which policies are valued and tuned."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from estimated_world import MODELS, complete
from runtime_world import policy_file

import routelab
from routelab.logs import PartialLog, TextsInMemory
from routelab.policies import Explore, Fixed, Mixture
from routelab.policy_file import load
from routelab.replay import path_decisions, run
from routelab.replay_server import background, pointed_at
from routelab.runtime import AsyncRouter, RequestOptions, RouterConfig
from routelab.tuning import Options, save, tune
from routelab.whatif import PolicyToValue, value

SERVING = Explore(
    Mixture(Fixed("small"), Mixture(Fixed("middle"), Fixed("large"), 0.5, "rest"), 0.5), 0.4
)
"""Three draws before a call, of which several lead to each model."""


@pytest.fixture(scope="module")
def world():
    log = complete(800, seed=3)
    prompts = [f"request {row}" for row in range(len(log))]
    answers = {name: [f"{name} on {it}" for it in prompts] for name in MODELS}
    return routelab.logs.Log(**{**vars(log), "texts": TextsInMemory(prompts, answers)})


@pytest.fixture(scope="module")
def seen(world, tmp_path_factory):
    """What the router wrote down, read back."""
    folder = tmp_path_factory.mktemp("explored")
    with background(world) as url:
        catalogue = pointed_at(url, world.models)
        serving = policy_file(folder, SERVING, catalogue, {}, seed=5)
        asyncio.run(served(serving, world, folder / "decisions"))
    return routelab.read(folder / "decisions")


async def served(serving, log, folder):
    """Route every request, and say what the answer was worth."""
    config = RouterConfig(log=folder)
    async with AsyncRouter(serving, serving.document.catalogue, config) as router:
        at_once = asyncio.Semaphore(16)

        async def one(row):
            prompt = log.texts.prompts(np.array([row]))[0]
            named = RequestOptions(id=str(log.requests.id[row]), task=str(log.requests.task[row]))
            async with at_once:
                routed = await router.route(prompt, named)
            worth = log.quality[row, log.models.index(routed.model)]
            router.feedback(routed.decision.request_id, float(worth))

        await asyncio.gather(*map(one, range(len(log))))


def test_the_log_holds_the_probability_of_every_call(seen):
    assert isinstance(seen, PartialLog)
    assert len(seen) == 800
    assert not any("drew twice" in it for it in seen.notes)
    right = path_decisions(SERVING, seen)
    np.testing.assert_allclose(seen.propensity, right.first[np.arange(800), seen.model])
    assert set(np.round(seen.propensity, 4)) == {
        round(0.6 * 0.5 + 0.4 / 3, 4), round(0.6 * 0.25 + 0.4 / 3, 4)
    }  # fmt: skip


def test_values_hold_the_replays_truth(seen, world):
    held = []
    for name in MODELS:
        (found,) = value(seen, [PolicyToValue(name, Fixed(name))])
        truth = run(Fixed(name), world)
        for outcome, right in (("quality", truth.quality), ("cost_usd", truth.cost_usd)):
            low, high = found.estimates[outcome].ci
            held.append(low <= right.mean() <= high)
    assert sum(held) >= 5  # of six, each of which misses one time in twenty


def test_it_is_tuned_on_and_the_policy_exported(seen, world, tmp_path):
    study = tune(seen, Options(name="learned", split="random"))
    save(study, tmp_path / "learned.policy")
    loaded = load(tmp_path / "learned.policy")
    test = study.split.rows("test")
    ids = {it: row for row, it in enumerate(world.requests.id)}
    rows = np.array([ids[it] for it in seen.requests.id[test]])
    truth = run(loaded.policy, world.take(rows), scoring=loaded.scoring)
    low, high = study.estimated.quality.ci
    # A twentieth more: answers come in any order over HTTP, and with it the folds, and so few
    # requests of test make a rough interval, as the study says.
    assert low - 0.05 <= truth.quality.mean() <= high + 0.05
    assert any("the interval is rough" in it for it in study.verdict.reasons)
