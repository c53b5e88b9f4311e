"""`routelab parity`: a policy tuned with each kind is decided over HTTP as in its replay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from routelab.core.catalogue.catalogue import Catalogue
from routelab.core.signal_spec import SignalSpec
from routelab.gates import Length
from routelab.logs import Log
from routelab.logs.write import write as write_log
from routelab.policies import Cascade, Explore, Fallback, Fixed, Gated, to_wire
from routelab.policy_file import Document, load, write
from routelab.replay_server import parity as proof
from routelab.tuning.kinds.kind_learning import LearnedKinds
from routelab.tuning.tuners import AUTO, CASCADE, CHOICES, CONDITIONAL, LEARNED

PAIR = ("small-8b", "frontier")
TRIO = ("small-8b", "code-expert", "frontier")


def kinds(policy: dict[str, Any]) -> list[str]:
    """Of a policy, or of both in a mixture that meets a bound."""
    inside = [policy[it] for it in ("first", "second") if it in policy]
    return [policy["kind"], *(kind for it in inside for kind in kinds(it))]


@pytest.mark.parametrize(
    ("kind", "models", "every", "bound"),
    [
        *((kind, PAIR, 8, ()) for kind in (CASCADE, *LEARNED) if kind != "neighbors"),
        ("neighbors", TRIO, 4, ()),
        (CONDITIONAL, TRIO, 4, ()),
        (CONDITIONAL, TRIO, 4, ("--min-quality-share", 0.8)),
    ],
)
def test_every_kind_is_decided_over_http_as_in_its_replay(
    kind, models, every, bound, sample_log: Log, tmp_path, run, monkeypatch
):
    few = tmp_path / "few.parquet"
    write_log(sample_log.take(np.arange(0, len(sample_log), every)).only(models), few)
    monkeypatch.setattr(LearnedKinds, "worth", lambda *_: None)  # says what learning is worth; slow
    knee = () if kind == "neighbors" else ("--point", "knee")  # which is a model there
    options = ("--policy", kind, "--trials", 5, *(bound or knee))
    quiet = ("--no-tracking", "--no-report", "--json", "--out", "it.policy")
    tuned = run.ok("tune", few, *options, *quiet).data
    exported = kinds(tuned["operating_points"][0]["policy"])
    assert exported == (["mixture", kind, kind] if bound else [kind])
    proved = run.ok("parity", "it.policy", "--log", few, "--n", 25, "--json").data
    assert (proved["n"], proved["same"], proved["different"]) == (25, 25, [])
    assert proved["holds"]
    assert proved["replayed_usd"] == proved["routed_usd"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHOICES)
def test_300_requests_of_every_kind_and_of_what_it_may_be_wrapped_in(kind, sample_file, run):
    quiet = ("--no-tracking", "--no-report", "--json", "--out", "it.policy")
    models = ("--models", ",".join(TRIO)) if kind == CONDITIONAL else ()
    options = ("--policy", kind, *models)
    tuned = run.ok("tune", sample_file, *options, *quiet).data
    it = load("it.policy")
    assert kind in (AUTO, *kinds(it.document.policy))
    assert tuned["kind"] in kinds(it.document.policy)
    best = Fixed(it.document.candidates[-1])
    gated = Gated(it.policy, (Length(most=600),))
    for policy in (it.policy, gated, Fallback((gated, best)), Explore(it.policy, 0.2)):
        document = structs.replace(it.document, policy=to_wire(policy))
        write(Path("wrapped.policy"), document, "# x\n", it.tensors)
        proved = run.ok("parity", "wrapped.policy", "--log", sample_file, "--json").data
        assert (proved["n"], proved["same"], proved["holds"]) == (300, 300, True)


@pytest.fixture
def cascade(sample_log: Log, tmp_path: Path):
    """Writes a cascade over a pair of the sample's models, in a catalogue that may lie."""

    def made(**lies: float):
        assert sample_log.catalogue is not None
        models = sample_log.catalogue.only(PAIR).models
        known = Catalogue({name: structs.replace(it, **lies) for name, it in models.items()})
        signals = {"confidence": SignalSpec(multiplier=1.0)}
        policy = to_wire(Cascade(PAIR, (0.8,), "confidence"))
        it = Document(name="x", policy=policy, candidates=PAIR, catalogue=known, signals=signals)
        return write(tmp_path / "x.policy", it, "# x\n").path

    return made


def test_a_bill_that_is_not_the_replay_s_fails_and_is_shown(cascade, sample_file, run):
    policy = cascade(cost_reported=False, input_usd_per_mtok=1e6)
    asked = ("parity", policy, "--log", sample_file, "--split", "all", "--n", 5)
    done = run(*asked)
    assert done.status == 1
    assert "parity: 0/5 decisions, cost different" in done.out
    assert "5 of them differ in cost alone" in done.out
    for way in ("replayed", "routed over HTTP"):
        assert f"Request req-0000, {way}" in done.out
    data = run(*asked, "--json").data
    assert data["cost_alone"] == data["n"] == 5
    assert len(data["examples"]) == proof.SHOWN
    first = data["examples"][0]
    steps = [[step["model"] for step in first[way]["steps"]] for way in ("replayed", "routed")]
    assert steps[0] == steps[1]
    assert first["replayed"]["cost_usd"] < first["routed"]["cost_usd"]


def test_another_decision_fails_and_is_shown(cascade, sample_log: Log, monkeypatch):
    unsure = {"confidence": np.zeros_like(sample_log.signals["confidence"])}
    honest = proof.background

    def lying(log, **options):
        return honest(
            replace(log, signals={"confidence": unsure["confidence"][: len(log)]}), **options
        )

    monkeypatch.setattr(proof, "background", lying)
    proved = proof.prove_parity(load(cascade()), sample_log.take(np.arange(40)))
    assert 0 < proved.same < 40
    assert not proved.holds
    assert proved.cost_alone == 0
    for it in proved.examples:
        assert it.replayed is not None
        assert it.routed is not None
        assert (it.replayed.models, it.routed.models) == (PAIR[:1], PAIR)


def test_what_makes_no_sense_is_refused(cascade, sample_file, run):
    said = run.refused("parity", cascade(), "--log", sample_file, "--split", "all", "--n", -1)
    assert "--n -1" in said
    assert "records no split" in run.refused("parity", cascade(), "--log", sample_file)
