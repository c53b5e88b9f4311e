"""Names of columns: what is proposed as a signal, and what cannot be one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.signals import column_of, is_grade, proposal, proposals, refusal

SURE = (
    "confidence",
    "answer_confidence",
    "logprob_mean",
    "mean_logprob",
    "avg_token_log_prob",
    "margin",
    "self_consistency",
    "verifier",
    "verifier_score",
    "p_correct",
    "p_true",
)
UNSURE = ("entropy", "token_entropy", "perplexity", "uncertainty")
GRADED = (
    "rating",
    "thumbs_up",
    "thumbsUp",
    "Thumbs-Up",
    "votes",
    "num_votes",
    "score",
    "grade",
    "label",
    "is_correct",
    "user_feedback",
    "stars",
    "win",
    "preference",
    "judge_score",
    "judge_confidence",
)
COUNTED = (
    "total_tokens",
    "tokens",
    "annotator_id",
    "userId",
    "annotator",
    "timestamp_us",
    "created_at",
    "total_cost",
    "latency",
    "seed",
    "index",
    "Unnamed: 0",
    "confidence_usd",
)


@pytest.mark.parametrize("name", SURE)
def test_well_known_names_are_proposed_as_they_are(name):
    assert proposal(name) == name
    assert refusal(name) is None


@pytest.mark.parametrize("name", UNSURE)
def test_what_grows_with_doubt_is_proposed_with_the_opposite_sign(name):
    assert proposal(name) == f"reversed:{name}"
    assert column_of(f"reversed:{name}") == name


@pytest.mark.parametrize("name", GRADED)
def test_what_is_known_after_grading_is_no_signal(name):
    assert proposal(name) is None
    assert "after an answer was graded" in refusal(name)
    assert is_grade(name)


@pytest.mark.parametrize("name", COUNTED)
def test_counts_ids_times_and_costs_are_no_signals(name):
    assert proposal(name) is None
    assert "counts, numbers, times or prices" in refusal(name)
    assert not is_grade(name)


@pytest.mark.parametrize("name", ["verbosity", "similarity", "7", "置信度", "étoile"])
def test_a_name_that_says_nothing_may_be_asked_for(name):
    assert proposal(name) is None
    assert refusal(name) is None


def test_a_signal_in_use_is_not_proposed_again():
    names = ["confidence", "entropy", "rating"]
    assert proposals(names) == ("confidence", "reversed:entropy")
    assert proposals(names, ["reversed:entropy"]) == ("confidence",)


@given(st.text())
def test_no_name_is_both_proposed_and_refused(name):
    assert proposal(name) is None or refusal(name) is None
