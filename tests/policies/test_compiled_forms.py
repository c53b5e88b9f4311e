"""Every kind of scorer and of policy gives the same bits, compiled and in plain Python."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from compiled_forms import form_of, needs_a_compiler
from policies_world import examples
from portable_world import FEATURES, SCORERS, TENSORS, WIRES
from portable_world import MODELS as PAIR

from routelab import replay
from routelab.core import Feedback
from routelab.policies import Utility
from routelab.policies.supermodel import plain as sets
from routelab.scorers import load_scorers
from routelab.scorers.kernels import plain as kernels
from routelab.signals.features.words import plain as words
from routelab.testing import world
from routelab.testing.log import awkward
from routelab.testing.requests import asked

COMPILED = ("policies.supermodel", "scorers.kernels", "signals.features.words")
PLAIN = {
    "policies.cascade_routing": {"best_set": sets.best_set},
    "scorers.linear": {"dot": kernels.dot},
    "scorers.trees": {"Walk": kernels.PlainWalk},
    "signals.features.words": {name: getattr(words, name) for name in ("census", "read", "vector")},
}
"""What is compiled, by the module that uses it."""

POLICIES = {f"{kind} {at}": it for kind, them in examples().items() for at, it in enumerate(them)}
POLICIES["task-mean"] = Utility(world.MODELS, "by task", cost="cost", cost_weight=50.0)
TEXTS = ("", "Is 7 prime?", "def f(x):\n    return x", "why not? " * 60, "数 学 no letters")

pytestmark = [needs_a_compiler, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def in_plain(monkeypatch):
    """Has everything that is compiled done in Python from there on."""

    def change():
        for module, names in PLAIN.items():
            for name, form in names.items():
                monkeypatch.setattr(import_module(f"routelab.{module}"), name, form)

    return change


@pytest.mark.parametrize("package", COMPILED)
def test_there_is_a_compiled_form(package):
    assert form_of(f"routelab.{package}", "_compiled") is not None


@pytest.mark.parametrize("name", SCORERS)
def test_a_scorer_scores_alike(name, in_plain):
    requests = [asked(text) for text in TEXTS]
    answer = Feedback(model=PAIR[0], signals={"sure": 0.7, "margin": 0.1}, completion_tokens=9)

    def scored():
        scoring = load_scorers(FEATURES, WIRES, TENSORS, models=PAIR)
        seen = answer if scoring.reads_answer(name) else None
        one = [scoring.score(name, request, seen) for request in requests]
        many = scoring.score_batch(name, requests, seen and [seen] * len(requests))
        return np.array(one), many

    compiled = scored()
    in_plain()
    for before, after in zip(compiled, scored(), strict=True):
        assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_decides_alike(name, in_plain):
    log, policy = awkward(60, seed=5), POLICIES[name]

    def replayed():
        scoring = load_scorers(world.FEATURES, world.SCORERS, world.TENSORS, models=world.MODELS)
        return replay.run(policy, log, scoring=scoring)

    compiled = replayed()
    in_plain()
    plain = replayed()
    for values in ("answered", "calls", "cost_usd", "quality", "latency_s"):
        assert getattr(compiled, values).tobytes() == getattr(plain, values).tobytes(), values
