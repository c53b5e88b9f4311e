"""The search for how scorers are made: repeatable, on train alone, never worse than the default."""

from __future__ import annotations

import numpy as np
import pytest
from tuning_world import log_of

from routelab import learning
from routelab.errors import LearningError, TuningError
from routelab.learning import Recipe
from routelab.logs import TextsInMemory
from routelab.tuning import Options
from routelab.tuning.kinds import recipe_search
from routelab.tuning.search.trial_loop import Categorical, IntRange


def telling(n=120, seed=0):
    """A word of the prompt says which model succeeds."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n) < 0.5
    prompts = [f"{'prove' if it else 'greet'} number {row}" for row, it in enumerate(hard)]
    quality = np.column_stack([~hard, rng.random(n) < 0.9]).astype(float)
    return log_of(quality, [1e-4, 1e-3], texts=TextsInMemory(prompts))


def test_the_same_seed_finds_the_same_recipe_and_it_is_no_worse_than_the_default():
    log = telling()
    one, again = (recipe_search.search(log, log.models, trials=3, seed=4) for _ in range(2))
    assert one == again
    assert one.trials == 3
    assert one.loss <= one.loss_of_default
    made = learning.training_examples(log, "quality", log.models)
    assert one.loss == learning.loss(made, one.recipe, seed=4)
    assert one.loss_of_default == learning.loss(made, Recipe(), seed=4)


def test_the_default_is_the_first_trial_and_the_space_is_the_learners():
    log = telling()
    only = recipe_search.search(log, log.models, trials=1, seed=0)
    assert only.recipe == Recipe()
    assert only.loss == only.loss_of_default
    task = recipe_search.RecipeTask(learning.training_examples(log, "quality", log.models), 0)
    assert set(task.space) == set(learning.space())
    assert isinstance(task.space["learners"], Categorical)
    assert isinstance(task.space["rounds"], IntRange)


def test_a_recipe_that_the_log_cannot_feed_is_passed_over():
    """Without prompts there are no words; without tasks there is nothing at all."""
    log = telling()
    task = recipe_search.RecipeTask(learning.training_examples(log, "quality", log.models), 0)
    assert task.measure({"learners": "prior"}).values == (recipe_search.HOPELESS,)
    few = log.take(np.arange(12))
    with pytest.raises(LearningError, match="12 labelled rows"):
        recipe_search.search(few, few.models, trials=2, seed=0)


def test_a_number_of_trials_below_zero_is_refused():
    with pytest.raises(TuningError, match=r"`recipe_trials` is -1; it must be 0 or more"):
        Options(name="x", recipe_trials=-1, policy="cascade").check()
