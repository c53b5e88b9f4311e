"""Untuned routers that read prompts: as scikit-learn makes them, and never from rows they judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import random as random_matrix
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestNeighbors

from routelab.cli.output import tables
from routelab.core.catalogue import Catalogue
from routelab.logs.formats.texts import TextsInMemory
from routelab.logs.model import Log, Requests, split
from routelab.policies import Fixed
from routelab.replay import NamedPolicy, comparison_set, evaluate
from routelab.replay.baselines import READ_PROMPTS, routers, tfidf

COSTS = (1e-4, 1e-3)


def rows_of_length_one(rng, n, width=60):
    dense = random_matrix(n, width, 0.2, random_state=rng, format="csr")
    length = np.sqrt(dense.multiply(dense).sum(axis=1))
    return dense.multiply(1 / np.maximum(length, 1e-9)).tocsr()


@pytest.mark.parametrize("n", [25, 400])
def test_ridge_is_what_scikit_learn_fits(n):
    rng = np.random.default_rng(n)
    known, asked = rows_of_length_one(rng, n), rows_of_length_one(rng, 30)
    quality = rng.random((n, 3)).round()
    quality[:, 2] = 1.0  # nothing to learn
    expected = Ridge(alpha=tfidf.PENALTY).fit(known.toarray(), quality).predict(asked.toarray())
    assert tfidf.ridge(known, quality, asked) == pytest.approx(expected, abs=1e-3)


def test_neighbours_are_those_of_scikit_learn(monkeypatch):
    monkeypatch.setattr(tfidf, "BLOCK", 7)
    rng = np.random.default_rng(0)
    known, asked = rows_of_length_one(rng, 90), rows_of_length_one(rng, 30)
    quality = rng.random((90, 2))
    near = NearestNeighbors(n_neighbors=tfidf.NEAREST, metric="cosine").fit(known)
    expected = quality[near.kneighbors(asked, return_distance=False)].mean(axis=1)
    assert tfidf.nearest(known, quality, asked) == pytest.approx(expected, abs=1e-6)


def told(n=400, *, task=True, prompts=True, seed=0):
    """A word of the prompt says which of two models is right."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n) < 0.5
    word = np.where(hard, "prove", "name")
    quality = np.column_stack([~hard, np.ones(n)]).astype(float)
    shape = (n, 2)
    return Log(
        requests=Requests(
            id=np.array([f"r{row}" for row in range(n)], dtype=object),
            task=np.full(n, "all", dtype=object) if task else None,
        ),
        models=("small", "large"),
        quality=quality,
        cost_usd=np.ones((n, 1)) * COSTS,
        latency_s=np.full(shape, np.nan),
        prompt_tokens=np.full(shape, np.nan),
        completion_tokens=np.full(shape, np.nan),
        error=np.zeros(shape, dtype=bool),
        texts=TextsInMemory([f"please {it} {row}" for row, it in enumerate(word)])
        if prompts
        else None,
    )


def part_of(log, part="test"):
    cut = split(log, seed=0, group="id")
    return comparison_set(log, cut, part, log.models, catalogue=Catalogue(), seed=0)


@pytest.mark.parametrize("task", [True, False])
def test_a_word_that_tells_who_is_right_is_found(task):
    here = part_of(told(task=task))
    (found,) = evaluate(here, [NamedPolicy("small", Fixed("small"))])
    hard = 1.0 - here.log.quality[:, 0].mean()
    by_name = here.learned.by_name
    names = ["task_mean", "ridge", "task_ridge", "knn"] if task else ["ridge", "knn"]
    assert list(by_name) == names
    for name in ("ridge", "knn"):
        perfect = by_name[name].at(COSTS[0] + hard * (COSTS[1] - COSTS[0]) * (1 + 1e-9))
        assert perfect.quality.mean() == pytest.approx(1.0)
    without = {} if task else {"task_mean": "no tasks", "task_ridge": "no tasks"}
    assert found.baselines_left_out == without


def test_without_prompts_it_is_said():
    (found,) = evaluate(part_of(told(prompts=False)), [NamedPolicy("small", Fixed("small"))])
    assert found.baselines_left_out == dict.fromkeys(READ_PROMPTS, "no prompts")
    assert {it.name for it in found.baselines} >= {"task_mean", "random_mix"}
    assert "ridge, no prompts" in str(tables.baselines(found).caption)


@pytest.mark.parametrize(
    ("most", "said"), [("MOST_JUDGED", "more than 3 requests"), ("FEWEST", "fewer than")]
)
def test_of_too_many_and_too_few_it_is_said(monkeypatch, most, said):
    monkeypatch.setattr(routers, most, {"MOST_JUDGED": 3, "FEWEST": 10**6}[most])
    left_out = part_of(told()).learned.left_out
    assert set(left_out) == set(READ_PROMPTS)
    assert all(said in why for why in left_out.values())


@pytest.mark.parametrize(
    ("part", "before"),
    [
        ("tune", ["train"]),
        ("calibrate", ["train", "tune"]),
        ("test", ["train", "tune", "calibrate"]),
    ],
)
def test_what_is_learned_is_of_the_parts_before(part, before):
    log = told(task=True)
    cut = split(log, seed=0, group="id")
    here = comparison_set(log, cut, part, log.models, catalogue=Catalogue(), seed=0)
    expected = {log.requests.id[row] for it in before for row in cut.rows(it)}
    assert {*here.reference.requests.id} == expected
    assert not expected & {*here.log.requests.id}
    reads = part != "tune"
    assert set(READ_PROMPTS) <= set(here.learned.by_name) if reads else True
    assert reads or list(here.learned.by_name) == ["task_mean"]


def test_outcomes_of_the_judged_rows_decide_nothing():
    """With their outcomes turned over, the same models are chosen at the same trade-off."""
    here = part_of(told())
    turned = replace(here, log=replace(here.log, quality=1.0 - here.log.quality))
    for name, router in here.learned.by_name.items():
        assert np.array_equal(router.chosen, turned.learned.by_name[name].chosen)
