"""Some of many, evenly."""

from __future__ import annotations

import numpy as np
import pytest

from routelab.stats.thinning import evenly, thinned


def test_indices_are_taken_evenly_from_the_first_to_the_last():
    assert evenly(5, 300).tolist() == [0, 1, 2, 3, 4]
    assert evenly(101, 5).tolist() == [0, 25, 50, 75, 100]
    assert evenly(7, 1).tolist() == [0]


@pytest.mark.parametrize(("n", "most"), [(0, 5), (5, 0), (5, -1)])
def test_of_none_and_where_there_is_no_room_nothing_is_taken(n, most):
    assert evenly(n, most).tolist() == []


@pytest.mark.parametrize("n", [2, 10, 1000, 54_321])
def test_there_are_as_many_as_wanted_and_no_gap_is_twice_another(n):
    for most in {2, 7, n - 1, n} - {1}:
        found = evenly(n, most)
        assert len(found) == min(n, most)
        assert (found[0], found[-1]) == (0, n - 1)
        gaps = np.diff(found)
        assert gaps.max() <= gaps.min() + 1


def test_values_keep_their_order():
    assert thinned("abcdefg", 3) == ["a", "d", "g"]
    assert thinned(["b", "a"], 5) == ["b", "a"]
