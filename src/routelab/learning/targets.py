"""The targets that a scorer can predict, each as labels made from a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from routelab.core import Feedback, Floats, Request
from routelab.errors import LearningError
from routelab.learning.examples import Examples, Target, groups_of, requests_of, tasks_of
from routelab.logs.model import Log

RIGHT = 0.5
"""An answer of this quality or more counts as a success."""


def training_examples(
    log: Log,
    target: Target,
    models: Sequence[str],
    *,
    signals: Sequence[str] = (),
    after: bool | None = None,
    requests: tuple[Request, ...] | None = None,
) -> Examples:
    """Training examples of a target, one row per request, or per request and answer.

    Args:
        log: (n, m) outcomes.
        target: "complexity" (0 cheapest model succeeds, to 1), "quality", "cost" (USD), "latency"
            (seconds), or "gain" (quality of each later model minus this answer's).
        models: cheapest first; complexity and gain depend on the order.
        signals: confidence that a scorer may look at after an answer.
        after: whether the scorer sees an answer; None for gain alone. Then every request
            yields a row per model that answered and has a next one.
        requests: (n,) of the log, where they are read already.
    Raises:
        LearningError: an unknown target, a log that lacks what it needs, or one label.
        LogError: a model that the log lacks.
    """
    if target not in _LABELS:
        raise LearningError(f"unknown target {target!r}; choose {', '.join(sorted(_LABELS))}")
    missing = [name for name in signals if name not in log.signals]
    if missing:
        raise LearningError(f"{log.name}: no signal {', '.join(missing)} to learn from")
    of = log.only(models)
    sees = target == "gain" if after is None else after
    if target == "gain" and len(models) < 2:
        raise LearningError(f"a gain needs a next model; got {', '.join(models) or 'none'}")
    read = requests_of(of) if requests is None else requests
    made = _after(of, target, tuple(signals), read) if sees else _before(of, target, read)
    _refuse_one_label(log, made)
    return made


def complexity(quality: Floats) -> Floats:
    """(n, 1) place of the first model that succeeds, 0 for the cheapest to 1 for the dearest.

    NaN where any model's quality was not observed. A request that no model solves is as complex as
    one that only the dearest solves. Tiers: 0 is simple, 1 complex, anything between medium.

    Args:
        quality: (n, m), cheapest model first; NaN = not observed.
    """
    right = quality >= RIGHT
    place = np.where(right.any(axis=1), right.argmax(axis=1), quality.shape[1] - 1)
    score = place / max(quality.shape[1] - 1, 1)
    return np.where(np.isnan(quality).any(axis=1), np.nan, score)[:, None]


def answers(log: Log, model: int, signals: Sequence[str]) -> tuple[Feedback, ...]:
    """(n,) one model's logged answers, as a policy would receive them, with these signals."""
    name = log.models[model]
    columns = [log.signals[signal][:, model].tolist() for signal in signals]
    values = zip(*columns, strict=True) if columns else ((),) * len(log)
    tokens = log.completion_tokens[:, model].tolist()
    return tuple(
        Feedback(model=name, signals=dict(zip(signals, row, strict=True)), completion_tokens=size)
        for row, size in zip(values, tokens, strict=True)
    )


def _before(log: Log, target: Target, requests: tuple[Request, ...]) -> Examples:
    labels, outputs = _LABELS[target](log)
    return Examples(
        target,
        outputs,
        requests,
        np.arange(len(log)),
        None,
        labels,
        groups_of(log),
        tasks_of(log),
        has_text=log.texts is not None,
    )


def _after(
    log: Log, target: Target, signals: tuple[str, ...], requests: tuple[Request, ...]
) -> Examples:
    """A row per request and model that answered, model by model."""
    whole, outputs = _LABELS[target](log)
    answered = range(len(log.models) - 1) if target == "gain" else range(len(log.models))
    there = [np.flatnonzero(~np.isnan(log.quality[:, model])) for model in answered]
    labels = [_gain_over(log, model) if target == "gain" else whole.copy() for model in answered]
    seen = [answers(log, model, signals) for model in answered]
    row_of = np.concatenate(there)
    tasks = tasks_of(log)
    return Examples(
        target,
        outputs,
        requests,
        row_of,
        tuple(found[row] for found, rows in zip(seen, there, strict=True) for row in rows),
        np.concatenate([part[rows] for part, rows in zip(labels, there, strict=True)]),
        groups_of(log)[row_of],
        tuple(tasks[row] for row in row_of),
        signals,
        log.texts is not None,
    )


def _gain_over(log: Log, model: int) -> Floats:
    """(n, m - 1) quality of every later model minus this one's; NaN for earlier ones."""
    gain = log.quality[:, 1:] - log.quality[:, [model]]
    gain[:, :model] = np.nan
    return np.asarray(gain)


def _quality(log: Log) -> tuple[Floats, tuple[str, ...]]:
    return np.array(log.quality), log.models


def _cost(log: Log) -> tuple[Floats, tuple[str, ...]]:
    return np.array(log.cost_usd), log.models


def _latency(log: Log) -> tuple[Floats, tuple[str, ...]]:
    return np.array(log.latency_s), log.models


def _complexity(log: Log) -> tuple[Floats, tuple[str, ...]]:
    return complexity(log.quality), ("score",)


def _gain(log: Log) -> tuple[Floats, tuple[str, ...]]:
    return _gain_over(log, 0), log.models[1:]


_LABELS: Mapping[Target, Callable[[Log], tuple[Floats, tuple[str, ...]]]] = {
    "complexity": _complexity,
    "quality": _quality,
    "cost": _cost,
    "latency": _latency,
    "gain": _gain,
}


def _refuse_one_label(log: Log, made: Examples) -> None:
    """Refuse what holds nothing to tell apart; one constant output among others may stay."""
    known = ~np.isnan(made.labels)
    unseen = [name for name, there in zip(made.outputs, known.T, strict=True) if not there.any()]
    if unseen:
        raise LearningError(
            f"{log.name}: no {made.target} was observed for {', '.join(unseen)}; ask for the"
            " others alone"
        )
    constant = all(
        np.ptp(column[there]) == 0 for column, there in zip(made.labels.T, known.T, strict=True)
    )
    if constant and made.target not in ("cost", "latency"):
        values = ", ".join(
            f"{name} {column[there][0]:g}"
            for name, column, there in zip(made.outputs, made.labels.T, known.T, strict=True)
        )
        raise LearningError(
            f"{log.name}: every request has the same {made.target} ({values}); there is nothing"
            " to learn from one label, so use a fixed model"
        )
