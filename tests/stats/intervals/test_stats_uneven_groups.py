"""A part of a log that lacks its largest groups: intervals know what the part cannot show."""

from __future__ import annotations

import numpy as np
import pytest

from routelab.stats import Resamples, effective_groups, figure_interval

PROMPTS, ROWS, DRAWS = 2_000, 1_000, 250


def covered(share_of_prompt: float, *, told: bool) -> float:
    """How often the interval of a fifth of a log, whole prompts by chance, holds the mean.

    Args:
        share_of_prompt: of the variance that the rows of one prompt share.
        told: whether the interval is told how uneven the log is.
    """
    weight = 1.0 / np.arange(1, PROMPTS + 1)
    weight /= weight.sum()
    held = []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        level = rng.normal(0.0, np.sqrt(share_of_prompt), PROMPTS)
        prompt = rng.choice(PROMPTS, ROWS, p=weight)
        value = level[prompt] + rng.normal(0.0, np.sqrt(1.0 - share_of_prompt), ROWS)
        here = (rng.random(PROMPTS) < 0.2)[prompt]
        codes = np.unique(prompt[here], return_inverse=True)[1]
        resamples = Resamples(codes, n_resamples=300, seed=seed)
        sums = resamples.sums(value[here][:, None])
        if effective_groups(sums[-1]) < 10:
            continue
        whole = effective_groups(np.bincount(prompt).astype(float)) * here.mean()
        ends = figure_interval(
            float(value[here].mean()),
            resamples.means_of(sums)[:, 0],
            sums[0],
            sums[-1],
            even=whole if told else np.inf,
        ).ends
        held.append(ends.low <= float(weight @ level) <= ends.high)
    return float(np.mean(held))


def test_an_interval_holds_where_the_popular_prompts_fell_elsewhere():
    assert covered(1.0, told=True) >= 0.92
    assert covered(1.0, told=False) <= 0.88


def test_where_rows_of_a_prompt_share_nothing_it_is_hardly_wider():
    assert covered(0.0, told=True) <= 0.985


def test_an_even_log_changes_nothing():
    rng = np.random.default_rng(1)
    sums, sizes = rng.normal(size=(1, 200)), np.ones(200)
    samples = rng.normal(sums.mean(), 0.1, 300)
    value = float(sums.mean())

    plain = figure_interval(value, samples, sums[0], sizes)
    told = figure_interval(value, samples, sums[0], sizes, even=200.0)

    assert told == plain
    assert plain.ends == pytest.approx(told.ends)
