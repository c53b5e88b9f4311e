"""What else might be learned, one measurement each: `python -m benchmarks.learning.tried`.

Areas are of predicted utility: the model of greatest predicted quality less its predicted cost, at
81 prices, on the half of a log that nothing was learned from; or of the grid of cascades, where the
confidence is what changes. The table in docs/statistics.md holds what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from benchmarks.learning import grid, rivals
from benchmarks.learning.halves import halves
from benchmarks.learning.judge import Judge, comparable
from benchmarks.learning.worlds import WORLDS
from routelab import learning
from routelab.learning import Recipe
from routelab.logs import Log
from routelab.replay import ComparisonSet, RequestCache

CELLS = (("routerbench", None), ("gym3", 365), ("routellm", 365))
"""Logs, and rows given of each; None for half of it."""
SPLITS = 3
SHARPER = 2.0 ** np.arange(-3, 4)
"""Inverse temperatures that a task may have."""
FEWEST = 10
"""Rows of a task below which it has no temperature."""


class Cell:
    """Rows to learn from, rows to judge on, and what the defaults predict there."""

    def __init__(self, name: str, rows: int | None, seed: int) -> None:
        world = WORLDS[name]()
        cut = halves(world.log, seed, rows)
        self.judge = Judge(world, cut.judge)
        self.learn = comparable(world, world.log.take(cut.learn))
        self.quality = self.predicted("quality", self.learn)
        self.cost = self.predicted("cost", self.learn)

    def predicted(
        self, target: learning.Target, on: ComparisonSet, recipe: Recipe | None = None
    ) -> np.ndarray:
        """(judged, models) of a scorer that was fitted on some rows."""
        log = on.log
        models = [log.models[at] for at in np.argsort(log.cost_usd.mean(axis=0), kind="stable")]
        fitted = learning.fit(log, target=target, models=models, recipe=recipe, groups=on.groups)
        scores = RequestCache(self.judge.on.log, fitted.scoring()).scores[target]
        return np.asarray(scores[:, [models.index(it) for it in log.models]])

    def area(self, quality: np.ndarray, cost: np.ndarray) -> float:
        made = {"it": rivals.Prediction(quality, cost)}
        return self.judge.area(*rivals.points(made, self.judge.quality, self.judge.cost)["it"])


def usual(cell: Cell) -> float:
    """Quality and cost as studies learn them: costs by their logarithms."""
    return cell.area(cell.quality, cell.cost)


def tokens(cell: Cell) -> float | None:
    """Tokens of answers learned in the place of costs, and priced with the prompt's own."""
    log, judged = cell.learn.log, cell.judge.on.log
    parts = log.prompt_tokens, log.completion_tokens, judged.prompt_tokens
    if any(np.isnan(it).any() for it in parts):
        return None
    counted = replace(log, cost_usd=log.completion_tokens)
    sizes = cell.predicted("cost", replace(cell.learn, log=counted))
    priced = np.empty_like(sizes)
    for at in range(len(log.models)):
        both = np.column_stack([log.prompt_tokens[:, at], log.completion_tokens[:, at]])
        prices = np.linalg.lstsq(both, log.cost_usd[:, at], rcond=None)[0]
        priced[:, at] = np.column_stack([judged.prompt_tokens[:, at], sizes[:, at]]) @ prices
    return cell.area(cell.quality, priced)


def task_costs(cell: Cell) -> float:
    """Costs by shrunk means of tasks alone."""
    return cell.area(cell.quality, cell.predicted("cost", cell.learn, Recipe(learners=("prior",))))


def mean_costs(cell: Cell) -> float:
    """One cost for all requests of a model."""
    flat = np.broadcast_to(cell.learn.log.cost_usd.mean(axis=0), cell.cost.shape)
    return cell.area(cell.quality, flat)


