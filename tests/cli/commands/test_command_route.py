"""Routing by hand through a replay server decides and pays as the replay says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.signal_spec import SignalSpec
from routelab.logs import read
from routelab.policies import Cascade, Conditional, Fixed, to_wire
from routelab.policies.conditional import Rule
from routelab.policies.match import Match
from routelab.policy_file import Document, write
from routelab.replay_server import background

SOURCES = ("agreement:3", "logprob_q:0.1", "column:scores.confidence", "")


@pytest.fixture(scope="module")
def log(few_file):
    return read(few_file).take(np.arange(200))


def cascade(folder, source):
    """A policy whose signal production has from such a source, at three times the cost."""
    policy = Cascade(("small-8b", "frontier"), (0.8,), "confidence")
    document = Document(
        name="sure",
        policy=to_wire(policy),
        candidates=policy.models,
        catalogue=Catalogue(dict.fromkeys(policy.models, Model())),
        signals={"confidence": SignalSpec(multiplier=3.0, source=source)},
    )
    write(folder / "sure.policy", document, "# sure\n")
    return folder / "sure.policy"


@pytest.mark.parametrize("source", SOURCES)
def test_a_request_by_hand_is_decided_and_paid_as_explained(run, tmp_path, few_file, log, source):
    policy = cascade(tmp_path, source)
    spec = SignalSpec(multiplier=3.0, source=source)
    with background(log.with_specs({"confidence": spec})) as base_url:
        for row in (0, 1, 2, 3):
            named = ("--id", str(log.requests.id[row]), "--json")
            explained = run.ok("explain", policy, "--log", few_file, *named).data
            done = run.ok("route", policy, "any prompt", "--base-url", base_url, *named)
            assert done.err == ""
            routed = done.data
            assert routed["model"] == explained["model"]
            assert routed["cost_usd"] == explained["cost_usd"]
            for ours, theirs in zip(routed["steps"], explained["steps"], strict=True):
                assert (ours["model"], ours["signals"]) == (theirs["model"], theirs["signals"])


def test_a_policy_that_reads_the_request_decides_as_explained(run, tmp_path, few_file, log):
    rules = (
        Rule(Match(task=(str(log.requests.task[0]),)), Fixed("frontier")),
        Rule(Match(max_characters=len(log.texts.prompts(np.array([1]))[0])), Fixed("medium-70b")),
    )
    policy = Conditional(rules, Fixed("small-8b"))
    models = dict.fromkeys(policy.models_used, Model())
    document = Document(
        name="rules",
        policy=to_wire(policy),
        candidates=tuple(models),
        catalogue=Catalogue(models),
    )
    write(tmp_path / "rules.policy", document, "# rules\n")
    told = run.ok("inspect", tmp_path / "rules.policy").out
    assert "reads of a request: prompt, task" in " ".join(told.split())
    assert "of its messages all, system text included" in " ".join(told.split())
    shown = run.ok("inspect", tmp_path / "rules.policy", "--json").data
    assert (shown["reads"], shown["messages_read"]) == (["prompt", "task"], None)
    chosen = structs.replace(document, name="turns", reads="last_turn")
    write(tmp_path / "turns.policy", chosen, "# turns\n")
    told = run.ok("inspect", tmp_path / "turns.policy").out
    assert "prompt, task; of its messages last_turn" in " ".join(told.split())
    shown = run.ok("inspect", tmp_path / "turns.policy", "--json").data
    assert (shown["reads"], shown["messages_read"]) == (["prompt", "task"], "last_turn")
    decided = set()
    with background(log) as base_url:
        for row in range(12):
            named = ("--log", few_file, "--id", str(log.requests.id[row]), "--json")
            explained = run.ok("explain", tmp_path / "rules.policy", *named).data
            routed = run.ok("route", tmp_path / "rules.policy", "--base-url", base_url, *named)
            assert (routed.err, routed.data["model"]) == ("", explained["model"])
            assert routed.data["cost_usd"] == explained["cost_usd"]
            assert routed.data["reasons"] == explained["reasons"]
            if row == 0:
                alone = ("any", "--id", str(log.requests.id[0]), "--base-url", base_url)
                done = run.ok("route", tmp_path / "rules.policy", *alone)
                assert done.err.startswith(
                    "warning: the policy reads a request's task: give --task"
                )
                told = run.ok("route", tmp_path / "rules.policy", *alone, "--task", "code")
                assert told.err == ""
            decided.add((explained["model"], *explained["reasons"]))
    assert decided == {
        ("frontier", f"rule 1 holds: {rules[0].when.explained}"),
        ("medium-70b", f"rule 2 holds: {rules[1].when.explained}"),
        ("small-8b", "no rule holds, and `otherwise` decides"),
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "give PROMPT, or --log LOG --id REQUEST"),
        (("hi", "--prices", "none.csv"), "and --ignore are of --log LOG: give it too"),
        (("--log", "LOG"), "sample.parquet: give the request as --id, one of the log's"),
        (("--log", "LOG", "--id", "none"), "no request 'none'; ids look like 'req-0000'"),
        (("--log", "LOG", "--id", "req-0000", "--task", "code"), "the log says what they are"),
    ],
)
def test_a_request_that_is_not_said_whole_is_refused(run, tmp_path, sample_file, words, says):
    words = [sample_file if word == "LOG" else word for word in words]
    assert says in run.refused("route", cascade(tmp_path, ""), *words)


def test_a_server_that_charges_otherwise_is_told_of(run, tmp_path, log):
    policy = cascade(tmp_path, "agreement:3")
    named = ("--id", str(log.requests.id[0]))
    with background(replace(log, specs={})) as base_url:
        done = run.ok("route", policy, "any prompt", "--base-url", base_url, *named)
    assert "charges nothing for signal 'confidence'" in done.err
    assert "start the replay server with --signal confidence:3" in done.err


def test_a_source_that_is_given_goes_first_and_what_cannot_be_repeated_is_said(run, tmp_path, log):
    policy = cascade(tmp_path, "agreement:3")
    named = ("--id", str(log.requests.id[0]), "--source", "confidence=agreement:3")
    with background(log) as base_url:
        done = run.ok("route", policy, "any prompt", "--base-url", base_url, *named)
    said = " ".join(done.out.split())
    assert "small-8b failed" in said
    assert "cannot repeat signal 'confidence' as agreement:3: 1 of 3 samples are logged" in said
    assert "read the logged value as column:confidence, the source to give" in said


def test_a_source_without_a_name_is_refused(run, tmp_path):
    says = run.refused("route", cascade(tmp_path, ""), "hello", "--source", "agreement:3")
    assert "--source agreement:3: write it as NAME=SOURCE, for example sure=agreement:3" in says
