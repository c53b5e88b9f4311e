"""Policies are compared on rows that hold every candidate's outcome, and the rest is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_world import CASCADE, MODELS, logged, objects, tuned_on, whole

from routelab.core.signal_spec import SignalSpec
from routelab.errors import LogError
from routelab.logs.model.log import Requests
from routelab.logs.model.splits import split
from routelab.replay import NamedPolicy, coverage, evaluate, study_rows

masks = st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=30)


def with_holes(n, holes):
    """A log that lacks the quality, or the cost, of these (row, model) pairs."""
    log = logged(n)
    for index, (row, column) in enumerate(holes):
        (log.quality if index % 2 else log.cost_usd)[row, column] = np.nan
    return log


@settings(deadline=None, max_examples=60)
@given(masks, st.sampled_from([(0,), (0, 1), (2, 0), (0, 1, 2)]))
def test_rows_are_those_that_hold_every_candidate(mask, columns):
    holes = [(row, c) for row, seen in enumerate(mask) for c in range(3) if not seen[c]]
    log = with_holes(len(mask), holes)
    candidates = [MODELS[c] for c in columns]
    complete = [row for row, seen in enumerate(mask) if all(seen[c] for c in columns)]
    rows = np.arange(len(mask))
    if not complete:
        with pytest.raises(LogError, match="no overlap"):
            coverage(log, candidates, rows, allow_missing=True)
        return
    found = coverage(log, candidates, rows, allow_missing=True)
    assert found.rows.tolist() == complete
    assert found.n_dropped == len(mask) - len(complete)
    assert found.share_dropped == found.n_dropped / len(mask)
    only = coverage(log, candidates, found.rows)
    assert (only.rows.tolist(), only.n_dropped, only.warning()) == (complete, 0, None)


@pytest.mark.parametrize(("dropped", "warned"), [(0, False), (2, False), (3, True), (20, True)])
def test_over_two_per_cent_are_warned_about(dropped, warned):
    log = with_holes(100, [(row, row % 3) for row in range(dropped)])
    warning = coverage(log, MODELS, np.arange(100)).warning()
    assert (warning is not None) == warned
    if warning is not None:
        assert warning.startswith(f"{dropped} rows ({dropped:.1f}%)")


def test_over_twenty_per_cent_are_refused_unless_allowed():
    log = with_holes(100, [(row, 1) for row in range(21)])
    with pytest.raises(LogError, match=r"21 rows \(21\.0%\).*over 20% is refused.*allow_missing"):
        coverage(log, MODELS, np.arange(100))
    assert len(coverage(log, MODELS, np.arange(100), allow_missing=True).rows) == 79
    assert len(coverage(log, ("small", "large"), np.arange(100)).rows) == 100


def test_dropped_rows_are_listed_by_task_most_first():
    log = with_holes(100, [(row, 0) for row in range(15)])
    task = objects("law" if row < 4 else "chat" if row < 15 else "maths" for row in range(100))
    log = with_requests(log, task=task)
    found = coverage(log, MODELS, np.arange(100))
    assert list(found.by_task.items()) == [("chat", 11), ("law", 4)]
    assert "(most in chat 11, law 4)" in str(found.warning())


def with_requests(log, **columns):
    return replace(log, requests=Requests(id=log.requests.id, **columns))


def test_where_rows_are_audited_they_alone_are_the_population():
    audit = np.arange(100) % 4 == 0
    log = with_holes(100, [(row, 2) for row in range(100) if not audit[row]] + [(8, 0)])
    found = coverage(with_requests(log, audit=audit), MODELS, np.arange(100))
    assert found.rows.tolist() == [row for row in range(0, 100, 4) if row != 8]
    assert found.n_dropped == 1
    assert found.share_dropped == 1 / 25


def test_without_overlap_the_error_counts_what_each_candidate_lacks():
    log = with_holes(9, [(row, row % 3) for row in range(9)])
    told = r"no overlap: none of 9 rows.*\(small lacks 3, middle lacks 3, large lacks 3\)"
    with pytest.raises(LogError, match=told):
        coverage(log, MODELS, np.arange(9), allow_missing=True)


def test_without_an_audited_row_the_error_says_so():
    log = with_requests(logged(5), audit=np.zeros(5, dtype=bool))
    with pytest.raises(LogError, match="no row is audited"):
        coverage(log, MODELS, np.arange(5))


def test_a_candidate_that_the_log_lacks_is_named():
    with pytest.raises(LogError, match=r"no model 'huge'; it has small, middle, large"):
        coverage(logged(5), ("small", "huge"), np.arange(5))


SPECS = {"sure": SignalSpec(extra_cost="sure_usd")}


def priced(n, holes=(), **options):
    """A log with a column for what its signal costs, empty for these (row, model) pairs."""
    log = logged(n, **options)
    extra = np.full((n, 3), 1e-4)
    for hole in holes:
        extra[hole] = np.nan
    return replace(log, extra_usd={"sure": extra}, specs=SPECS)


def test_rows_without_the_cost_of_a_signal_are_dropped_and_the_column_is_named():
    log = priced(100, [(row, row % 3) for row in range(5)])
    log.quality[90, 1] = np.nan
    found = coverage(log, MODELS, np.arange(100), signals=["sure"])
    assert found.rows.tolist() == [row for row in range(5, 100) if row != 90]
    assert found.n_dropped == 6
    assert found.unpriced == {"'sure_usd' of signal 'sure'": 5}
    assert "6 rows (6.0%) lack an outcome" in str(found.warning())
    assert "no 'sure_usd' of signal 'sure' (5 of them)" in str(found.warning())
    assert len(coverage(log, MODELS, np.arange(100)).rows) == 99


def test_a_model_without_the_signal_needs_no_cost_of_it():
    log = priced(50, [(row, 2) for row in range(50)])
    log.signals["sure"][:, 2] = np.nan
    assert len(coverage(log, MODELS, np.arange(50), signals=["sure"]).rows) == 50


def test_a_cost_column_that_is_always_empty_is_told_with_the_way_out():
    log = priced(9, [(row, 1) for row in range(9)])
    told = r"no overlap.*9 have no 'sure_usd' of signal 'sure'\).*fill in that column"
    with pytest.raises(LogError, match=told):
        coverage(log, MODELS, np.arange(9), signals=["sure"])


@pytest.mark.parametrize("part", ["tune", "test", "all"])
def test_parts_leave_out_what_has_no_cost_and_every_figure_is_finite(part):
    log = priced(400, [(row, row % 3) for row in range(0, 400, 20)], task=True)
    here = study_rows(tuned_on(log, signals=SPECS), log, part)
    rows = split(log).rows(part)
    assert here.coverage.rows.tolist() == [row for row in rows if row % 20]
    (found,) = evaluate(here, [NamedPolicy("it", CASCADE)])
    assert np.isfinite([found.quality, found.usd_per_1k, *found.gain_ci]).all()


def test_without_a_covered_row_outside_test_baselines_do_not_learn():
    log = logged(200, task=True)
    log.quality[np.setdiff1d(np.arange(200), split(log).rows("test")), 2] = np.nan
    assert study_rows(tuned_on(log), log, "test").reference is None
    (found,) = evaluate(study_rows(tuned_on(log), log, "test"), [NamedPolicy("it", CASCADE)])
    assert "task_mean" not in {it.name for it in found.baselines}
    assert whole(logged(200, task=True)).reference is not None
