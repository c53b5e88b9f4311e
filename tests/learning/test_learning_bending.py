"""Differences between models follow how hard a request is for all, and nothing else changes."""

from __future__ import annotations

import msgspec
import numpy as np
from learning_world import MODELS, QUICK, telling_log

from routelab import learning, scorers
from routelab.learning import Recipe, bending, ensemble
from routelab.learning.design import Design


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two models that say how hard a request is; they differ most in the middle."""
    rng = np.random.default_rng(seed)
    hard = rng.uniform(0.0, 1.0, n)
    gap = 1.6 * hard * (1.0 - hard)
    truth = np.column_stack([hard - gap / 2.0, hard + gap / 2.0])
    scores = np.column_stack([hard - 0.13, hard + 0.13]) + rng.normal(0.0, 0.02, (n, 2))
    return scores, (rng.random((n, 2)) < truth).astype(np.float64)


def test_differences_come_near_the_truth_and_the_mean_stays() -> None:
    found = bending.fit(*drawn(6000, 0))
    assert found is not None
    scores, _ = drawn(4000, 1)
    bent = found(scores)
    np.testing.assert_allclose(bent.mean(axis=1), scores.mean(axis=1), atol=1e-12)
    hard = scores.mean(axis=1)
    truth = 1.6 * hard * (1.0 - hard)
    before, after = (np.square(np.diff(it, axis=1)[:, 0] - truth).mean() for it in (scores, bent))
    assert after < 0.3 * before


def test_a_row_has_no_say_in_its_own_bent_score() -> None:
    scores, labels = drawn(300, 2)
    fold = np.arange(300) % 3
    other = np.where((fold == 1)[:, None], 1.0 - labels, labels)
    here, there = (bending.crossfit(scores, it, fold) for it in (labels, other))
    np.testing.assert_array_equal(here[fold == 1], there[fold == 1])
    assert not np.array_equal(here[fold != 1], there[fold != 1])


def test_scores_that_do_not_vary_are_left_alone() -> None:
    assert bending.fit(np.full((50, 2), 0.5), np.eye(50)[:, :2]) is None


def test_what_is_bent_is_written_as_it_was_fitted() -> None:
    made = learning.training_examples(telling_log(1100), "quality", MODELS)
    recipe = learning.recipe({**msgspec.to_builtins(QUICK), "learners": "prior+numbers"})
    design, rows = Design(made, recipe), np.arange(1100)
    fitted = ensemble.fit(design, rows, 0)
    assert fitted.bending is not None
    written = fitted.write(design, "it")
    assert written.scorers["it"]["kind"] == "joint"
    scoring = scorers.load_scorers(written.features, written.scorers, written.tensors)
    found = scoring.score_batch("it", made.requests)
    np.testing.assert_allclose(found, fitted.predict(design, rows), rtol=0, atol=1e-9)
    assert tuple(found[5]) == scoring.score("it", made.requests[5])


def test_few_rows_and_a_table_alone_are_not_bent() -> None:
    fitted = learning.fit(telling_log(300), target="quality", models=MODELS, recipe=QUICK)
    assert fitted.scorers["quality"]["kind"] == "blend"
    table = learning.fit(
        telling_log(1100), target="quality", models=MODELS, recipe=Recipe(learners=("prior",))
    )
    assert table.scorers["quality"]["kind"] == "prior"
    assert list(table.scorers) == ["quality"]