def weighted(cell: Cell) -> float:
    """Requests on which models differ count twice."""
    differ = np.flatnonzero(np.ptp(cell.learn.log.quality, axis=1) > 0)
    rows = np.sort(np.concatenate([np.arange(len(cell.learn.log)), differ]))
    log = cell.learn.log.take(rows)
    twice = replace(cell.learn, log=log)
    vars(twice)["groups"] = cell.learn.groups[rows]
    return cell.area(cell.predicted("quality", twice), cell.cost)


def embedded(cell: Cell) -> float | None:
    """Mean word embeddings (`[embed]`) beside words and numbers."""
    if cell.learn.log.texts is None:
        return None
    recipe = Recipe(learners=("prior", "words", "numbers", "embedding"))
    return cell.area(cell.predicted("quality", cell.learn, recipe), cell.cost)


def raw_grid(cell: Cell) -> float | None:
    """The grid of cascades on the confidence as logged."""
    return _cascades(cell, cell.learn.log, cell.judge.on.log)


def by_task(cell: Cell) -> float | None:
    """The same with a temperature for each task and model, of least log loss."""
    learn, judged = cell.learn.log, cell.judge.on.log
    if learn.requests.task is None:
        return None
    heats = _temperatures(learn)
    return _cascades(cell, _heated(learn, heats), _heated(judged, heats))


def _cascades(cell: Cell, learn: Log, judged: Log) -> float | None:
    if not learn.signals:
        return None
    policies = grid.best_cascades(replace(cell.learn, log=learn))
    on = replace(cell.judge.on, log=judged)
    replays = [on.replay(it) for it in policies]
    reached = [(it.cost_usd.mean(), it.quality.mean()) for it in replays]
    return cell.judge.area(*zip(*reached, strict=True))


Heats = Mapping[tuple[str, str], np.ndarray]
"""(models,) inverse temperatures by signal and task; "" for every other task."""


def _temperatures(log: Log) -> Heats:
    assert log.requests.task is not None
    tasks = log.requests.task.astype(str)
    right = log.quality >= 0.5
    found = {}
    for signal, values in log.signals.items():
        logits = _logits(values)
        for task in ("", *np.unique(tasks)):
            rows = np.flatnonzero((tasks == task) | (task == ""))
            if len(rows) >= FEWEST:
                loss = [_loss(logits[rows] * sharper, right[rows]) for sharper in SHARPER]
                found[signal, task] = SHARPER[np.argmin(loss, axis=0)]
    return found


def _logits(values: np.ndarray) -> np.ndarray:
    inside = np.clip(values, 0.02, 0.98)
    return np.asarray(np.log(inside / (1.0 - inside)))


def _loss(logits: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanmean(np.logaddexp(0.0, np.where(right, -logits, logits)), axis=0))


def _heated(log: Log, heats: Heats) -> Log:
    assert log.requests.task is not None
    signals = {}
    for name, values in log.signals.items():
        sharper = [heats.get((name, str(it)), heats[name, ""]) for it in log.requests.task]
        signals[name] = np.asfortranarray(1.0 / (1.0 + np.exp(-_logits(values) * sharper)))
    return replace(log, signals=signals)


TRIED: Mapping[str, Callable[[Cell], float | None]] = {
    "quality and cost as studies learn them": usual,
    "tokens of answers learned and priced": tokens,
    "costs by task means alone": task_costs,
    "one cost a model": mean_costs,
    "requests where models differ count twice": weighted,
    "mean word embeddings beside the rest": embedded,
    "grid of cascades on raw confidence": raw_grid,
    "grid of cascades, a temperature for each task": by_task,
}


def main() -> None:
    titles = [f"{name}, {'half' if rows is None else rows}" for name, rows in CELLS]
    print(f"| tried | {' | '.join(titles)} |\n|{' --- |' * (len(titles) + 1)}")
    made = [[Cell(name, rows, seed) for seed in range(SPLITS)] for name, rows in CELLS]
    for what, measure in TRIED.items():
        shown = []
        for cells in made:
            areas = [measure(cell) for cell in cells]
            known = [it for it in areas if it is not None]
            shown.append(f"{np.mean(known):.4f}" if len(known) == len(areas) else "-")
        print(f"| {what} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
