"""Golden decisions: what a policy must decide anywhere, and how near to its thresholds."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import msgspec
import pytest
from directory_world import CASCADE, edit, forge, make
from hypothesis import example, given, settings
from hypothesis import strategies as st

from routelab.core.context import Context
from routelab.core.flow import drive
from routelab.core.protocol import Feedback
from routelab.core.request import Request
from routelab.policies import Cascade, Fixed, Mixture
from routelab.policy_file import Golden, golden_decisions, load, verify

MIXTURE = Mixture(
    first=Cascade(models=("small", "large"), thresholds=(-3.5,), signal="margin"),
    second=Cascade(models=("middle", "large"), thresholds=(0.8,), signal="sure"),
    weight=0.5,
)
POLICIES = [CASCADE, MIXTURE, Fixed(model="small")]
finite = st.floats(allow_nan=False, allow_infinity=False)


def run(path, *options):
    command = [sys.executable, "-m", "routelab.policy_file", str(path), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def lines(path):
    return [json.loads(line) for line in (path / "golden.jsonl").read_text().splitlines()]


def forge_lines(path, items):
    forge(path, "golden.jsonl", b"".join(json.dumps(item).encode() + b"\n" for item in items))


def test_the_command_counts_what_is_equal(tmp_path):
    written = make(tmp_path / "a.policy")
    plain, verified = run(written.path), run(written.path, "--verify")
    assert (plain.returncode, verified.returncode) == (0, 0)
    assert plain.stdout == f"example: small > middle > large, {written.digest}\n"
    assert verified.stdout == plain.stdout + "golden decisions: 32/32 equal\n"
    assert verified.stderr == ""


def test_the_command_fails_on_a_decision_that_differs(tmp_path):
    path = make(tmp_path / "a.policy").path
    items = lines(path)
    items[5]["answer"] = "nobody"
    forge_lines(path, items)
    verified = run(path, "--verify")
    assert verified.returncode == 2
    assert "31/32" in verified.stdout
    assert "golden-5: expected" in verified.stderr
    assert "deliver nobody" in verified.stderr


def test_the_command_fails_on_a_damaged_directory(tmp_path):
    path = make(tmp_path / "a.policy").path
    (path / "weights.safetensors").unlink()
    for options in ((), ("--verify",)):
        result = run(path, *options)
        assert (result.returncode, result.stdout) == (2, "")
        assert "weights.safetensors" in result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.parametrize("harm", ["no model", "no signal", "other model"])
def test_golden_requests_that_lack_what_the_policy_asks_are_differences(tmp_path, harm):
    path = make(tmp_path / "a.policy").path
    items = lines(path)
    accepted = next(item for item in items if item["calls"] == ["small"])
    changed = {"no model": {}, "no signal": {"small": {}}, "other model": {"x": {"sure": 1.0}}}
    accepted["signals"] = changed[harm]
    forge_lines(path, items)
    (problem,) = load(path).verify()
    assert problem.startswith(f"{accepted['id']}: expected small")


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("up", [True, False])
def test_a_threshold_moved_by_hand_is_noticed(tmp_path, place, up):
    path = make(tmp_path / "a.policy").path

    def move(policy):
        policy["policy"]["thresholds"][place] *= 1 + (1e-9 if up else -1e-9)

    edit(path, move)
    assert load(path).verify() != []
    assert run(path, "--verify").returncode == 2


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_golden_requests_try_both_sides_of_every_threshold_and_a_missing_signal(policy):
    items = golden_decisions(policy, seed=3)
    assert len({item.id for item in items}) == len(items) == 32
    assert {item.answer for item in items} == set(policy.models_used)
    if policy.signals_used:
        on_edge = [item for item in items if item.margin == 0.0]
        assert {item.answer for item in on_edge} >= {"small", "middle"}
        asked = [item.signals[name] for item in items for name in item.calls[:-1]]
        assert any(None in signals.values() for signals in asked)


def test_every_threshold_is_reached_by_a_confidence_on_it_and_by_one_just_below():
    items = golden_decisions(CASCADE, seed=3)
    for model, threshold in zip(CASCADE.models, CASCADE.thresholds, strict=False):
        for value in (threshold, math.nextafter(threshold, -math.inf)):
            there = [item for item in items if item.signals[model]["sure"] == value]
            assert len(there) >= 4
            assert all(model in item.calls for item in there)
            assert all((item.answer == model) == (value == threshold) for item in there)


def test_a_margin_is_the_smallest_distance_of_a_compared_confidence():
    thresholds = dict(zip(CASCADE.models, CASCADE.thresholds, strict=False))
    for item in golden_decisions(CASCADE, seed=3):
        compared = [name for name in item.calls if name in thresholds]
        distances = [
            abs(item.signals[name]["sure"] - thresholds[name])
            for name in compared
            if item.signals[name]["sure"] is not None
        ]
        assert item.margin == min(distances, default=None)


def test_a_policy_that_compares_nothing_has_no_margin():
    assert {item.margin for item in golden_decisions(Fixed(model="small"), seed=0)} == {None}


def test_arithmetic_that_is_off_by_less_than_the_margin_decides_the_same():
    for item in golden_decisions(CASCADE, seed=3):
        for sign in (-1, 1):
            off = sign * 0.4 * (item.margin or 0.0)

            def answer(call, item=item, off=off):
                said = item.signals[call.model]
                missing = float("nan")
                values = {k: missing if said[k] is None else said[k] + off for k in call.need}
                return Feedback(call.model, values)

            decision = drive(CASCADE, Context(Request(item.id), CASCADE.models, seed=3), answer)
            assert (decision.models, decision.answer.model) == (item.calls, item.answer)


@settings(deadline=None, max_examples=50)
@given(finite, finite, st.integers(0, 9))
@example(1.7e308, -1.7e308, 0)
def test_golden_decisions_hold_for_every_finite_threshold_after_json(one, other, seed):
    policy = Cascade(models=("a", "b", "c"), thresholds=(one, other), signal="s")
    expected = golden_decisions(policy, seed)
    read = msgspec.json.decode(msgspec.json.encode(expected), type=tuple[Golden, ...])
    assert read == expected
    assert verify(policy, seed, read) == []
