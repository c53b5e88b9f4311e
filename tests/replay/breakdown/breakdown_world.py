"""Parts of logs that are awkward on purpose: failed calls, missing signals, ruled-out models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.signal_spec import SignalSpec
from routelab.core.table import objects
from routelab.logs.formats.texts import TextsInMemory
from routelab.logs.model.log import Log, Requests
from routelab.policies import Cascade
from routelab.replay import ComparisonSet, Coverage

MODELS = ("small", "middle", "large", "huge")
NEEDS = ((), ("tools",), ("vision",), ("telepathy",))
CATALOGUE = Catalogue(
    {
        "small": Model(capabilities=()),
        "middle": Model(capabilities=("tools",)),
        "large": Model(capabilities=("tools", "vision")),
        "huge": Model(capabilities=("tools",)),
    }
)
PROMPTS = ("Add 1 and 2.", "Сложи 1 и 2", "把一加二", "1 + 2", "a" * 200)


def comparison_of(
    n: int,
    m: int = 3,
    seed: int = 0,
    *,
    broken: float = 0.0,
    needs: bool = False,
    group_size: int = 1,
    steps: int = 1000,
) -> ComparisonSet:
    """A part of a log.

    Args:
        broken: share of calls that failed, and of confidences that are missing.
        needs: requests need capabilities that some models lack, or all.
        group_size: requests of one group, on average.
        steps: confidences are multiples of 1 / steps.
    """
    rng = np.random.default_rng(seed)
    shape = (n, m)
    error = rng.random(shape) < broken
    quality = np.where(error, 0.0, rng.random(shape) < np.linspace(0.5, 0.9, m))
    sure = np.round(steps / (1 + np.exp(0.5 - quality + rng.normal(size=shape)))) / steps
    needed = objects([NEEDS[i] for i in rng.choice(4, n, p=(0.5, 0.3, 0.15, 0.05))])
    log = Log(
        requests=Requests(
            id=objects([f"r{row}" for row in range(n)]),
            task=objects([f"task {i}" for i in rng.integers(4, size=n)]),
            needs=needed if needs else None,
        ),
        models=MODELS[:m],
        quality=np.asfortranarray(quality),
        cost_usd=np.asfortranarray(rng.lognormal(size=shape) * 4.0 ** np.arange(m) / 1e4),
        latency_s=np.asfortranarray(rng.lognormal(size=shape)),
        prompt_tokens=np.full(shape, np.nan),
        completion_tokens=np.full(shape, np.nan),
        error=error,
        signals={"sure": np.asfortranarray(np.where(rng.random(shape) < broken, np.nan, sure))},
        specs={"sure": SignalSpec(multiplier=2.5)},
        texts=TextsInMemory([PROMPTS[row % len(PROMPTS)] for row in range(n)]),
    )
    groups = rng.integers(max(1, n // group_size), size=n) if group_size > 1 else np.arange(n)
    coverage = Coverage(np.arange(n), 0, {})
    return ComparisonSet("test", log, groups, coverage, CATALOGUE if needs else Catalogue(), seed)


def cascade_of(comparison: ComparisonSet, *thresholds: float) -> Cascade:
    """A cascade over all models; the thresholds default to a middling one for each."""
    return Cascade(comparison.models, thresholds or (0.55,) * (len(comparison.models) - 1), "sure")


def at_prices(comparison: ComparisonSet, factors: dict[str, float]) -> ComparisonSet:
    """The same requests with other prices."""
    factor = np.array([factors.get(name, 1.0) for name in comparison.models])
    log = replace(comparison.log, cost_usd=np.asfortranarray(comparison.log.cost_usd * factor))
    return replace(comparison, log=log)
