"""Small logs, invented figures, and the slow way to every answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import numpy.typing as npt

from routelab.core.catalogue.catalogue import Catalogue
from routelab.core.signal_spec import SignalSpec
from routelab.logs.model.log import Log, Requests
from routelab.policies import Cascade, Fixed
from routelab.replay import Baseline, ComparisonSet, Figures
from routelab.replay import run as replay
from routelab.replay.coverage import Coverage
from routelab.tuning.objectives.front import FrontPoint
from routelab.tuning.objectives.score import PolicyScore
from routelab.tuning.solvers.thresholds import ThresholdCandidates, threshold_candidates

NAMES = ("small", "middle", "large", "huge")


def log_of(
    quality: npt.ArrayLike,
    cost_usd: npt.ArrayLike,
    confidence: npt.ArrayLike | None = None,
    *,
    multiplier: float | None = 1.0,
    **changes: Any,
) -> Log:
    """A log of at most four models from its (n, m) arrays."""
    qualities = np.asfortranarray(quality, dtype=np.float64)
    n, m = shape = qualities.shape
    fields: dict[str, Any] = {
        "requests": Requests(id=np.array([f"r{row}" for row in range(n)], dtype=object)),
        "models": NAMES[:m],
        "quality": qualities,
        "cost_usd": np.asfortranarray(np.broadcast_to(cost_usd, shape), dtype=np.float64),
        "latency_s": np.full(shape, np.nan),
        "prompt_tokens": np.full(shape, np.nan),
        "completion_tokens": np.full(shape, np.nan),
        "error": np.zeros(shape, dtype=np.bool_),
        "specs": {"confidence": SignalSpec(multiplier=multiplier)},
    }
    if confidence is not None:
        values = np.asfortranarray(confidence, dtype=np.float64)
        fields["signals"] = {"confidence": values}
    return Log(**{**fields, **changes})


def random_log(n: int, m: int, seed: int, *, levels: int = 1000, **changes: Any) -> Log:
    """Rising quality and cost; confidence that knows a little, on a grid, partly missing."""
    rng = np.random.default_rng(seed)
    quality = (rng.random((n, m)) < np.linspace(0.5, 0.9, m)).astype(np.float64)
    cost = rng.lognormal(size=(n, m), sigma=0.4) * 1e-4 * 4.0 ** np.arange(m)
    knows = 0.3 * (quality - 0.5) + rng.normal(size=(n, m), scale=0.3)
    confidence = np.round(levels / (1 + np.exp(-knows))) / levels
    confidence[rng.random((n, m)) < 0.05] = np.nan
    return log_of(quality, cost, confidence, **changes)


def failing(log: Log, seed: int, share: float | Sequence[float] = 0.2) -> Log:
    """The log with failed calls: quality 0 and no confidence.

    Args:
        share: of calls that fail, of all models alike or of each.
    """
    error = np.asfortranarray(np.random.default_rng(seed).random(log.quality.shape) < share)
    return replace(
        log,
        error=error,
        quality=np.asfortranarray(np.where(error, 0.0, log.quality)),
        signals={"confidence": np.where(error, np.nan, log.signals["confidence"])},
    )


def thresholds_of(log: Log) -> dict[str, ThresholdCandidates]:
    """Of every model's confidence."""
    return {
        n: threshold_candidates(log.signals["confidence"][:, at]) for at, n in enumerate(log.models)
    }


def whole(log: Log) -> ComparisonSet:
    """All rows of a log as common comparison."""
    rows = np.arange(len(log))
    return ComparisonSet("all", log, rows, Coverage(rows, 0, {}), Catalogue(), 0)


def means(policy: Cascade | Fixed, log: Log) -> PolicyScore:
    """USD per 1,000 requests and quality of a policy on a whole log."""
    done = replay(policy, log)
    return PolicyScore(1000 * float(done.cost_usd.mean()), float(done.quality.mean()))


def every_cascade(chain: tuple[str, ...], levels: Sequence[npt.NDArray[np.float64]]) -> list:
    """All cascades over a chain with thresholds among the levels."""
    return [Cascade(chain, tuple(map(float, one)), "confidence") for one in product(*levels)]


def between(confidence: npt.NDArray[np.float64]) -> list[float]:
    """A threshold between each two neighbours among the distinct finite values."""
    values = np.unique(confidence[np.isfinite(confidence)])
    return [float((a + b) / 2) for a, b in pairwise(values)]


def point(cost: float, quality: float, name: str = "") -> FrontPoint:
    return FrontPoint(Fixed(name or f"m{cost:g}-{quality:g}"), PolicyScore(cost, quality))


def figures(**changes: Any) -> Figures:
    """Figures with a clear gain, unless they are changed."""
    values: dict[str, Any] = {
        "policy": "p",
        "split": "test",
        "n_requests": 1000,
        "n_dropped": 0,
        "quality": 0.8,
        "quality_ci": (0.78, 0.82),
        "usd_per_1k": 2.0,
        "usd_per_1k_ci": (1.9, 2.1),
        "latency_p50_s": None,
        "latency_p95_s": None,
        "escalation_rate": 0.3,
        "model_share": {"small": 0.7, "large": 0.3},
        "aiq": 0.8,
        "aiq_zero_router": 0.78,
        "gain_vs_zero_router": 0.03,
        "gain_ci": (0.01, 0.05),
        "baselines": (baseline("fixed:large", (0.0, 0.0)),),
    }
    return Figures(**{**values, **changes})


def baseline(name: str, gain_ci: tuple[float, float], saving: float = 0.0) -> Baseline:
    """A baseline of a policy of quality .8 that costs 2, which gains this over it."""
    gain = (gain_ci[0] + gain_ci[1]) / 2
    of, ends = 0.8 - gain, (0.7 - gain, 0.9 - gain)
    return Baseline(name, of, ends, 2.0, (1.9, 2.1), gain, gain_ci, saving, (saving,) * 2)
