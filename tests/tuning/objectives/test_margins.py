"""Bounds are chosen with a margin, and held to on test by the whole interval."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from tuning_world import baseline, figures

from routelab.errors import TuningError
from routelab.policies import Cascade, Fixed
from routelab.stats import IntervalMethod
from routelab.tuning import Bounds
from routelab.tuning.objectives import FrontPoint, PolicyScore, operating_points, with_margins
from routelab.tuning.objectives.bound_checks import mean_bound_checks, means_at_bounds, on_bounds

FRONT = [
    FrontPoint(
        Cascade(("small", "large"), (at / 20,), "confidence") if at < 20 else Fixed("large"),
        PolicyScore(1.0 + at / 10, 0.7 + at / 100),
    )
    for at in range(21)
]
BEST = FRONT[-1]


def chosen(bounds, cost=0.2, quality=0.02, n_test=1000):
    """What is chosen where every policy's figures on tune have intervals of these half-widths."""
    scores = {}

    def choose(asked):
        points = operating_points(FRONT, asked, BEST, [])
        scores.update({it.point.policy: it.point.score for it in points})
        return points

    def measured(policy):
        score = scores[policy]
        return figures(
            quality=score.quality,
            quality_ci=(score.quality - quality, score.quality + quality),
            usd_per_1k=score.usd_per_1k,
            usd_per_1k_ci=(score.usd_per_1k - cost, score.usd_per_1k + cost),
            n_requests=1000,
        )

    return with_margins(choose, measured, bounds, BEST, n_test)


def test_cost_and_quality_keep_a_margin_that_narrows_with_the_intervals():
    plain = chosen(Bounds(max_usd_per_1k=2.5), cost=0.0).points[0]
    far = chosen(Bounds(max_usd_per_1k=2.5), cost=0.4).points[0]
    assert plain.point.score.usd_per_1k == pytest.approx(2.5)
    margin = 0.4 * 1.645 / 1.96 * np.sqrt(2)
    assert 2.5 - 1.5 * margin - 0.1 < far.point.score.usd_per_1k <= 2.5 - margin
    assert f"with a margin to the bound of {margin:.4g} USD" in far.rule
    floor = chosen(Bounds(min_quality=0.8)).points[0]
    assert 0.8 + margin / 20 <= floor.point.score.quality < 0.8 + 1.5 * margin / 20 + 0.01


def test_a_short_test_part_asks_for_more_margin():
    long = chosen(Bounds(min_quality=0.8), n_test=100_000).points[0].point.score
    short = chosen(Bounds(min_quality=0.8), n_test=250).points[0].point.score
    assert 0.8 < long.quality < short.quality - 0.01


def test_what_keeps_most_of_the_margin_is_taken_where_nothing_keeps_all():
    some = chosen(Bounds(min_quality=0.88), quality=0.03).points[0]
    assert some.point.score.quality == pytest.approx(0.89)  # the most, .9, is a model alone
    assert "of which 28% could be had" in some.rule
    none = chosen(Bounds(min_quality=BEST.score.quality), quality=0.03).points[0]
    assert none.point.score.quality == BEST.score.quality
    assert "of which 0% could be had" in none.rule
    with pytest.raises(TuningError, match="no policy reaches quality"):
        chosen(Bounds(min_quality=0.95))


def test_without_a_bound_on_means_nothing_changes():
    found = chosen(Bounds())
    assert found.points == operating_points(FRONT, Bounds(), BEST, [])


@pytest.mark.parametrize("share", [0.5, 0.9, 1.0, 1.05])
def test_a_share_of_the_best_models_quality_is_held_to_as_the_two_vary_together(share):
    rng = np.random.default_rng(0)
    both = rng.multivariate_normal([0.8, 0.82], [[4e-4, 3e-4], [3e-4, 5e-4]], 200_000)
    own, best = both.T
    wide = {name: 1.96 * it.std() for name, it in {"p": own, "b": best, "d": own - best}.items()}
    alone = baseline("fixed:large", (-0.02 - wide["d"], -0.02 + wide["d"]))
    alone = type(alone)(
        **{
            **{name: getattr(alone, name) for name in alone.__struct_fields__},
            "quality": 0.82,
            "quality_ci": (0.82 - wide["b"], 0.82 + wide["b"]),
            "quality_gain": -0.02,
        }
    )
    it = figures(quality=0.8, quality_ci=(0.8 - wide["p"], 0.8 + wide["p"]), baselines=(alone,))
    (found,) = means_at_bounds(it, Bounds(min_quality_share=share), "large")
    assert found.limit == pytest.approx(share * 0.82)
    assert found.reach == pytest.approx(1.96 * (own - share * best).std(), rel=0.01)


def test_no_cost_bound_is_proven_by_a_log_too_short_to_show_dear_requests():
    short = IntervalMethod("percentile", "", 300.0, condition="it holds unless")
    it = figures(usd_per_1k=2.0, usd_per_1k_ci=(1.9, 2.1))
    bounds = Bounds(max_usd_per_1k=2.2)
    (held,) = mean_bound_checks(it, bounds, "large", None)
    (open_,) = mean_bound_checks(
        replace(it, interval_methods={"usd_per_1k": short}), bounds, "large", None
    )
    assert (held.word, open_.word) == ("met", "met, not proven")
    assert open_.text.endswith("; it holds unless")


def test_a_row_of_a_table_says_the_worst_of_its_bounds():
    it = figures(usd_per_1k=2.0, usd_per_1k_ci=(1.9, 2.1), quality=0.8, quality_ci=(0.78, 0.82))

    def word(**bounds):
        return on_bounds(list(mean_bound_checks(it, Bounds(**bounds), "large", None)))

    assert word() == ""
    assert word(max_usd_per_1k=2.2, min_quality=0.7) == "met"
    assert word(max_usd_per_1k=2.2, min_quality=0.79) == "met, not proven"
    assert word(max_usd_per_1k=1.95, min_quality=0.79) == "missed"
