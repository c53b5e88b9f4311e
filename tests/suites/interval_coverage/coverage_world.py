"""A world whose truth is known: two models, one confidence, and what every threshold is worth.

Difficulty d is uniform on [0, 1]. The weak model is right with probability 0.97 - 0.6 d^2 at a
cost of 1, the strong one with 0.97 - 0.15 d at 10 (USD per 1,000 requests; each call varies by
a fifth). In nine requests of ten one luck decides for both, as where a question is plainly
within reach of both or of neither; in the tenth each has its own. The weak model's
confidence is 1 - d with normal noise of 0.15. Keeping its easiest answers costs no quality,
so that regret to the strong model rises slowly at first with the share that the weak one
keeps, then fast. The truth is that of 2,000,000 requests, for every threshold at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.stats import binom, binomtest

from routelab.core.catalogue.catalogue import Catalogue
from routelab.core.signal_spec import SignalSpec
from routelab.core.table import Floats
from routelab.logs import Log, Requests
from routelab.logs.model import Strings
from routelab.logs.model.splits import split
from routelab.policies import Cascade, Fixed
from routelab.replay import ComparisonSet, comparison_set

WEAK, STRONG = MODELS = ("weak", "strong")
LARGE = 2_000_000


class Draw(NamedTuple):
    """Requests: (n, 2) quality and cost in USD, (n,) confidence of the weak model."""

    quality: Floats
    cost_usd: Floats
    confidence: Floats


def draw(n: int, seed: int, *, worthless: bool = False) -> Draw:
    """Requests of the world; of a worthless one the confidence knows nothing."""
    rng = np.random.default_rng(seed)
    difficulty = rng.random(n)
    chance = np.column_stack([0.97 - 0.6 * difficulty**2, 0.97 - 0.15 * difficulty])
    luck = rng.random((n, 2))
    luck[:, 1] = np.where(rng.random(n) < 0.9, luck[:, 0], luck[:, 1])
    quality = (luck < chance).astype(np.float64)
    cost = np.array([1e-3, 1e-2]) * rng.uniform(0.8, 1.2, (n, 2))
    about = rng.permutation(difficulty) if worthless else difficulty
    return Draw(quality, cost, 1.0 - about + rng.normal(0.0, 0.15, n))


def log_of(it: Draw, *, timed: bool = False, task: Strings | None = None) -> Log:
    """The requests as a log, with the first model's confidence only."""
    n, m = it.quality.shape
    nothing = np.full((n, m), np.nan)
    confidence = nothing.copy()
    confidence[:, 0] = it.confidence
    return Log(
        requests=Requests(
            np.array([f"r{i}" for i in range(n)], dtype=object),
            timestamp_s=np.arange(n, dtype=np.float64) if timed else None,
            task=task,
        ),
        models=MODELS if m == 2 else tuple(f"m{i}" for i in range(m)),
        quality=np.asfortranarray(it.quality),
        cost_usd=np.asfortranarray(it.cost_usd),
        latency_s=nothing,
        prompt_tokens=nothing,
        completion_tokens=nothing,
        error=np.zeros((n, m), dtype=np.bool_),
        signals={"confidence": np.asfortranarray(confidence)},
        specs={"confidence": SignalSpec(multiplier=1.0)},
    )


def whole(log: Log, part: str = "all") -> ComparisonSet:
    """All of a log as one part."""
    cut = split(log, group="id", need_all_parts=False)
    return comparison_set(log, cut, part, log.models, catalogue=Catalogue(), seed=0, learn=False)


class Truth(NamedTuple):
    """Of the weak model's confidences, most confident first: what a threshold is worth.

    Attributes:
        confidence: (N,) descending.
        kept: (N + 1,) mean regret to the strong model if so many answers are kept.
        strong: mean quality and USD per 1,000 requests of the strong model; weak: its own.
        spent: (N + 1,) USD per 1,000 requests if so many answers are kept.
    """

    confidence: Floats
    kept: Floats
    spent: Floats
    strong: tuple[float, float]
    weak: tuple[float, float]

    def regret(self, policy: Cascade | Fixed) -> float:
        """To the strong model, which is the best."""
        if isinstance(policy, Fixed):
            return 0.0 if policy.model == STRONG else self.strong[0] - self.weak[0]
        return float(self.kept[self._kept(policy)])

    def usd_per_1k(self, policy: Cascade | Fixed) -> float:
        if isinstance(policy, Fixed):
            return self.strong[1] if policy.model == STRONG else self.weak[1]
        return float(self.spent[self._kept(policy)])

    def quality(self, policy: Cascade | Fixed) -> float:
        return self.strong[0] - self.regret(policy)

    def saving(self, policy: Cascade | Fixed) -> float:
        """USD per 1,000 requests less than the strong model."""
        return self.strong[1] - self.usd_per_1k(policy)

    def oracle(self, eps: float) -> float:
        """The most that any threshold saves whose regret is truly eps or less."""
        return self.strong[1] - float(self.spent[self.kept <= eps].min())

    def _kept(self, policy: Cascade) -> int:
        return int(np.searchsorted(-self.confidence, -policy.thresholds[0], side="right"))


@cache
def truth() -> Truth:
    """Of the world that is not worthless."""
    it = draw(LARGE, 10**9)
    order = np.argsort(-it.confidence)
    lost = (it.quality[:, 1] - it.quality[:, 0])[order]
    weak, strong = (1000.0 * it.cost_usd[:, column][order] for column in (0, 1))
    quality = it.quality.mean(axis=0)
    saved = np.concatenate([[0.0], np.cumsum(strong)]) / LARGE
    return Truth(
        it.confidence[order],
        np.concatenate([[0.0], np.cumsum(lost)]) / LARGE,
        float(weak.mean()) + float(strong.mean()) - saved,
        (float(quality[1]), float(strong.mean())),
        (float(quality[0]), float(weak.mean())),
    )


def shown(counts: Mapping[str, int], times: int) -> dict[str, int]:
    """How often each interval held the truth, printed as rates."""
    print()  # noqa: T201
    for name, count in counts.items():
        print(told(f"95 % interval of {name}", count, times))  # noqa: T201  (the result)
    return dict(counts)


def often_enough(counts: Mapping[str, int], times: int) -> bool:
    """Whether 95 % intervals that held the truth so often may hold it 95 times of 100."""
    return all(binom.cdf(count, times, 0.95) > 1e-3 for count in counts.values())


def told(what: str, successes: int, times: int) -> str:
    """A rate with its 95 % binomial interval (Clopper & Pearson 1934), for people."""
    low, high = binomtest(successes, times).proportion_ci()
    return f"{what:60} {successes:4}/{times:<5} {successes / times:.3f} [{low:.3f}, {high:.3f}]"
