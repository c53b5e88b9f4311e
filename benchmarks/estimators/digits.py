"""The digits benchmark of Open Bandit Pipeline: are our estimators as right as theirs?

    python -m benchmarks.estimators.digits

Handwritten digits are requests, guesses of the digit are models, and quality is whether the guess
is right. A logging policy guesses by logistic regression with probability .4 and at random
otherwise; the valued one by a forest with .9. Published: relative errors over 30 splits, by the
package's example `examples/multiclass` (n_runs 30, eval_size .7, logistic regression with alpha_b
.4, random forest with alpha_e .9, boosted trees in three folds as the outcome model). The settings
of these learners are those of its example `examples/synthetic`; the digits' own are not published
where we could read them. Its two tuned estimators choose their setting by SLOPE; ours by the least
estimated error.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from benchmarks.estimators.cells import lines
from routelab.estimators import (
    CrossFit,
    Expectations,
    LoggedDecisions,
    TargetDecisions,
    estimator,
    path_weights,
)

PUBLISHED = {
    "dm": (0.436541, 0.017629),
    "ips": (0.030288, 0.024506),
    "snips": (0.022764, 0.017917),
    "dr": (0.016156, 0.012679),
    "sndr": (0.022082, 0.016865),
    "switch-dr": (0.034657, 0.018575),
    "shrunk-dr": (0.015868, 0.012537),
}
"""Mean and standard deviation of the relative error, as published."""

RUNS, SEED, DIGITS = 30, 12345, 10


@dataclass(frozen=True)
class Joint(CrossFit):
    """One fit for all models at once, with the model as an indicator among the features."""

    def expectations(
        self, log: LoggedDecisions, target: TargetDecisions, name: str
    ) -> Expectations:
        values = target.of(log.outcome(name), name)
        fold = np.random.default_rng(self.seed).permutation(len(log)) % self.folds
        guess = np.empty((len(log), DIGITS))
        for number in range(self.folds):
            inside, outside = fold == number, fold != number
            fit = HistGradientBoostingClassifier(
                max_iter=30, learning_rate=0.01, max_depth=5, min_samples_leaf=10,
                random_state=SEED,
            ).fit(_joined(log.features[outside], log.model[outside]), values[outside])  # fmt: skip
            for model in range(DIGITS):
                asked = _joined(log.features[inside], np.full(int(inside.sum()), model))
                guess[inside, model] = fit.predict_proba(asked)[:, 1]
        start = (target.first * guess).sum(axis=1)
        return Expectations(start, values, guess[np.arange(len(log)), log.model])


def _joined(features: np.ndarray, model: np.ndarray) -> np.ndarray:
    return np.hstack([features, np.eye(DIGITS)[model]])


def measured(seed: int) -> dict[str, Any]:
    """Relative errors of one split."""
    x, y = load_digits(return_X_y=True)
    known, asked, right_known, right = train_test_split(x, y, test_size=0.7, random_state=seed)
    line = LogisticRegression(max_iter=10_000, C=100, random_state=SEED)
    forest = RandomForestClassifier(30, max_depth=5, min_samples_leaf=10, random_state=SEED)
    logging = _softened(line.fit(known, right_known).predict(asked), 0.4)
    target = _softened(forest.fit(known, right_known).predict(asked), 0.9)
    rng = np.random.default_rng(seed)
    model = (rng.random(len(asked))[:, None] > np.cumsum(logging, axis=1)).sum(axis=1)
    model = np.minimum(model, DIGITS - 1)
    rows = np.arange(len(asked))
    log = LoggedDecisions.of_choices(
        tuple(str(it) for it in range(DIGITS)),
        model,
        logging[rows, model],
        (model == right).astype(float),
        features=asked,
    )
    truth = float(target[rows, right].mean())
    decisions = TargetDecisions(target)
    weights = path_weights(log, decisions)
    made = _Once(Joint(folds=3, seed=SEED).expectations(log, decisions, "quality"))
    errors = {
        name: abs(
            float(estimator(name, made).scores(log, decisions, "quality", weights).each.mean())
            / truth
            - 1
        )
        for name in PUBLISHED
    }
    return {"seed": seed, "errors": errors}


class _Once(CrossFit):
    """Expectations that are there already, so that estimators share them."""

    def __init__(self, made: Expectations) -> None:
        object.__setattr__(self, "made", made)

    def expectations(
        self, log: LoggedDecisions, target: TargetDecisions, name: str
    ) -> Expectations:
        return self.made


def _softened(guess: np.ndarray, sure: float) -> np.ndarray:
    """Follow a guess with that probability, else draw evenly."""
    chance = np.full((len(guess), DIGITS), (1 - sure) / DIGITS)
    chance[np.arange(len(guess)), guess] += sure
    return chance


def run(runs: int, kept: Path) -> None:
    """Measure the splits that the file lacks."""
    done = {it["seed"] for it in lines(kept)}
    with kept.open("a", encoding="utf-8") as file:
        for seed in range(runs):
            if seed not in done:
                file.write(json.dumps(measured(seed)) + "\n")
                file.flush()


def rows(cells: Sequence[dict[str, Any]]) -> Iterator[tuple[str, float, float, float, float, bool]]:
    """Estimator, our error and its standard error, theirs and its, and whether ours is no larger.

    No larger beyond one standard deviation of theirs, which is how far their splits lie apart.
    """
    for name, (mean, deviation) in PUBLISHED.items():
        own = np.array([it["errors"][name] for it in cells])
        error = float(own.std(ddof=1) / math.sqrt(len(own))) if len(own) > 1 else math.nan
        yield name, float(own.mean()), error, mean, deviation, abs(own.mean() - mean) <= deviation


def markdown(cells: Sequence[dict[str, Any]]) -> str:
    """The table."""
    made = [
        f"| estimator | relative error, {len(cells)} splits | published, 30 splits | apart by"
        " less than a standard deviation |",
        "|---|---|---|---|",
    ]
    made += [
        f"| `{name}` | {own:.4f} ± {error:.4f} | {mean:.4f} (sd {deviation:.4f}) |"
        f" {'yes' if close else 'no'} |"
        for name, own, error, mean, deviation, close in rows(cells)
    ]
    return "\n".join(made) + "\n"


def main(arguments: Sequence[str]) -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.estimators.digits")
    asked.add_argument("--runs", type=int, default=RUNS)
    asked.add_argument("--kept", type=Path, default=Path("digits_cells.jsonl"))
    options = asked.parse_args(arguments)
    run(options.runs, options.kept)
    sys.stdout.write(markdown(list(lines(options.kept))))


if __name__ == "__main__":
    main(sys.argv[1:])
