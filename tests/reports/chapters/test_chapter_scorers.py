"""The chapters on kinds of policy and on what was learned."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from reports_world import Page, data_of

from routelab.learning import Recipe, account
from routelab.logs import Log
from routelab.reports import render
from routelab.reports.forms import NOTHING, minus
from routelab.tuning.selection.kind_choice import Rival

PAIR = ("small-8b", "frontier")
KINDS = (
    Rival("cascade", 0.87, True),
    Rival("tiers", 0.84, False, 0.83, 0.037, (0.013, 0.06)),
    Rival("utility", float("nan"), False, None, 0.005, (-0.02, 0.027)),
    Rival("neighbors", 0.86, False, 0.85, -0.03, (-0.05, -0.01)),
)


@pytest.fixture(scope="module")
def known(sample_log: Log):
    """A real account of a few requests."""
    few = sample_log.take(np.arange(0, len(sample_log), 5))
    quick = Recipe(learners=("words", "numbers"), folds=2)
    weak, strong = PAIR
    return account(
        few, weak=weak, strong=strong, recipe=quick, signals=("confidence",), resamples=10
    )


@pytest.fixture(scope="module")
def report(tuned, known):
    plain = {"kinds": KINDS, "account": known}
    return render(data_of(tuned.study) | msgspec.json.decode(msgspec.json.encode(plain)))


def both(report) -> tuple[str, str]:
    """The texts of the page and of its twin."""
    page = Page(report.html)
    assert page.whole
    return page.text, report.markdown.decode()


def test_a_study_of_one_kind_has_neither_chapter(tuned):
    for text in both(render(data_of(tuned.study))):
        assert "Kinds of policy" not in text
        assert "What was learned" not in text


def test_kinds_stand_beside_each_other_with_their_intervals(report):
    page, twin = both(report)
    for text in (page, twin):
        assert "4 kinds of policy were searched, and compared at every cost" in text
        assert "At the cost of what was exported that is cascade." in text
        assert "Beyond chance it leads tiers, and loses to neighbors" in text
    assert f"| **cascade (exported)** | 0.8700 | {NOTHING} | {NOTHING} |" in twin
    assert "| tiers | 0.8400 | 0.8300 | +3.7 [+1.3 to +6.0] |" in twin
    assert minus(f"| utility | {NOTHING} | {NOTHING} | +0.5 [-2.0 to +2.7] |") in twin


def test_what_was_learned_is_told_with_every_way_of_judging_it(report, known):
    page, twin = both(report)
    for text in (page, twin):
        assert known.statement in text
        for way in ("requests never seen", "tasks never seen", "after the first answer"):
            assert way in text
        assert f"{known.random.apgr.value:.3f}" in text
        assert f"{known.leave_task_out.apgr.value:.3f}" in text
        assert known.important[0].feature.replace("_", " ") in text
        assert "AUROC" in text
    assert "not split" not in twin  # a way that could not be judged is left out of the table


def test_drawings_of_both_chapters_say_what_they_show(report):
    drawn = Page(report.html).named("svg")
    said = " ".join(it["aria-label"] or "" for it in drawn)
    for words in ("beside the best without learning", "Random routing needs 50%", "shuffling"):
        assert words in said


def test_a_pair_that_cannot_be_judged_says_why(tuned, sample_log: Log):
    few = sample_log.take(np.arange(4))
    nothing = account(few, weak=PAIR[0], strong=PAIR[1])
    assert nothing.random.apgr.value is None
    plain = {"account": msgspec.to_builtins(nothing)}
    for text in both(render(data_of(tuned.study) | plain)):
        assert nothing.statement.splitlines()[0] in text
