"""A simulated day asks with the messages that the log holds, and decides as the replay does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from runtime_world import logged

from routelab import simulate
from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.logs import TextsInMemory
from routelab.policies import Conditional, Fixed, to_wire
from routelab.policies.conditional import Rule
from routelab.policies.match import Match
from routelab.policy_file import Document, write
from routelab.replay import run
from routelab.runtime import RouterConfig
from routelab.simulate import SimulationOptions, arrivals, latency

SYSTEM = {"role": "system", "content": "Be brief. " * 40}
MODELS = ("small", "large")


class Heard:
    """Keeps the messages of every request that ends."""

    def __init__(self):
        self.messages = {}

    def finished(self, finished):
        self.messages[finished.request.id] = finished.request.messages

    def feedback(self, request_id, quality, model):
        raise AssertionError("nobody judges here")

    def alert(self, alert):
        raise AssertionError("there are no budgets")


def test_a_day_sends_whole_conversations(tmp_path):
    said = [
        [SYSTEM] * (row % 2) + [{"role": "user", "content": "long " * (30 * (row % 3))}]
        for row in range(30)
    ]
    log = replace(logged(30).only(MODELS), texts=TextsInMemory(said), path=None)
    log = replace(log, requests=replace(log.requests, timestamp_s=np.arange(30.0)))
    catalogue = Catalogue(
        {
            name: Model(deployments=(Deployment(f"http://{name}.test/v1", name, name),))
            for name in MODELS
        }
    )
    policy = Conditional((Rule(Match(max_characters=200), Fixed("small")),), Fixed("large"))
    document = Document(
        name="x", policy=to_wire(policy), candidates=MODELS, catalogue=catalogue, reads="user_turns"
    )
    made = write(tmp_path / "x.policy", document, "# x\n")
    heard = Heard()
    options = SimulationOptions(config=RouterConfig(observers=(heard,)))
    day = simulate.simulate(
        made, log, arrivals(log, "log"), latency(log, "logged"), options=options
    )
    assert [list(heard.messages[f"r{row}"]) for row in range(30)] == said
    replayed = run(made.policy, log, scoring=made.scoring, catalogue=catalogue)
    assert day.model.tolist() == [MODELS[at] for at in replayed.answered]
    assert set(day.model) == set(MODELS)


def test_limits_of_tokens_count_the_whole_conversation(tmp_path):
    long = [{"role": "user", "content": "word " * 4000}]
    talks = [[{"role": "user", "content": "hi"}], [SYSTEM, *long, *long]]
    waited = []
    for said in talks:
        log = replace(logged(12).only(MODELS[:1]), texts=TextsInMemory([said] * 12), path=None)
        log = replace(log, requests=replace(log.requests, timestamp_s=np.arange(12.0)))
        at = Deployment("http://small.test/v1", "small", "small", tokens_per_minute=20_000.0)
        catalogue = Catalogue({"small": Model(deployments=(at,))})
        document = Document(
            name="x", policy=to_wire(Fixed("small")), candidates=("small",), catalogue=catalogue
        )
        made = write(tmp_path / "x.policy", document, "# x\n")
        day = simulate.simulate(made, log, arrivals(log, "log"), latency(log, "logged"))
        waited.append(np.nanmax(day.latency_s) if day.answered.all() else np.inf)
    assert waited[1] > waited[0] + 1.0  # until what was reserved is given back
