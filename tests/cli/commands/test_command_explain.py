"""`routelab explain` of learned policies: what was said, of whom, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import rows_of, save

from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.gates import NonEmpty
from routelab.policies import Fallback, Fixed, Gated, to_wire
from routelab.policy_file import Document, load, write

POLICIES = Path(__file__).parents[3] / "policies"

SAID = {
    "gain-cascade": ("gain after small: ", "is expected to add"),
    "cascade-routing": ("judged after ", "is the best one seen, of quality"),
    "tiers": ("complexity: score ", "is in the tier"),
    "utility": ("quality: ", "is of the greatest utility"),
}


def logged(folder, models):
    more = {"task": "maths", "agreement": 0.4, "agreement_usd": 1e-4, "completion_tokens": 12}
    rows = [{**row, **more, "confidence": row["sure"]} for row in rows_of(4, models)]
    return save(folder / "log.csv", rows)


@pytest.mark.parametrize("kind", SAID)
def test_a_learned_decision_is_told_with_its_reasons(run, tmp_path, kind):
    policy = POLICIES / f"reference-{kind}.policy"
    models = load(policy).document.candidates
    named = ("explain", policy, "--log", logged(tmp_path, models), "--id", "r0001")
    told, data = run.ok(*named).out, run.ok(*named, "--json").data
    scored, why = SAID[kind]
    assert scored in told
    assert f"because {data['reasons'][0]}"[:40] in " ".join(told.split())
    assert any(why in reason for reason in data["reasons"])
    assert [step["outcome"] for step in data["steps"]].count("delivered") == 1


def test_a_gain_is_told_of_later_models_of_the_policy_alone(run, tmp_path):
    policy = POLICIES / "reference-gain-cascade.policy"
    loaded = load(policy)
    log = logged(tmp_path, loaded.document.candidates)
    told = run.ok("explain", policy, "--log", log, "--id", "r0001").out
    lines = [it for it in told.splitlines() if it.startswith("gain after ")]
    assert lines
    for line in lines:
        asked, said = line.removeprefix("gain after ").split(": ")
        models = loaded.policy.models
        assert [it.split()[0] for it in said.split(", ")] == [*models[models.index(asked) + 1 :]]


def test_an_answer_that_a_gate_refuses_is_told_with_the_reason(run, tmp_path):
    policy = Gated(Fallback((Fixed("small"), Fixed("large"))), (NonEmpty(),))
    document = Document(
        name="gated",
        policy=to_wire(policy),
        candidates=policy.models_used,
        catalogue=Catalogue(dict.fromkeys(policy.models_used, Model())),
    )
    write(tmp_path / "gated.policy", document, "# gated\n")
    rows = [{**row, "response": " " if row["model"] == "small" else "4"} for row in rows_of(2)]
    named = ("explain", tmp_path / "gated.policy", "--log", save(tmp_path / "log.csv", rows))
    data = run.ok(*named, "--id", "r0000", "--json").data
    assert [it["outcome"] for it in data["steps"]] == ["refused", "delivered"]
    (why,) = data["steps"][0]["rejected"]
    told = " ".join(run.ok(*named, "--id", "r0000").out.split())
    assert f"small was refused: {why}" in told
