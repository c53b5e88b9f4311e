"""Which set of models is worth asking: each form against every set there is, and one another."""

from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
from compiled_forms import each_form, form_of, needs_a_compiler
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes_world import worth

from routelab.policies.supermodel import Candidate, best_prefix, plain
from routelab.policies.supermodel.candidate import NODES

_compiled = form_of("routelab.policies.supermodel", "_compiled")
in_each_form = each_form("routelab.policies.supermodel")

some = settings(deadline=None, max_examples=60)
shares = st.floats(0.0, 1.0)
candidates = st.lists(
    st.builds(
        Candidate,
        shares,
        st.sampled_from([0.0, 0.3, 1.0]) | shares,
        st.sampled_from([0.0, 1e-6, 0.01, 0.1]) | shares,
    ),
    min_size=1,
    max_size=6,
)


@needs_a_compiler
def test_it_is_compiled_where_there_is_a_compiler():
    assert _compiled is not None


@in_each_form
@some
@given(held=shares, candidates=candidates, room=st.integers(0, 6))
def test_no_set_is_worth_more_than_the_one_found(form, held, candidates, room):
    found = form.best_set(held, candidates, room)
    assert len(found) <= room
    assert list(found) == sorted(set(found))
    every = [
        worth(held, chosen)
        for size in range(min(room, len(candidates)) + 1)
        for chosen in combinations(candidates, size)
    ]
    assert worth(held, [candidates[index] for index in found]) >= max(every) - 1e-9


@some
@given(held=shares, candidates=candidates)
def test_no_prefix_is_worth_more_than_the_one_found(held, candidates):
    every = [worth(held, candidates[:size]) for size in range(len(candidates) + 1)]
    assert every[best_prefix(held, candidates, len(candidates))] >= max(every) - 1e-9
    assert best_prefix(None, candidates, len(candidates)) >= 1


@some
@given(candidate=st.builds(Candidate, shares, shares, shares))
def test_what_an_answer_teaches_does_not_change_its_mean(candidate):
    mean = candidate.quality * candidate.high + (1.0 - candidate.quality) * candidate.low
    assert mean == pytest.approx(candidate.quality)
    assert 0.0 <= candidate.low <= candidate.high <= 1.0


FEW = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
CLOSE = (*FEW, 2.0**-160, *(k * 2.0**-e for e in (52, 53, 54, 107) for k in (1, 3)))
POPULATIONS = {
    "unlike": lambda draw: (draw.random(), draw.random(), 10.0 ** draw.uniform(-8.0, 0.0)),
    "tied": lambda draw: (draw.choice(FEW), draw.choice(FEW), draw.choice((0.0, 1e-6, 0.01))),
    "rounded": lambda draw: (draw.choice(CLOSE), draw.choice(CLOSE), draw.choice((0.0, *CLOSE))),
}


@pytest.mark.skipif(_compiled is None, reason="installed without a compiler")
@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("nodes", [NODES, 10, 2, 1, 0])
def test_both_forms_find_the_same_set(population, nodes, monkeypatch):
    monkeypatch.setattr(plain, "NODES", nodes)
    draw, sizes = random.Random(nodes), set()
    for _ in range(1500):
        m = draw.choice((1, 2, 3, 5, 11))
        candidates = [Candidate(*POPULATIONS[population](draw)) for _ in range(m)]
        if draw.random() < 0.1:
            candidates = candidates[:1] * m
        held = draw.choice((0.0, draw.random(), *FEW))
        room = draw.choice((m, draw.randint(0, m)))
        found = plain.best_set(held, candidates, room)
        assert _compiled.search(held, candidates, room, nodes) == found, (held, candidates, room)
        sizes.add(len(found))
    assert set(range(min(nodes, 4))) <= sizes


@pytest.mark.skipif(_compiled is None, reason="installed without a compiler")
@pytest.mark.parametrize(
    "candidates", [[], [Candidate(math.nan, 1.0, 0.0), Candidate(0.5, 0.5, math.inf)]]
)
def test_both_forms_ask_nobody_for_nothing(candidates):
    assert plain.best_set(0.0, candidates, 2) == _compiled.search(0.0, candidates, 2, NODES) == ()


@in_each_form
@pytest.mark.parametrize(
    ("held", "candidates", "room", "nodes", "best"),
    [
        (  # of equal gains the first is tried first
            0.0,
            [
                *((0.25, 1.0, 0.05), (0.5, 0.25, 0.01), (0.1, 0.75, 0.125), (0.25, 0.1, 0.05)),
                *((0.5, 0.75, 0.05), (0.75, 0.0, 0.05), (0.75, 0.5, 0.25)),
            ],
            2,
            10,
            (0, 5),
        ),
        (  # what may still be asked bounds what may still be gained
            0.5,
            [
                *((0.5, 1.0, 0.125), (0.1, 0.1, 0.0), (0.1, 0.75, 0.125), (0.75, 0.1, 0.125)),
                *((0.5, 0.5, 1e-6), (0.1, 0.75, 1e-6), (0.25, 1.0, 1e-6)),
            ],
            2,
            5,
            (4, 6),
        ),
    ],
)
def test_a_short_search_tries_the_likeliest_first(
    form, held, candidates, room, nodes, best, monkeypatch
):
    monkeypatch.setattr(form, "NODES", nodes)
    assert form.best_set(held, [Candidate(*it) for it in candidates], room) == best


@in_each_form
def test_more_models_than_anybody_has_are_searched_too(form):
    candidates = [Candidate(0.9, 0.0, 0.1), *[Candidate(0.5, 0.0, 0.6)] * 1100]
    assert form.best_set(0.0, candidates, 5) == (0,)


CANDIDATE = (0.5, 0.5, 0.1)


@pytest.mark.skipif(_compiled is None, reason="installed without a compiler")
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (0.0, [CANDIDATE], 1),
        ("0", [CANDIDATE], 1, 256),
        (0.0, 5, 1, 256),
        (0.0, [CANDIDATE[:2]], 1, 256),
        (0.0, [list(CANDIDATE)], 1, 256),
        (0.0, [("a", 0.5, 0.1)], 1, 256),
        (0.0, [CANDIDATE], -1, 256),
        (0.0, [CANDIDATE], 1, -1),
        (0.0, [CANDIDATE], 1.0, 256),
        (0.0, [CANDIDATE] * 1025, 1, 256),
        (0.0, [CANDIDATE], 1, 1025),
    ],
)
def test_what_is_no_search_is_refused(arguments):
    with pytest.raises((TypeError, ValueError)):
        _compiled.search(*arguments)
