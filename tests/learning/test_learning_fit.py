"""Fits: what is written down says what was fitted, and learns from nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from learning_world import MODELS, QUICK, log_of, telling_log

from routelab import learning, scorers
from routelab.core.request import Request
from routelab.errors import LearningError, LogError
from routelab.learning import Examples, ensemble
from routelab.learning.design import Design

SIGNALS = ("confidence",)
RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "words alone": {"learners": "words", "idf": True, "tf": "raw"},
    "trees alone": {"learners": "trees"},
    "numbers and prior": {"learners": "numbers+prior", "calibrator": "isotonic"},
    "neighbours": {"learners": "neighbors", "neighbors": 7, "points": 50},
    "temperature": {"calibrator": "temperature", "tf": "binary"},
}
AFTER = {"complexity": False, "quality": True, "cost": False, "latency": False, "gain": True}


def quick(**changes: Any) -> learning.Recipe:
    plain = {**msgspec.to_builtins(QUICK), **changes}
    return learning.recipe(plain)


def _written_equals_fitted(made: Examples, recipe: learning.Recipe) -> None:
    design = Design(made, recipe)
    rows = np.arange(len(made))
    fitted = ensemble.fit(design, rows, 0)
    written = fitted.write(design, "it")
    wire = msgspec.json.decode(msgspec.json.encode([written.features, written.scorers]))
    scoring = scorers.load_scorers(*wire, written.tensors)
    asked = [made.requests[index] for index in made.request_of]
    scores = scoring.score_batch("it", asked, made.seen)
    assert scoring.outputs("it") == made.outputs
    np.testing.assert_allclose(scores, fitted.predict(design, rows), rtol=0, atol=1e-9)
    one = scoring.score("it", asked[3], None if made.seen is None else made.seen[3])
    assert tuple(scores[3]) == one


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("target", AFTER)
def test_what_is_written_scores_as_what_was_fitted(name: str, target: learning.Target) -> None:
    log = telling_log(150)
    made = learning.training_examples(log, target, MODELS)
    _written_equals_fitted(made, quick(**RECIPES[name]))


@pytest.mark.parametrize("target", [target for target, after in AFTER.items() if after])
def test_what_is_written_scores_alike_after_an_answer(target: learning.Target) -> None:
    made = learning.training_examples(telling_log(120), target, MODELS, signals=SIGNALS, after=True)
    assert made.seen is not None
    _written_equals_fitted(made, quick())


@pytest.mark.parametrize("calibrator", ["beta", "platt", "none"])
def test_log_loss_is_written_as_it_was_fitted(calibrator: str) -> None:
    made = learning.training_examples(telling_log(150), "quality", MODELS)
    _written_equals_fitted(made, quick(loss="log", calibrator=calibrator))


def test_the_same_log_recipe_and_seed_give_the_same_scorer() -> None:
    first, second = (
        learning.fit(telling_log(120), target="quality", models=MODELS, recipe=QUICK, seed=3)
        for _ in range(2)
    )
    assert first.scorers == second.scorers
    assert first.features == second.features
    assert first.report == second.report
    assert first.tensors.keys() == second.tensors.keys()
    for name, tensor in first.tensors.items():
        np.testing.assert_array_equal(tensor, second.tensors[name])


def test_scores_of_a_fold_do_not_depend_on_its_own_labels() -> None:
    made = learning.training_examples(telling_log(150), "quality", MODELS)
    fold = np.arange(len(made)) % 3
    labels = np.where((fold == 1)[:, None], 1.0 - made.labels, made.labels)
    other = Examples(**{**vars(made), "labels": labels})
    here, there = (learning.crossfit(one, QUICK, fold) for one in (made, other))
    np.testing.assert_array_equal(here[fold == 1], there[fold == 1])
    assert not np.array_equal(here[fold != 1], there[fold != 1])


def test_prompts_that_tell_are_learned_and_shuffled_labels_are_not() -> None:
    made = learning.training_examples(telling_log(400), "quality", MODELS)
    order = np.random.default_rng(1).permutation(len(made))
    noise = Examples(**{**vars(made), "labels": made.labels[order]})
    assert learning.loss(made, QUICK) < 0.85
    assert learning.loss(noise, QUICK) > 0.95


def test_the_better_recipe_has_less_loss_and_one_that_cannot_be_fitted_says_why() -> None:
    made = learning.training_examples(telling_log(300), "gain", MODELS, signals=SIGNALS)
    blind, sighted = quick(learners="prior"), quick(learners="prior+words+trees")
    assert learning.loss(made, sighted) < learning.loss(made, blind)
    with pytest.raises(LearningError, match="log"):
        learning.loss(made, quick(loss="log"))


def test_confidence_after_an_answer_improves_the_expected_gain() -> None:
    log = telling_log(400)
    without = learning.training_examples(log, "gain", MODELS)
    seeing = learning.training_examples(log, "gain", MODELS, signals=SIGNALS)
    assert learning.loss(seeing, QUICK) < learning.loss(without, QUICK)


def test_an_unseen_task_gets_the_overall_mean() -> None:
    log = telling_log(200)
    fitted = learning.fit(log, target="quality", models=MODELS, recipe=quick(learners="prior"))
    request = learning.training_examples(log, "quality", MODELS).requests[0]
    unseen = msgspec.structs.replace(request, task="zoology")
    scored = learning.fit(
        log, target="quality", models=MODELS, recipe=quick(learners="prior", calibrator="none")
    ).scoring()
    np.testing.assert_allclose(scored.score("quality", unseen), log.quality.mean(axis=0))
    assert all(0.0 <= value <= 1.0 for value in fitted.scoring().score("quality", unseen))


def test_several_scorers_of_one_train_part_share_their_features() -> None:
    log = telling_log(120)
    quality, cost = (
        learning.fit(log, target=target, models=MODELS, recipe=QUICK)
        for target in ("quality", "cost")
    )
    both = quality | cost
    assert both.features == quality.features == cost.features
    assert set(both.scoring().names) == {*quality.scorers, *cost.scorers}
    with pytest.raises(LearningError, match="quality"):
        quality | quality


def test_scorers_of_other_messages_do_not_go_into_one_set() -> None:
    one, two = (
        learning.FittedScorers(scorers={name: {"kind": name}}, reads=reads)
        for name, reads in (("a", "last_turn"), ("b", "conversation"))
    )
    with pytest.raises(LearningError, match=r"other messages of a request \(last_turn and conv"):
        one | two
    assert (learning.FittedScorers() | two).reads == "conversation"
    assert (one | learning.FittedScorers()).reads == "last_turn"


@pytest.mark.parametrize("prompt", ["", "\ud800 half a pair", "数学 вопрос سؤال", "x" * 100_000])
def test_odd_prompts_are_learned_from_and_scored(prompt: str) -> None:
    prompts = [prompt if row % 2 else f"plain {row}" for row in range(80)]
    quality = [[row % 2, 1 - row % 3 / 2] for row in range(80)]
    log = log_of(quality, prompts)
    fitted = learning.fit(log, target="quality", models=MODELS[:2], recipe=QUICK)
    requests = learning.training_examples(log, "quality", MODELS[:2]).requests
    assert np.isfinite(fitted.scoring().score_batch("quality", requests)).all()


def test_empty_prompts_and_more_columns_than_rows_are_noted() -> None:
    rng = np.random.default_rng(0)
    log = log_of(rng.integers(2, size=(80, 2)), [""] * 80, [f"t{row % 5}" for row in range(80)])
    grouped = learning.training_examples(log, "quality", MODELS[:2])
    apart = Examples(**{**vars(grouped), "groups": np.arange(80)})
    notes = learning.fit_examples(apart, QUICK, name="q").report["q"]["notes"]
    assert any("every prompt is empty" in note for note in notes)
    assert any("80 rows for 1024 hashed words" in note for note in notes)


def test_rows_beyond_the_limit_are_left_out_and_noted() -> None:
    report = learning.fit(
        telling_log(200), target="quality", models=MODELS, recipe=quick(most_rows=90)
    ).report["quality"]
    assert report["rows"] == 90
    assert "fitted on 90 of 200 rows" in report["notes"][0]


def test_a_log_without_prompts_falls_back_on_its_tasks() -> None:
    log = telling_log(200, by_task=True)
    bare = log_of(log.quality, None, list(log.requests.task))
    report = learning.fit(bare, target="quality", models=MODELS, recipe=QUICK).report["quality"]
    assert report["weights"] == {"prior": 1.0}
    assert "words, numbers, trees" in report["notes"][0]


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "one label": (log_of(np.ones((60, 2)), ["a"] * 60), {}, "same quality .*fixed model"),
    "few rows": (telling_log(20), {}, "20 labelled rows; at least 30"),
    "nothing to look at": (log_of(np.eye(60)[:, :2]), {}, "neither prompts nor a task"),
    "unknown target": (telling_log(60), {"target": "wit"}, "unknown target 'wit'"),
    "unknown signal": (telling_log(60), {"signals": ("mood",)}, "no signal mood"),
    "no next model": (telling_log(60), {"target": "gain", "models": ("small",)}, "next model"),
    "one group": (log_of(np.eye(60)[:, :2], ["same"] * 60), {}, "one group"),
    "log loss of a cost": (
        telling_log(60),
        {"target": "cost", "recipe": quick(loss="log")},
        'loss "log" fits probabilities',
    ),
    "nothing observed": (
        log_of(np.column_stack([np.eye(60)[0], np.full(60, np.nan)]), ["a"] * 60),
        {},
        "no quality was observed for middle",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_learned_from_says_why(name: str) -> None:
    log, changes, message = BAD[name]
    arguments = {"target": "quality", "models": log.models, "recipe": QUICK, **changes}
    with pytest.raises(LearningError, match=message):
        learning.fit(log, **arguments)


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(LogError, match="no model 'giant'"):
        learning.fit(telling_log(60), target="quality", models=("giant",), recipe=QUICK)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"leaves": 1}, "leaves is 1"),
        ({"folds": 1, "rounds": 0}, "rounds is 0(.|\n)*folds is 1"),
        ({"words_penalty": float("nan")}, "words_penalty is nan"),
        ({"learners": []}, "one or more"),
        ({"learners": "words+oracle"}, "oracle"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(LearningError, match=message):
        learning.recipe(values)


def test_every_corner_of_the_space_is_a_recipe() -> None:
    for name, choices in learning.space().items():
        ends = choices[:2] if isinstance(choices, learning.Span) else choices
        for value in ends:
            assert learning.recipe({name: value})


def test_a_prompt_of_ten_megabytes_is_scored_by_its_ends_like_any_other() -> None:
    fitted = learning.fit(telling_log(80), target="quality", models=MODELS, recipe=QUICK)
    middle = "lorem ipsum " * 900_000
    asked = [
        Request("r", ({"role": "user", "content": f"why? {filler} prove it"},))
        for filler in (middle, middle[:1_000_000])
    ]
    scoring = fitted.scoring()
    scores = scoring.score_batch("quality", asked)
    assert np.isfinite(scores).all()
    assert [scoring.score("quality", it) for it in asked] == [tuple(row) for row in scores.tolist()]
