"""Intervals hold the truth where the plain percentile does not, and say how they were made."""

import numpy as np
import pytest

from routelab.stats import Resamples, Unseen, effective_groups, figure_interval, interval

B = 600


def sampled(values, sizes, seed):
    sums = np.stack([values, sizes])
    return Resamples(n_resamples=B, seed=seed).means_of(sums)[:, 0]


def rates(draw, truth, make, times):
    """How often the interval as made, and the plain percentile, hold the truth."""
    held = np.zeros(2)
    for seed in range(times):
        sums, sizes = draw(np.random.default_rng(seed))
        samples = sampled(sums, sizes, seed)
        made = make(sums.sum() / sizes.sum(), samples, sums, sizes)
        for at, (low, high) in enumerate((made.ends, interval(samples))):
            held[at] += low <= truth <= high
    return held / times


def share(value, samples, sums, sizes):
    """A bounded figure: one more row at either end of its range may come."""
    rows = Unseen(-value, 1.0 - value)
    return figure_interval(value, samples, sums, sizes, unseen=[rows], low=0.0, high=1.0)


def cost(value, samples, sums, sizes):
    """A figure without an upper limit: another group like the farthest one, and half beyond."""
    off = sums - value * sizes
    return figure_interval(value, samples, sums, sizes, unseen=[Unseen(off.min(), 1.5 * off.max())])


def test_rare_failures_are_covered():
    def draw(rng):
        return (rng.random(200) < 0.996).astype(float), np.ones(200)

    made, plain = rates(draw, 0.996, share, 200)
    assert made > 0.92
    assert plain < 0.75


def test_few_conversations_are_covered():
    def draw(rng):
        sizes = rng.integers(1, 41, 12).astype(float)
        return rng.binomial(sizes.astype(int), rng.beta(6, 1.5, 12)).astype(float), sizes

    made, plain = rates(draw, 0.8, share, 200)
    assert made > 0.9
    assert plain < made


def test_heavy_costs_are_covered():
    def draw(rng):
        return rng.lognormal(0.0, 2.0, 600), np.ones(600)

    made, plain = rates(draw, np.exp(2.0), cost, 200)
    assert made >= 0.9
    assert plain < made - 0.03


def test_a_bill_that_rests_on_few_requests_is_covered_where_one_of_them_was_seen():
    def draw(rng):
        dear = 250.0 * rng.uniform(0.8, 1.2, 600)
        return np.where(rng.random(600) < 0.006, dear, 1.0), np.ones(600)

    made, plain = rates(draw, 1.0 + 0.006 * 249.0, cost, 150)
    assert made > 0.92  # of .03 of the logs none of these requests is part
    assert plain < made - 0.03


def test_plain_data_have_the_plain_interval():
    rng = np.random.default_rng(0)
    quality, usd, sizes = (rng.random(500) < 0.8).astype(float), rng.random(500), np.ones(500)
    for found, sums in (
        (share(quality.mean(), sampled(quality, sizes, 1), quality, sizes), quality),
        (cost(usd.mean(), sampled(usd, sizes, 1), usd, sizes), usd),
    ):
        assert found.ends == interval(sampled(sums, sizes, 1))
        assert (found.method.name, found.method.reason, found.method.refusal) == (
            "percentile",
            "",
            "",
        )


def test_the_method_says_what_decided():
    sizes = np.ones(300)
    rare, tail = np.ones(300), np.random.default_rng(0).lognormal(0.0, 2.0, 300)
    rare[:3] = 0.0
    found = share(rare.mean(), sampled(rare, sizes, 0), rare, sizes).method
    assert (found.name, found.reason) == (
        "pseudo-rows",
        "2 of 300 groups make up half of its variance",
    )
    found = cost(tail.mean(), sampled(tail, sizes, 0), tail, sizes).method
    assert (found.name, found.reason) == (
        "pseudo-rows",
        "1 of 300 makes up half of its variance",
    )
    same = np.full(300, 0.5)
    found = share(0.5, sampled(same, sizes, 0), same, sizes).method
    assert found.reason == "none of 300 groups differs from the rest"
    even = np.random.default_rng(1).random(300)
    beyond = [Unseen(-1.0, 200.0)]
    found = figure_interval(even.mean(), sampled(even, sizes, 0), even, sizes, unseen=beyond)
    assert found.method.reason == "one group not seen yet could move it by 39.9 standard errors"


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        (np.array([50.0]), "come in 1 group,"),
        (np.full(5, 20.0), "come in 5 groups,"),
        (np.r_[1000.0, np.ones(40)], "come in 41 groups of so unequal size that they count as 1.1"),
    ],
)
def test_few_or_unequal_groups_bear_no_verdict(sizes, says):
    sums = 0.5 * sizes
    for found in (
        share(0.5, sampled(sums, sizes, 0), sums, sizes),
        cost(0.5, sampled(sums, sizes, 0), sums, sizes),
    ):
        assert says in found.method.refusal
        assert np.isfinite(found.ends).all()


def test_a_short_log_does_not_show_how_dear_a_request_may_be():
    values, sizes = np.random.default_rng(0).random(300), np.ones(300)
    samples = sampled(values, sizes, 0)

    def said(requests):
        return figure_interval(
            values.mean(), samples, values, sizes, requests=requests
        ).method.condition

    assert said(300) == (
        "it holds unless requests dearer than all of these come: a log of 300 may lack what comes"
        " once in 100, and one of 1,000 shows what comes 3 times in 1,000"
    )
    assert said(1000) == said(None) == ""
    assert 1 - (1 - 3 / 1000) ** 1000 > 0.95 > 1 - (1 - 1 / 100) ** 299 - 0.001


def test_one_group_says_nothing_of_a_share():
    one = np.array([40.0])
    assert share(1.0, sampled(one, one, 0), one, one).ends == (0.0, 1.0)


def test_groups_count_by_their_sizes():
    assert effective_groups(np.full(7, 3.0)) == pytest.approx(7.0)
    assert effective_groups(np.r_[np.full(7, 3.0), np.zeros(9)]) == pytest.approx(7.0)
    assert effective_groups(np.array([9.0, 1.0])) == pytest.approx(100 / 82)


def test_both_ends_lie_in_the_range_and_around_the_estimate():
    rng = np.random.default_rng(5)
    for n in (2, 5, 30, 200):
        values, sizes = (rng.random(n) < 0.97).astype(float), np.ones(n)
        low, high = share(values.mean(), sampled(values, sizes, n), values, sizes).ends
        assert 0.0 <= low <= values.mean() <= high <= 1.0
