"""A judge's quality, corrected by labels, inside the estimators: unbiased, covering, refusing."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from scipy.stats import binomtest

from routelab.core.storage import FeedbackRecord
from routelab.errors import LogError
from routelab.estimators import (
    SNDR,
    SNIPS,
    Certified,
    TargetDecisions,
    judge_corrected,
    labels_along,
    logged_decisions,
)
from routelab.logs.model import PartialLog, Requests

N = 2000
TRUE = (0.6, 0.8)


def judged_log(seed, labels=200, kappa=0.7, epsilon=0.4, n=N, bias=0.15, model=None):
    """Calls of two models, a judge that is kinder to the second, and labels of some calls."""
    rng = np.random.default_rng(seed)
    if model is None:
        model = np.where(rng.random(n) < epsilon, rng.integers(0, 2, n), 0)
    right = (rng.random(n) < np.array(TRUE)[model]).astype(float)
    judge = np.where(rng.random(n) < kappa, right, rng.random(n) < 0.5)
    judge = np.where((model == 1) & (rng.random(n) < bias), 1.0, judge)
    seen = np.full(n, np.nan)
    some = rng.choice(n, labels, replace=False)
    seen[some] = right[some]
    share = epsilon / 2
    return partial(model, np.where(model == 0, 1 - share, share), judge), seen


def partial(model, propensity, quality, error=None):
    n = len(model)
    return PartialLog(
        requests=Requests(np.array([f"r{at}" for at in range(n)])),
        models=("small", "large"),
        request=np.arange(n),
        model=model,
        step=np.zeros(n, dtype=int),
        propensity=propensity,
        quality=quality.astype(float),
        cost_usd=np.full(n, 0.001),
        latency_s=np.full(n, np.nan),
        prompt_tokens=np.full(n, np.nan),
        completion_tokens=np.full(n, np.nan),
        error=np.zeros(n, dtype=bool) if error is None else error,
    )


def valued(log, labels, kind=SNDR, of=1):
    made = judge_corrected(log, labels)
    decisions = logged_decisions(made.log, labels=made.weight)
    return kind().value(decisions, TargetDecisions(np.full(len(decisions), of)))


def covered(times, **how):
    found = []
    for seed in range(times):
        with suppress(LogError):  # one sample in thousands looks picked
            found.append(valued(*judged_log(seed, **how)))
    assert len(found) > 0.99 * times
    given = [it for it in found if it.value is not None]
    hits = sum(it.ci[0] <= TRUE[1] <= it.ci[1] for it in given)
    return given, binomtest(hits, len(given)).proportion_ci(0.998)


def test_a_kind_judge_is_corrected_inside_the_estimators():
    given, share = covered(60)
    assert len(given) == 60
    values = np.array([it.value for it in given])
    assert values.mean() == pytest.approx(TRUE[1], abs=4 * values.std() / np.sqrt(60) + 0.005)
    assert share.high > 0.93
    log, _ = judged_log(0)
    believed = SNDR().value(logged_decisions(log), TargetDecisions(np.ones(N, dtype=int)))
    assert abs(believed.value - TRUE[1]) > 0.03


@pytest.mark.slow
@pytest.mark.parametrize("labels", [200, 500])
@pytest.mark.parametrize("kappa", [0.2, 0.5, 0.9])
def test_corrected_values_cover(kappa, labels):
    given, share = covered(500, labels=labels, kappa=kappa)
    assert len(given) > 450
    assert share.high > 0.93
    assert share.low < 0.985  # few labels are doubted, which errs on the wide side


def test_the_difference_to_what_was_done_is_corrected_too():
    apart = [valued(*judged_log(seed)) for seed in range(40)]
    true = TRUE[1] - (0.8 * TRUE[0] + 0.2 * TRUE[1])
    values = np.array([it.difference for it in apart])
    assert values.mean() == pytest.approx(true, abs=4 * values.std() / np.sqrt(40))
    held = sum(it.difference_ci[0] <= true <= it.difference_ci[1] for it in apart)
    assert binomtest(held, 40).proportion_ci(0.998).high > 0.93


def test_a_good_judge_makes_the_interval_narrower_than_labels_alone():
    log, labels = judged_log(3, labels=300, kappa=0.95, bias=0.0)
    own = valued(log, labels, SNIPS)
    nothing = partial(log.model, log.propensity, np.full(N, np.nan))
    alone = valued(nothing, labels, SNIPS)
    assert own.ci[1] - own.ci[0] < 0.75 * (alone.ci[1] - alone.ci[0])


def test_few_labels_of_the_policys_own_answers_are_refused():
    log, labels = judged_log(5, labels=60, epsilon=0.1)
    found = valued(log, labels)
    assert found.value is None
    assert "effective answers" in found.refusal


def test_failures_are_worth_nothing_and_need_no_label():
    log, labels = judged_log(1)
    error = np.zeros(N, dtype=bool)
    error[np.flatnonzero(np.isnan(labels))[:500]] = True
    failing = partial(log.model, log.propensity, log.quality, error)
    made = judge_corrected(failing, labels)
    assert (made.log.quality[error] == 0).all()
    assert (made.weight[error] == 0).all()
    labels[np.flatnonzero(error)[0]] = 1.0
    with pytest.raises(LogError, match="call that failed"):
        judge_corrected(failing, labels)


@pytest.mark.parametrize("by", ["model", "score"])
def test_labels_that_were_not_picked_by_chance_are_refused(by):
    log, labels = judged_log(2, labels=1000)
    codes = log.model if by == "model" else log.quality
    labels[(codes == 0) & (np.arange(N) % 2 == 0)] = np.nan
    with pytest.raises(LogError, match=f"goes by their {by}.*random sample"):
        judge_corrected(log, labels)
    chance = np.where(codes == 0, 0.25, 0.5)
    assert judge_corrected(log, labels, chance=chance).found.labels > 100


def test_labels_written_into_the_judges_scores_are_pointed_out():
    log, labels = judged_log(4)
    there = ~np.isnan(labels)
    log.quality[there] = labels[there]
    assert any("only seems right" in it for it in judge_corrected(log, labels).notes)


def test_no_interval_is_called_certain():
    made = judge_corrected(*judged_log(6))
    decisions = logged_decisions(made.log, labels=made.weight)
    with pytest.raises(LogError, match="no interval is certain"):
        SNDR().value(decisions, TargetDecisions(np.ones(N, dtype=int)), certified=Certified(5.0))


def test_requests_taken_out_keep_their_labels():
    made = judge_corrected(*judged_log(7))
    decisions = logged_decisions(made.log, labels=made.weight)
    part = decisions.take(np.arange(0, N, 2))
    assert np.array_equal(part.outcome("quality").labels, made.weight[::2])


def test_labels_are_joined_by_request_and_model():
    log, _ = judged_log(0, n=4, labels=0, model=np.array([0, 1, 0, 1]))
    notes = [
        FeedbackRecord(schema="routelab.feedback/1", request_id=name, quality=quality, model=model)
        for name, quality, model in (
            ("r0", 0.0, None), ("r1", 1.0, "large"), ("r2", 1.0, "large"), ("r9", 1.0, None),
            ("r0", 0.5, "small"),
        )
    ]  # fmt: skip
    found, missed = labels_along(log, notes)
    assert found == pytest.approx([0.5, 1.0, np.nan, np.nan], nan_ok=True)
    assert missed == 2


@pytest.mark.parametrize(
    ("labels", "words"),
    [(np.ones(3), "one for each call"), (np.r_[np.ones(5), np.full(N - 5, np.nan)], "5 labels")],
)
def test_labels_that_do_not_fit_say_so(labels, words):
    log, _ = judged_log(0)
    with pytest.raises(LogError, match=words):
        judge_corrected(log, labels)
