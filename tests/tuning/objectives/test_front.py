"""The front of policies, and its knee."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuning_world import point

from routelab.tuning.objectives.front import front, knee, on_hull

STEPS = st.integers(0, 12)
POINTS = st.lists(st.builds(lambda c, q: point(c / 4, q / 12), STEPS, STEPS), min_size=1)


def dominates(one, other):
    a, b = one.score, other.score
    return a.usd_per_1k <= b.usd_per_1k and a.quality >= b.quality and a != b


@given(POINTS)
def test_the_front_is_all_that_nothing_dominates(points):
    kept = front(points)
    free = {p.score for p in points if not any(dominates(other, p) for other in points)}
    assert [p.score for p in kept] == sorted(free)
    assert all(p in points for p in kept)


@given(POINTS)
def test_the_knee_is_the_vertex_farthest_above_the_chord(points):
    kept = front(points)
    at = [tuple(p.score) for p in on_hull(kept)]
    found = knee(on_hull(kept))
    if len(at) < 3:
        assert tuple(found.score) == at[-1]
        return
    (c0, q0), (c1, q1) = at[0], at[-1]
    heights = [(q - q0) / (q1 - q0) - (c - c0) / (c1 - c0) for c, q in at]
    assert heights[at.index(tuple(found.score))] == pytest.approx(max(heights))
