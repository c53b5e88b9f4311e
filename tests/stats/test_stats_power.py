import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.stats.power import (
    range_text,
    requests_above,
    requests_below,
    requests_range,
    requests_to_settle,
    settling_range,
)

distances = st.floats(1e-4, 1.0)
widths = st.floats(1e-4, 1.0)
sizes = st.integers(1, 100_000)


def narrowed(half_width, n, later):
    return half_width * math.sqrt(n / later)


@given(distances, widths, sizes)
def test_the_number_is_the_first_that_proves_a_gain(estimate, half_width, n):
    needed = requests_above(estimate, half_width, n)
    assert narrowed(half_width, n, needed) <= estimate * (1 + 1e-9)
    if needed > 1:
        assert narrowed(half_width, n, needed - 1) >= estimate * (1 - 1e-9)


@given(st.floats(-1.0, 1.0), widths, sizes, st.floats(-1.0, 1.0))
def test_below_is_above_upside_down(estimate, half_width, n, bound):
    below = requests_below(estimate, half_width, n, bound)
    assert below == requests_above(-estimate, half_width, n, -bound)


@given(st.floats(-0.1, 0.1), widths, sizes)
def test_settled_by_whichever_comes_first(estimate, half_width, n):
    either = requests_to_settle(estimate, half_width, n, margin=0.005)
    proofs = requests_above(estimate, half_width, n), requests_below(estimate, half_width, n, 0.005)
    assert either == min(answer for answer in proofs if answer is not None)


def test_half_the_distance_needs_four_times_as_many():
    assert requests_above(0.01, 0.02, 1000) == 4001
    assert requests_above(0.005, 0.02, 1000) == 16001


def test_no_number_settles_what_is_on_the_wrong_side():
    assert requests_above(-0.01, 0.02, 1000) is None
    assert requests_above(0.0, 0.02, 1000) is None
    assert requests_below(0.01, 0.02, 1000, 0.005) is None
    assert requests_to_settle(0.0, 0.02, 1000, margin=0.0) is None
    assert requests_above(5e-324, 1.0, 1000) is None


def test_what_is_certain_needs_one_request():
    assert requests_above(0.1, 0.0, 1000) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((float("nan"), 0.1, 10), "estimate minus bound is nan"),
        ((0.1, -0.1, 10), "half-width is -0.1"),
        ((0.1, float("inf"), 10), "half-width is inf"),
        ((0.1, 0.1, 0), "n is 0"),
    ],
)
def test_bad_numbers_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        requests_above(*arguments)


def test_a_range_holds_the_number_that_the_truth_asks_for_in_80_of_100_studies():
    rng = np.random.default_rng(0)
    held, times = 0, 2000
    for _ in range(times):
        true, half, n = 0.03, 0.04, 500
        estimate = rng.normal(true, half / 1.96)
        needed = requests_above(true, half, n)
        among = requests_range(estimate, half, n)
        if among is None:  # the estimate is not above zero, and nothing is said
            continue
        least, most = among
        held += least <= needed and (most is None or needed <= most)
    assert 0.77 < held / times < 0.83


@pytest.mark.parametrize(("gain", "half"), [(0.02, 0.03), (-0.02, 0.03), (0.004, 0.001)])
def test_the_range_of_what_settles_first_holds_the_number_that_is_named(gain, half):
    number = requests_to_settle(gain, half, 1000, 0.005)
    least, most = settling_range(gain, half, 1000, 0.005)
    assert least <= number
    assert most is None or number <= most


def test_ranges_are_said_with_two_digits():
    assert range_text((897, 4031)) == "between 890 and 4,100"
    assert range_text((7, None)) == "7 or more"
    assert requests_range(-0.1, 0.2, 100) is None
