"""Intervals of 95 % hold the truth 93 to 97 times of 100; plans come true half the time."""

from __future__ import annotations

from collections import Counter

import pytest
from coverage_world import STRONG, WEAK, draw, log_of, often_enough, shown, told, truth, whole
from scipy.stats import binom

from routelab.policies import Cascade
from routelab.replay import Figures, NamedPolicy, evaluate
from routelab.stats.power import requests_above
from routelab.tuning import Options, tune

POLICY = Cascade((WEAK, STRONG), (0.5,), "confidence")
N = 1000


def figures(seed: int, n: int = N) -> Figures:
    return evaluate(whole(log_of(draw(n, 70_000 + seed))), [NamedPolicy("p", POLICY)])[0]


def gain() -> float:
    """True quality above the mixture of both models that costs as much."""
    it = truth()
    share = (it.usd_per_1k(POLICY) - it.weak[1]) / (it.strong[1] - it.weak[1])
    return it.quality(POLICY) - (it.weak[0] + share * (it.strong[0] - it.weak[0]))


def held(it: Figures) -> dict[str, bool]:
    """Which intervals hold the truth."""
    true, strong = truth(), next(b for b in it.baselines if b.name == f"fixed:{STRONG}")
    asked = {
        "quality": (it.quality_ci, true.quality(POLICY)),
        "cost": (it.usd_per_1k_ci, true.usd_per_1k(POLICY)),
        "gain over the zero router": (it.gain_ci, gain()),
        "quality beside the best model": (strong.quality_gain_ci, -true.regret(POLICY)),
        "saving on the best model": (strong.saving_usd_per_1k_ci, true.saving(POLICY)),
        "share saved of the best model's cost": (
            strong.saving_share_ci,
            true.saving(POLICY) / true.strong[1],
        ),
    }
    return {name: low <= value <= high for name, ((low, high), value) in asked.items()}


def covered(times: int) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for seed in range(times):
        counts.update(name for name, inside in held(figures(seed)).items() if inside)
    return shown(counts, times)


def test_intervals_hold_the_truth_as_often_as_they_say():
    times = 40
    assert often_enough(covered(times), times)


@pytest.mark.slow
def test_intervals_hold_the_truth_93_to_97_times_of_100():
    times = 1000
    assert all(0.93 <= count / times <= 0.97 for count in covered(times).values())


@pytest.mark.slow
def test_the_requests_that_would_settle_it_do_so_about_half_the_time():
    """The estimate moves, so at the number that is named the lower end is above zero or is not."""
    widths = [(it.gain_ci[1] - it.gain_ci[0]) / 2 for it in map(figures, range(50))]
    needed = requests_above(gain(), sum(widths) / len(widths), N)
    times = 200
    rates = {
        factor: sum(figures(9000 + it, int(factor * needed)).gain_ci[0] > 0 for it in range(times))
        for factor in (0.5, 1, 2)
    }
    print()  # noqa: T201
    for factor, count in rates.items():
        print(told(f"gain proven with {factor} x the {needed} requests named", count, times))  # noqa: T201
    assert 0.35 < rates[1] / times < 0.65
    assert rates[0.5] < rates[1] < rates[2]


def shipped(times: int, n: int) -> int:
    """How often a confidence that knows nothing gets the verdict "ship"."""
    words = Counter(
        tune(
            log_of(draw(n, 90_000 + it, worthless=True)),
            Options(name="x", trials=1, seed=it, policy="cascade"),
        ).verdict.word
        for it in range(times)
    )
    print(f"\n{told('worthless confidence: ship', words['ship'], times)}")  # noqa: T201
    return words["ship"]


def test_a_worthless_confidence_hardly_ever_ships():
    assert binom.sf(shipped(12, 1000) - 1, 12, 0.05) > 1e-3


@pytest.mark.slow
def test_a_worthless_confidence_ships_at_most_one_time_in_twenty():
    times = 500
    assert shipped(times, 1500) <= 0.05 * times
