"""A policy that names scorers is refused unless they are there and are what it needs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from directory_world import edit, forge
from reference_world import POLICIES, document
from safetensors.numpy import load_file

from routelab.core.messages.install_hint import how_to_install
from routelab.errors import PolicyError, PolicyFileError
from routelab.policies import Tiers, to_wire
from routelab.policy_file import load, write

WEIGHTS = load_file(POLICIES / "reference-tiers.policy" / "weights.safetensors")


def made(tmp_path, name):
    return write(tmp_path / "a.policy", document(name), "# a\n", WEIGHTS).path


HARMS = {
    "a scorer is missing": (
        "tiers",
        lambda p: p["scorers"].pop("complexity"),
        "reads scorer 'complexity'; the scorers are by words",
    ),
    "no scorers at all": ("tiers", lambda p: p["scorers"].clear(), "the scorers are none"),
    "another target": (
        "tiers",
        lambda p: p["policy"].update(scorer="gain"),
        "'gain' predicts gain; the policy needs complexity",
    ),
    "an answer before any": (
        "utility",
        lambda p: p["policy"].update(quality="judged"),
        "'judged' reads an answer; the policy asks it before any",
    ),
    "another kind": (
        "neighbors",
        lambda p: p["policy"].update(scorer="quality"),
        "'quality' is of kind 'blend'; the policy needs 'neighbors'",
    ),
    "a scorer of other models": (
        "cascade-routing",
        lambda p: p["policy"].update(models=["small", "middle", "vast"]),
        "vast",
    ),
    "a negative estimate": (
        "fixed",
        lambda p: p["estimates"]["small"].update(cost_usd=-1.0),
        "cost_usd of 'small' as -1.0",
    ),
    "an unknown estimate": (
        "fixed",
        lambda p: p["estimates"]["small"].update(energy=1.0),
        "energy",
    ),
    "a rule of an unknown field": (
        "conditional",
        lambda p: p["policy"]["rules"][0]["when"].update(mood=["bad"]),
        "mood",
    ),
}


@pytest.mark.parametrize("what", HARMS)
def test_what_does_not_fit_is_refused_with_its_name(tmp_path, what):
    name, harm, told = HARMS[what]
    path = made(tmp_path, name)
    edit(path, harm)
    with pytest.raises(PolicyFileError, match=told) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_scorer_fitted_for_other_models_is_refused(tmp_path):
    path = made(tmp_path, "utility")

    def shrink(policy):
        policy["scorers"]["cost"]["outputs"] = ["small", "middle", "cheap"]
        policy["candidates"].append("cheap")

    edit(path, shrink)
    with pytest.raises(PolicyFileError, match="'cost' says nothing of large: it was fitted for"):
        load(path)


def test_a_policy_without_its_scorer_is_not_written(tmp_path):
    policy = Tiers(scorer="nobody", models=("small", "large"), thresholds=(0.5,))
    broken = msgspec.structs.replace(document("fixed"), policy=to_wire(policy))
    with pytest.raises(PolicyError, match="scorer 'nobody'"):
        write(tmp_path / "a.policy", broken, "# a\n", WEIGHTS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["tiers", "utility", "neighbors", "gain-cascade"])
def test_no_bit_of_the_tensors_header_changes_a_decision_unseen(tmp_path, kind):
    path = made(tmp_path, kind)
    whole = (path / "weights.safetensors").read_bytes()
    bits = 8 * (8 + int.from_bytes(whole[:8], "little"))
    refused = 0
    for bit in np.random.default_rng(0).choice(bits, 60, replace=False).tolist():
        harmed = bytearray(whole)
        harmed[bit // 8] ^= 1 << bit % 8
        forge(path, "weights.safetensors", bytes(harmed))
        try:
            assert load(path).verify() == []
        except PolicyFileError:
            refused += 1
    assert refused > 30


WITHOUT = """
import sys

sys.modules[sys.argv[2]] = None  # as if it were not installed
from routelab.policy_file.__main__ import main

sys.exit(main([sys.argv[1], "--verify"]))
"""


@pytest.mark.parametrize("lacking", ["wordllama", "tokenizers"])
def test_an_embedding_policy_without_the_extra_says_what_to_install(tmp_path, lacking):
    if importlib.util.find_spec("wordllama") is None and lacking != "wordllama":
        pytest.skip(f"wordllama is not installed: {how_to_install('embed')}")
    path = made(tmp_path, "tiers")
    embedding = {"kind": "embedding", "table_sha256": "0" * 64, "tokenizer_sha256": "0" * 64}
    edit(path, lambda policy: policy["features"].update(numbers=embedding))
    command = (sys.executable, "-c", WITHOUT, str(path), lacking)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"{path}: features.numbers: word embeddings need the package {lacking};"
        f" install it with: {how_to_install('embed')}\n"
    )


def test_golden_requests_without_a_prompt_stay_as_they_were(tmp_path):
    """Policies that read no prompt keep the golden requests that they had before there were any."""
    path = made(tmp_path, "cascade")
    for line in (path / "golden.jsonl").read_text().splitlines():
        assert set(json.loads(line)) == {"id", "signals", "calls", "answer", "margin"}
