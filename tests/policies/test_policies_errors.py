"""A malformed policy is refused with the field, the value and the way out."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.errors import PolicyError
from routelab.policies import Cascade, Fixed, Mixture, from_wire, to_wire

GOOD = {"kind": "cascade", "models": ["a", "b"], "thresholds": [0.5], "signal": "sure"}
FIXED = {"kind": "fixed", "model": "a"}


def cascade(*thresholds, models=("a", "b", "c")):
    return Cascade(models=models, thresholds=thresholds, signal="sure")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_a_threshold_that_is_not_finite_is_refused_by_its_place(bad, place):
    thresholds = [0.5, 0.5]
    thresholds[place] = bad
    with pytest.raises(PolicyError, match=f"threshold {place} of the cascade is {bad}.*finite"):
        cascade(*thresholds)


def test_both_bad_thresholds_and_a_twin_are_told_at_once():
    with pytest.raises(PolicyError) as caught:
        cascade(math.nan, math.inf, models=("a", "b", "a"))
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_a_wrong_number_of_thresholds_is_counted(count):
    with pytest.raises(PolicyError, match=f"3 models needs 2 thresholds, got {count}"):
        cascade(*[0.5] * count)


def test_a_cascade_of_one_is_told_to_be_fixed():
    with pytest.raises(PolicyError, match="2 models or more, got 1; use Fixed"):
        cascade(models=("a",))


def test_a_model_is_not_asked_twice():
    with pytest.raises(PolicyError, match="twice: a, b, a"):
        cascade(0.5, 0.5, models=("a", "b", "a"))


@pytest.mark.parametrize("weight", [-0.001, 1.001, math.nan, math.inf])
def test_a_weight_is_a_probability(weight):
    with pytest.raises(PolicyError, match=rf"weight of the mixture is {weight}.*\[0, 1\]"):
        Mixture(first=Fixed(model="a"), second=Fixed(model="b"), weight=weight)


WIRE = {
    "an unknown kind": ({"kind": "guess"}, "guess"),
    "a misspelled kind": ({"kind": "utilty"}, "no kind 'utilty'; write 'utility'; there is fixed"),
    "no kind": ({"model": "a"}, "kind"),
    "an unknown field": ({**GOOD, "temperature": 1}, "temperature"),
    "a lacking field": ({"kind": "fixed"}, "model"),
    "a wrong type": ({**GOOD, "thresholds": ["high"]}, r"thresholds\[0\]"),
    "a number for a name": ({**FIXED, "model": 3}, r"\$.model"),
    "no object": ([1, 2], "object"),
    "a bad value": ({**GOOD, "thresholds": [0.1, 0.2]}, "needs 1 thresholds, got 2"),
    "null for a threshold": ({**GOOD, "thresholds": [None]}, r"thresholds\[0\]"),
    "a bad child": (
        {"kind": "mixture", "first": {**FIXED, "modle": "b"}, "second": FIXED, "weight": 0.5},
        "modle",
    ),
    "an unknown child": (
        {"kind": "mixture", "first": FIXED, "second": {"kind": "fixd"}, "weight": 0.5},
        "no kind 'fixd'; write 'fixed'",
    ),
}


@pytest.mark.parametrize("what", WIRE)
def test_bad_json_is_refused_by_name(what):
    data, told = WIRE[what]
    with pytest.raises(PolicyError, match=told):
        from_wire(data)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_threshold_survives_json_to_the_last_bit(threshold):
    policy = cascade(threshold, models=("a", "b"))
    back = from_wire(msgspec.json.decode(msgspec.json.encode(to_wire(policy))))
    assert back == policy
    assert math.copysign(1.0, back.thresholds[0]) == math.copysign(1.0, threshold)
