"""`routelab value`: from a decision log that a router wrote over HTTP to values that hold."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

import routelab
from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.core.conversation import prompted
from routelab.policies import Cascade, Explore, Fixed, Mixture, to_wire
from routelab.policy_file import Document, load
from routelab.policy_file import write as write_policy
from routelab.replay_server import background
from routelab.runtime import AsyncRouter, RequestOptions, RouterConfig
from routelab.signals import as_logged

N = 500
SMALL, LARGE = "small-8b", "frontier"
MODELS = (SMALL, LARGE)
USUAL = Cascade(MODELS, (0.6,), "confidence")
EXPLORING = Explore(USUAL, 0.5)


def saved(folder, name, policy):
    document = Document(
        name=name,
        policy=to_wire(policy),
        candidates=MODELS,
        catalogue=Catalogue({it: Model(cost_reported=True) for it in MODELS}),
        signals={"confidence": routelab.core.SignalSpec()},
    )
    write_policy(folder / f"{name}.policy", document, "")
    return folder / f"{name}.policy"


@pytest.fixture(scope="module")
def there(sample_file, tmp_path_factory):
    """A folder of policies and of a decision log, which a router wrote against a real server."""
    folder = tmp_path_factory.mktemp("value")
    log = routelab.read(sample_file, signals=["confidence"]).take(np.arange(N)).only(MODELS)
    exploring = saved(folder, "exploring", EXPLORING)
    saved(folder, "usual", USUAL)
    saved(folder, "large", Fixed(LARGE))
    saved(folder, "eager", Cascade(MODELS, (0.9,), "confidence"))
    saved(folder, "mixed", Mixture(Fixed(SMALL), Fixed(LARGE), 0.5))
    catalogue = Catalogue({it: Model(cost_reported=True) for it in MODELS})
    with background(log, catalogue=catalogue) as url:
        asyncio.run(routed(load(exploring), log, url, folder / "decisions"))
    return folder, log


async def routed(policy, log, url, out):
    """Route every request, and judge every answer that is delivered by what the log says of it."""
    catalogue = Catalogue(
        {it: Model(cost_reported=True, deployments=(Deployment(url, it),)) for it in MODELS}
    )
    config = RouterConfig(log=out, signals=as_logged(["confidence"]), quiet=True)
    said = log.texts.messages(np.arange(len(log))) if log.texts else [prompted("")] * len(log)
    async with AsyncRouter(policy, catalogue, config) as router:
        for row in range(len(log)):
            request = log.requests.request(row)
            answer = await router.route(said[row], RequestOptions.of(request))
            column = log.column(answer.decision.answer.model)
            router.feedback(request.id, float(log.quality[row, column]))


def truth(log, policy):
    return float(routelab.replay.run(policy, log).quality.mean())


def test_a_decision_log_written_over_http_gives_values_that_hold_the_replays_truth(run, there):
    folder, log = there
    names = ("usual", "large")
    given = [folder / f"{name}.policy" for name in names]
    found = run.ok("value", *given, "--log", folder / "decisions", "--json").data
    assert [it["policy"] for it in found] == list(names)
    truths = {"usual": truth(log, USUAL), "large": truth(log, Fixed(LARGE))}
    for it in found:
        quality = it["estimates"]["quality"]
        low, high = quality["ci"]
        assert low < truths[it["policy"]] < high
        assert quality["diagnostics"]["supported"] == 1.0
        assert not it["lacking"].get("quality")


def test_an_answer_that_was_not_delivered_was_not_judged_so_a_policy_that_would_have_is_refused(
    run, there
):
    folder, _ = there
    ended = run("value", folder / "mixed.policy", "--log", folder / "decisions")
    assert ended.status == 1
    assert "not known of" in ended.out
    assert "USD per 1,000" in ended.out  # its cost is known all the same


def test_the_policy_that_made_a_log_gives_the_same_propensities_as_the_log(run, there):
    folder, _ = there
    arguments = ("value", folder / "large.policy", "--log", folder / "decisions", "--json")
    logged = run.ok(*arguments).data
    known = run.ok(*arguments, "--logged-by", folder / "exploring.policy").data
    one, other = (it[0]["estimates"]["quality"] for it in (logged, known))
    assert one["value"] == pytest.approx(other["value"])
    assert one["ci"] == pytest.approx(other["ci"])


def test_a_policy_that_goes_on_where_the_log_never_did_is_refused_with_what_would_mend_it(
    run, there
):
    folder, _ = there
    ended = run("value", folder / "eager.policy", "--log", folder / "decisions")
    assert ended.status == 1
    assert "refused" in ended.out
    assert "no support" in ended.out
    assert "explore with epsilon" in ended.out


def test_tables_show_values_beside_what_was_done(run, there):
    folder, _ = there
    out = run.ok(
        "value", folder / "large.policy", "--log", folder / "decisions", "--verbose",
        "--largest-weight", "4",
    ).out  # fmt: skip
    for words in ("as logged", "large", "effective requests", "mean weight", "certain quality"):
        assert words in out
    assert "the outcome model is off by" in out


def test_judged_requests_stand_for_the_others_only_when_asked(run, there, tmp_path):
    folder, _ = there
    lines = (folder / "decisions").glob("*.jsonl")
    kept = tmp_path / "log.jsonl"
    feedback = 0
    with kept.open("w", encoding="utf-8") as out:
        for path in lines:
            for line in path.read_text(encoding="utf-8").splitlines():
                is_note = json.loads(line)["schema"].startswith("routelab.feedback")
                feedback += is_note
                if not is_note or feedback % 2:
                    out.write(line + "\n")
    bare = run("value", folder / "large.policy", "--log", kept)
    assert bare.status == 1
    assert "quality is not known of" in bare.out
    found = run.ok(
        "value", folder / "large.policy", "--log", kept, "--judged-at-random", "--json"
    ).data
    quality = found[0]["estimates"]["quality"]
    assert quality["requests"] == N // 2
    assert any("were judged" in note for note in quality["notes"])
    assert found[0]["estimates"]["cost_usd"]["requests"] == N


BAD = {
    "propensity,0": "propensity",
    "propensity,1.5": "propensity",
    "propensity,": "propensity",
}


@pytest.mark.parametrize("change", BAD)
def test_bad_propensities_are_named_with_their_row(run, there, tmp_path, change):
    folder, _ = there
    name, value = change.split(",")
    path = tmp_path / "bad.csv"
    rows = ["request_id,model,quality,cost_usd,confidence,propensity"]
    rows += [f"r{at},{MODELS[at % 2]},0.5,0.001,0.4,0.5" for at in range(20)]
    rows[6] = f"r5,{SMALL},0.5,0.001,0.4,{value}"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    ended = run("value", folder / "large.policy", "--log", path)
    assert ended.status != 0
    assert name in ended.err
    assert ("(0, 1]" if value else "of every call") in ended.err


def test_logs_that_cannot_be_valued_say_what_to_do(run, there, sample_file, tmp_path):
    folder, _ = there
    complete = run("value", folder / "large.policy", "--log", sample_file)
    assert complete.status != 0
    assert "routelab replay" in complete.err
    steps = tmp_path / "steps.csv"
    rows = ["request_id,model,step,quality,cost_usd,confidence"]
    rows += [f"r{at},{MODELS[at % 2]},0,0.5,0.001,0.4" for at in range(20)]
    steps.write_text("\n".join(rows) + "\n", encoding="utf-8")
    unknown = run("value", folder / "large.policy", "--log", steps)
    assert unknown.status != 0
    assert "--logged-by" in unknown.err
    torn = tmp_path / "torn.csv"
    rows = ["request_id,model,step,propensity,quality,cost_usd,confidence"]
    rows += [f"r{at},{SMALL},1,0.5,0.5,0.001,0.4" for at in range(20)]
    rows += ["r99,frontier,0,0.5,0.5,0.001,0.4"]
    torn.write_text("\n".join(rows) + "\n", encoding="utf-8")
    gap = run("value", folder / "large.policy", "--log", torn)
    assert gap.status != 0
    assert "lacks a step" in gap.err


def test_another_policys_log_is_not_taken_for_this_ones(run, there):
    folder, _ = there
    arguments = ("value", folder / "large.policy", "--log", folder / "decisions")
    ended = run(*arguments, "--logged-by", folder / "usual.policy")
    assert ended.status != 0
    assert "would never have made" in ended.err


def test_labels_correct_what_the_log_says_of_quality(run, there, tmp_path):
    folder, log = there
    labels = tmp_path / "labels.jsonl"
    rng = np.random.default_rng(0)
    rows = [
        {"request_id": str(log.requests.id[at]), "quality": float(log.quality[at, column]),
         "model": MODELS[column]}
        for at in rng.choice(N, 200, replace=False)
        for column in (0, 1)
    ]  # fmt: skip
    labels.write_text("".join(json.dumps(it) + "\n" for it in rows), encoding="utf-8")
    arguments = ("value", folder / "large.policy", "--log", folder / "decisions", "--json")
    found = run.ok(*arguments, "--labels", labels).data[0]["estimates"]["quality"]
    assert found["ci"][0] < truth(log, Fixed(LARGE)) < found["ci"][1]
    assert any("corrected by" in note for note in found["notes"])
    labels.write_text('{"request_id": "r1", "quality": 7}\n', encoding="utf-8")
    assert "labels" in run.refused(*arguments, "--labels", labels)


def test_propensities_are_estimated_when_asked_and_said_to_be(run, there):
    folder, log = there
    arguments = ("value", folder / "large.policy", "--log", folder / "decisions", "--json")
    ended = run(*arguments, "--estimate-propensities")
    (found,) = json.loads(ended.out)
    notes = found["estimates"]["cost_usd"]["notes"]
    assert any("propensities are estimated" in note for note in notes)
    both = run.refused(
        *arguments, "--estimate-propensities", "--logged-by", folder / "exploring.policy"
    )
    assert "--logged-by" in both
    assert len(log) == N
