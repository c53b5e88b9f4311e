"""Two invented worlds in which the best possible deferral is known.

A weak and a strong model answer requests of five subjects and varying difficulty. The longer
a prompt, the harder the request; its words betray the subject. The weak model's confidence is
drawn around whether its answer is right, so that the best rule follows from Bayes' theorem:
defer where P(strong right) - P(weak right | difficulty, subject, confidence) is largest.

- benign: both models fail on the same hard requests, the weak one earlier.
- specialist: the weak model is better than the strong one on two subjects, and unsure there all
  the same, because its confidence reflects how hard the request is and not who masters it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.logs import Log, Requests, TextsInMemory

MODELS = ("weak", "strong")
SUBJECTS = ("algebra", "biology", "contracts", "drawing", "economics")
MASTERED = ("drawing",)
_WORDS = 12


class World(NamedTuple):
    """A log, and what the best rule would rank its requests by.

    Attributes:
        gain: (n,) true expected gain of asking the strong model, given all that is seen.
        confidence: (n,) of the weak model's answer.
    """

    log: Log
    gain: np.ndarray
    confidence: np.ndarray


def draw(n: int, *, specialist: bool, seed: int) -> World:
    rng = np.random.default_rng(seed)
    difficulty = rng.random(n)
    subject = rng.integers(len(SUBJECTS), size=n)
    mastered = np.isin(np.array(SUBJECTS)[subject], MASTERED) & specialist
    weak = _sigmoid(3.0 - 6.0 * difficulty + 3.0 * mastered)
    strong = _sigmoid(4.5 - 4.0 * difficulty - 4.5 * mastered)
    right = rng.random((n, 2)) < np.column_stack([weak, strong])
    evidence, shift = _evidence(right[:, 0], difficulty, mastered, rng)
    posterior = _sigmoid(np.log(weak / (1.0 - weak)) + shift)
    return World(
        _log(right.astype(float), _sigmoid(evidence), subject, difficulty, rng),
        strong - posterior,
        _sigmoid(evidence),
    )


def _evidence(right, difficulty, mastered, rng):
    """Confidence before squashing, and the log of its likelihood ratio for a right answer.

    Normal around +-1, lower by as much in either case where the model is unsure.
    """
    unsure = 0.65 * mastered * (0.5 + difficulty)
    noise = 1.2
    centred = np.where(right, 1.0, -1.0) + noise * rng.standard_normal(len(right))
    return centred - unsure, 2.0 * centred / noise**2


def _log(quality, confidence, subject, difficulty, rng) -> Log:
    n = len(quality)
    signal = np.column_stack([confidence, np.full(n, np.nan)])
    cost = np.tile([1e-4, 1e-3], (n, 1))
    return Log(
        requests=Requests(
            np.array([f"r{row}" for row in range(n)], dtype=object),
            task=np.array(SUBJECTS, dtype=object)[subject],
        ),
        models=MODELS,
        quality=np.asfortranarray(quality),
        cost_usd=np.asfortranarray(cost),
        latency_s=np.full((n, 2), np.nan, order="F"),
        prompt_tokens=np.full((n, 2), np.nan, order="F"),
        completion_tokens=np.full((n, 2), np.nan, order="F"),
        error=np.zeros((n, 2), dtype=np.bool_, order="F"),
        signals={"confidence": np.asfortranarray(signal)},
        texts=TextsInMemory(_prompts(subject, difficulty, rng)),
    )


def _prompts(subject, difficulty, rng) -> list[str]:
    """About 10 to 130 words of the subject, the more the harder."""
    count = np.rint(10.0 + 120.0 * difficulty).astype(int)
    picks = rng.integers(_WORDS, size=int(count.sum()))
    ends = np.cumsum(count)
    return [
        f"Request {row}: " + " ".join(f"{SUBJECTS[kind]}{pick}" for pick in picks[end - size : end])
        for row, (kind, size, end) in enumerate(zip(subject, count, ends, strict=True))
    ]


def _sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))
