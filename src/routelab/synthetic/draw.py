"""Draw requests, and what every model does on each, without their texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from routelab.core import Bools, Floats, Ints, SignalSpec
from routelab.logs.model import Log, Requests
from routelab.synthetic.chance import Chance
from routelab.synthetic.scene import (
    DAYS,
    DRIFT_AT,
    HOURLY,
    MODELS,
    PRIORITIES,
    REPEATS,
    SPREAD,
    START_S,
    STEEPNESS,
    TASKS,
    TENANTS,
    Period,
    catalogue,
)

DAY_S = 86_400.0
RECENT = 200
"""A repeated prompt was first seen at most this many requests earlier."""


@dataclass(frozen=True, eq=False)
class SyntheticWorld:
    """A drawn log and what no log shows.

    Attributes:
        log: without texts.
        task: (n,) index into `TASKS`.
        difficulty: (n,) in units of ability.
        origin: (n,) the row whose prompt this one repeats, else the row itself.
        prompt_words: (n,) length of the prompt.
        answer_words: (n, m) length of the answers; 0 where the call failed.
    """

    log: Log
    task: Ints
    difficulty: Floats
    origin: Ints
    prompt_words: Ints
    answer_words: Ints


def draw(n: int, chance: Chance, period: Period | None = None) -> SyntheticWorld:
    """Requests and outcomes over one period, or over all 30 days.

    Every number that reaches the log is rounded well above the last bits, in which
    processors differ.
    """
    moments = _moments(n, chance, period)
    after = moments >= DRIFT_AT
    origin = _origin(chance, after)
    task = _task(chance, after)[origin]
    difficulty = (_of_task("hardness")[task] + SPREAD * chance.normal("difficulty", n))[origin]
    prompt_words = _prompt_words(chance, task, difficulty)[origin]
    failed = chance.uniform("failure", n, len(MODELS)) < _of_model("failures")
    answer_words = np.where(failed, 0, _answer_words(chance, task))
    quality = np.where(failed, 0.0, _quality(chance, task, difficulty))
    confidence = _confidence(chance, after, _margin(task, difficulty), quality)
    usual = _usual_words(task)
    prompt_tokens = np.where(failed, 0, tokens(prompt_words)[:, None]).astype(np.float64)
    completion_tokens = tokens(answer_words).astype(np.float64)
    log = Log(
        requests=_requests(chance, moments, task),
        models=tuple(MODELS),
        quality=np.asfortranarray(quality),
        cost_usd=np.asfortranarray(_cost(prompt_tokens, completion_tokens)),
        latency_s=np.asfortranarray(_latency(chance, completion_tokens)),
        prompt_tokens=np.asfortranarray(prompt_tokens),
        completion_tokens=np.asfortranarray(completion_tokens),
        error=np.asfortranarray(failed),
        signals={
            "confidence": np.asfortranarray(np.where(failed, np.nan, confidence)),
            "verbosity": np.asfortranarray(
                np.where(failed, np.nan, np.round(answer_words / (answer_words + usual), 6))
            ),
        },
        specs={"confidence": SignalSpec(multiplier=1.0), "verbosity": SignalSpec(multiplier=1.0)},
        catalogue=catalogue(),
    )
    return SyntheticWorld(log, task, difficulty, origin, prompt_words, answer_words)


def tokens(words: Ints) -> Ints:
    """The rule of this data set: four tokens for every three words, rounded up."""
    return np.asarray(-(-4 * words // 3))


def _of_task(field: str) -> Floats:
    return np.array([getattr(task, field) for task in TASKS.values()], dtype=np.float64)


def _of_model(field: str) -> Floats:
    return np.array([getattr(traits, field) for traits in MODELS.values()], dtype=np.float64)


def _origin(chance: Chance, after: Bools) -> Ints:
    """Rows to repeat, never from the other side of the drift, and never a repeat themselves."""
    rows = np.arange(len(after))
    back = 1 + (chance.uniform("how far back", len(after)) * RECENT).astype(np.int64)
    source = np.maximum(rows - back, 0)
    repeats = (chance.uniform("repeat", len(after)) < REPEATS) & (after[source] == after)
    return np.where(repeats & ~repeats[source], source, rows)


def _task(chance: Chance, after: Bools) -> Ints:
    mixes = [
        chance.index("task", list(_of_task(period)), len(after)) for period in ("before", "after")
    ]
    return np.where(after, mixes[1], mixes[0])


def _prompt_words(chance: Chance, task: Ints, difficulty: Floats) -> Ints:
    """Harder prompts are longer, but only weakly."""
    extra = 0.15 * (difficulty - _of_task("hardness")[task]) / SPREAD
    noise = 0.6 * chance.normal("prompt words", len(task))
    words = _of_task("prompt_words")[task] * np.exp(extra + noise)
    return np.asarray(np.clip(words, 20, 600).astype(np.int64))


def _usual_words(task: Ints) -> Floats:
    return np.asarray(_of_task("answer_words")[task][:, None] * _of_model("wordiness"))


def _answer_words(chance: Chance, task: Ints) -> Ints:
    noise = np.exp(0.45 * chance.normal("answer words", len(task), len(MODELS)))
    return np.asarray(np.clip(_usual_words(task) * noise, 8, 160).astype(np.int64))


def _margin(task: Ints, difficulty: Floats) -> Floats:
    """(n, m) log-odds that a model is right."""
    ability = np.array(
        [[t.ability_at.get(name, t.ability) for t in MODELS.values()] for name in TASKS]
    )
    return np.asarray(STEEPNESS * (ability[task] - difficulty[:, None]))


def _quality(chance: Chance, task: Ints, difficulty: Floats) -> Floats:
    right = 1.0 / (1.0 + np.exp(-_margin(task, difficulty)))
    luck = chance.uniform("quality", *right.shape)
    tenths = np.clip(np.rint(10.0 * right + 4.0 * (luck - 0.5)), 0.0, 10.0)
    grade = (tenths + 0.0) / 10.0  # whether clipping leaves a negative zero is numpy's choice
    graded = _of_task("graded")[task] > 0
    return np.where(graded[:, None], grade, luck < right)


def _confidence(chance: Chance, after: Bools, margin: Floats, quality: Floats) -> Floats:
    """Knows a little of the margin and a little of the answer; some models boast."""
    late = after[:, None]
    knows = np.where(late, 1.0 - _of_model("blur_after"), 1.0)
    boast = _of_model("boast") + np.where(late, _of_model("boast_after"), 0.0)
    evidence = 0.16 * margin + 0.55 * (quality - 0.5)
    logit = boast + 0.2 + knows * evidence + 0.8 * chance.normal("confidence", *margin.shape)
    return np.asarray(np.round(1.0 / (1.0 + np.exp(-logit)), 6))


def _cost(prompt_tokens: Floats, completion_tokens: Floats) -> Floats:
    spent = prompt_tokens * _of_model("input_usd_per_mtok")
    return np.asarray((spent + completion_tokens * _of_model("output_usd_per_mtok")) / 1e6)


def _latency(chance: Chance, completion_tokens: Floats) -> Floats:
    usual = _of_model("first_token_s") + completion_tokens * _of_model("token_s")
    noise = np.exp(0.35 * chance.normal("latency", *completion_tokens.shape))
    return np.asarray(np.round(usual * noise, 3))


def _requests(chance: Chance, moments: Floats, task: Ints) -> Requests:
    n = len(moments)

    def named(names: list[str], index: Ints) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
        return np.array(names, dtype=object)[index]

    width = len(str(n - 1))
    return Requests(
        id=np.array([f"req-{row:0{width}d}" for row in range(n)], dtype=object),
        task=named(list(TASKS), task),
        timestamp_s=_timestamps(moments),
        tenant=named(list(TENANTS), chance.index("tenant", list(TENANTS.values()), n)),
        priority=named(list(PRIORITIES), chance.index("priority", list(PRIORITIES.values()), n)),
    )


def _moments(n: int, chance: Chance, period: Period | None) -> Floats:
    """(n,) ascending shares of the traffic of all 30 days, one in each of n equal slices."""
    low, high = {None: (0.0, 1.0), "before": (0.0, DRIFT_AT), "after": (DRIFT_AT, 1.0)}[period]
    return np.asarray(low + (high - low) * ((np.arange(n) + chance.uniform("moment", n)) / n))


def _timestamps(moments: Floats) -> Floats:
    """Shares of the traffic to Unix seconds, following the hours of the day."""
    hours = np.concatenate([[0.0], np.cumsum(np.array(HOURLY, dtype=np.float64))]) / sum(HOURLY)
    day, within = np.divmod(moments * DAYS, 1.0)
    clock = np.interp(within, hours, np.arange(25) / 24.0)
    return np.asarray(np.round(START_S + (day + clock) * DAY_S, 3))
