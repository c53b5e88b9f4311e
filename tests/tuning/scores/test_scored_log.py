"""A partial log made complete: means of its scores are those of the complete log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from estimated_world import MODELS, complete, partial, with_audits

from routelab.errors import LogError
from routelab.estimators import DR, TargetDecisions
from routelab.policies import Conditional, Fixed, Match, Rule
from routelab.replay import run
from routelab.tuning.scores import estimated_value, scored_log

POLICY = Conditional((Rule(Match(task=("easy",)), Fixed("small")),), Fixed("large"))


@pytest.fixture(scope="module")
def log():
    return complete()


@pytest.fixture(scope="module")
def scored(log):
    return scored_log(partial(log))


def test_means_are_those_of_the_complete_log_but_for_chance(log, scored):
    assert scored.log.models == MODELS
    assert np.isnan(scored.log.latency_s).all()  # of which percentiles would be asked
    for name in ("quality", "cost_usd"):
        made, truth = getattr(scored.log, name), getattr(log, name)
        error = np.sqrt(made.var(axis=0) / len(log))
        assert (np.abs(made.mean(axis=0) - truth.mean(axis=0)) < 4 * error).all(), name
    for task in ("easy", "odd", "hard"):
        here = log.requests.task == task
        made, truth = scored.log.quality[here], log.quality[here]
        error = np.sqrt(made.var(axis=0) / here.sum())
        assert (np.abs(made.mean(axis=0) - truth.mean(axis=0)) < 4 * error).all(), task


def test_a_policys_replay_on_the_scores_is_its_doubly_robust_value(scored):
    replayed = run(POLICY, scored.log)
    target = TargetDecisions(replayed.answered)
    found = DR(scored.fit()).value(scored.decisions, target, "quality")
    assert replayed.quality.mean() == pytest.approx(found.value, abs=1e-12)


def test_the_value_on_some_requests_holds_the_truth(log, scored):
    rows = np.arange(1, len(log), 3)
    answered = run(POLICY, log).answered[rows]
    found = estimated_value(scored, rows, answered)
    for name in ("quality", "cost_usd"):
        truth = getattr(log, name)[rows, answered].mean()
        low, high = getattr(found, name).ci
        assert low <= truth <= high
    sentences = list(found.sentences)
    assert "doubly robust" in sentences[0]
    assert any(f"{found.quality.value:.3f}" in it for it in sentences)


def test_audited_requests_are_what_was_observed(log):
    seen = with_audits(partial(log), log, 0.2)
    scored = scored_log(seen)
    audited = seen.requests.audit
    assert scored.audited.tolist() == audited.tolist()
    np.testing.assert_array_equal(scored.log.quality[audited], log.quality[audited])
    assert scored.log.requests.audit is None


def test_the_same_seed_makes_the_same_scores(log, scored):
    again = scored_log(partial(log))
    assert again.log.quality.tobytes() == scored.log.quality.tobytes()
    assert again.log.cost_usd.tobytes() == scored.log.cost_usd.tobytes()


def test_a_model_without_support_is_left_out_or_refused_with_what_would_mend_it(log):
    never = partial(log.only(("small", "middle")))
    seen = replace(never, models=MODELS)
    found = scored_log(seen)
    assert found.log.models == ("small", "middle")
    assert list(found.left_out) == ["large"]
    with pytest.raises(LogError, match=r"large: .*explore with epsilon"):
        scored_log(seen, MODELS)


def test_answers_that_nobody_judged_are_refused(log):
    seen = partial(log)
    quality = np.where(np.arange(len(seen.quality)) % 7 == 0, np.nan, seen.quality)
    with pytest.raises(LogError, match="429 of 3,000 requests nobody judged"):
        scored_log(replace(seen, quality=quality))


def test_models_that_cost_nothing_cost_nothing_where_they_were_not_asked():
    seen = partial(complete(600))
    free = scored_log(replace(seen, cost_usd=np.zeros_like(seen.cost_usd)))
    assert (free.log.seen.cost_usd == 0).all()
    assert (free.log.cost_usd == 0).all()


def test_a_model_that_the_log_has_not_is_told_of_and_one_named_twice_is_one():
    seen = partial(complete(600))
    with pytest.raises(LogError, match="no model 'larger'; write 'large'"):
        scored_log(seen, ("small", "larger"))
    assert scored_log(seen, ("small", "large", "small")).log.models == ("small", "large")
