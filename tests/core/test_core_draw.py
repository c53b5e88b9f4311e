"""Random draws that anybody can repeat."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.core.context import Context
from routelab.core.draw import pick, uniform
from routelab.core.request import Request
from routelab.core.table import Table

weights = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6).filter(lambda w: sum(w) > 1e-6)


def normalised(values):
    return [value / sum(values) for value in values]


@given(st.integers(), st.text(), st.text())
def test_a_draw_is_a_unit_number_and_the_same_again(seed, key, name):
    unit = uniform(seed, key, name)
    assert 0.0 <= unit < 1.0
    assert uniform(seed, key, name) == unit


def test_a_draw_is_the_one_of_every_machine():
    assert uniform(0, "r1", "mixture") == 0.8498229725236566


def test_draws_on_other_requests_names_and_seeds_are_independent():
    keys = [f"r{i}" for i in range(4000)]
    base = np.array([uniform(0, key, "a") for key in keys])
    for other in ([uniform(0, key, "b") for key in keys], [uniform(1, key, "a") for key in keys]):
        assert abs(np.corrcoef(base, other)[0, 1]) < 4 / math.sqrt(len(keys))
    counts, _ = np.histogram(base, bins=20, range=(0, 1))
    assert float(((counts - 200) ** 2 / 200).sum()) < 50  # chi-squared, 19 degrees: p of 1e-4


@given(st.floats(0.0, 1.0, exclude_max=True), weights)
def test_only_what_can_happen_is_picked(unit, values):
    probabilities = normalised(values)
    assert probabilities[pick(unit, probabilities)] > 0.0


def test_a_sum_short_of_one_falls_on_the_last_choice_that_can_happen():
    assert pick(math.nextafter(1.0, 0.0), [0.3, 0.3, 0.39, 0.0]) == 2


@given(st.lists(st.text(), min_size=1, max_size=8), weights, st.integers(0, 5))
def test_many_requests_at_once_draw_what_each_draws_alone(keys, values, seed):
    probabilities = normalised(values)
    table = Table(np.array(keys, dtype=object), ("a",), {}, seed=seed)
    alone = [Context(Request(key), ("a",), seed=seed) for key in keys]
    drawn = [x.choose("name", probabilities) for x in alone]
    assert table.choose("name", probabilities).tolist() == drawn
    for x, index in zip(alone, drawn, strict=True):
        (choice,) = x.choices
        assert (choice.index, choice.propensity) == (index, probabilities[index])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.85])
def test_a_share_is_drawn_as_often_as_it_says(share):
    n = 5000
    drawn = [pick(uniform(3, f"r{i}", "x"), (share, 1 - share)) == 0 for i in range(n)]
    assert abs(np.mean(drawn) - share) < 4 * math.sqrt(share * (1 - share) / n)
