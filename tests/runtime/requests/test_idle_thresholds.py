"""A router says so where no value of a signal's source reaches a threshold, or any does."""

from __future__ import annotations

import logging
import math

import pytest

from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.policies import Cascade, Explore, Retry, to_wire
from routelab.policy_file import Document, write
from routelab.runtime import AsyncRouter, RouterConfig
from routelab.runtime.requests.active_policy import idle_thresholds
from routelab.signals import resolve

SOURCES = {
    "logprob_mean": (-9999.0, 0.0),
    "logprob_min": (-9999.0, 0.0),
    "logprob_q:0.1": (-9999.0, 0.0),
    "margin": (0.0, 100.0),
    "agreement:3": (0.0, 1.0),
    "column:sure": (-math.inf, math.inf),
    "reversed:logprob_mean": (0.0, 9999.0),
    "reversed:column:sure": (-math.inf, math.inf),
}


def told(threshold, source):
    cascade = Cascade(("a", "b"), (threshold,), "sure")
    return list(idle_thresholds(cascade, {"sure": resolve("sure", source)}))


@pytest.mark.parametrize("source", SOURCES)
def test_a_threshold_beyond_the_range_of_its_source_is_told(source):
    least, greatest = SOURCES[source]
    assert resolve("sure", source).bounds == (least, greatest)
    for inside in (least, greatest, 0.0):
        if math.isfinite(inside):
            assert told(inside, source) == []
    if math.isfinite(greatest):
        (above,) = told(greatest + 0.8, source)
        assert "no answer is kept" in above
        assert repr("sure") in above
    if math.isfinite(least):
        (below,) = told(least - 0.8, source)
        assert "any answer is kept" in below


def test_a_function_may_give_anything():
    assert told(1e9, lambda request, response: 1.0) == []


def test_thresholds_of_policies_inside_others_are_looked_at():
    inner = Retry("a", signal="sure", threshold=2.0)
    assert Explore(inner, epsilon=0.1).thresholds_used == (("sure", 2.0),) == inner.thresholds_used
    assert Retry("a").thresholds_used == ()


@pytest.mark.parametrize(("threshold", "warned"), [(0.8, True), (-0.3, False)])
def test_a_router_warns_when_it_is_made(threshold, warned, tmp_path, caplog):
    models = {it: Model(deployments=(Deployment("http://h.test/v1", it),)) for it in ("a", "b")}
    document = Document(
        name="mine",
        policy=to_wire(Cascade(("a", "b"), (threshold,), "sure")),
        candidates=("a", "b"),
        catalogue=Catalogue(models),
        signals={"sure": SignalSpec(multiplier=1.0)},
    )
    file = write(tmp_path / "mine.policy", document, "# mine\n")
    with caplog.at_level(logging.WARNING, "routelab"):
        AsyncRouter(file, document.catalogue, config=RouterConfig(signals={"sure": "logprob_mean"}))
    said = [it for it in caplog.messages if "threshold" in it]
    assert bool(said) is warned
    if warned:
        assert said == [
            "threshold 0.8 of signal 'sure' decides nothing: logprob_mean gives -9999 to 0, so"
            " that no answer is kept by it; give a threshold between them, or another source in"
            " RouterConfig(signals=...)"
        ]
