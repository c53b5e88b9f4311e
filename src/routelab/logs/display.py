"""A log in a notebook: what each model did on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from routelab.core.display import table
from routelab.core.table import Floats
from routelab.core.wording import known

if TYPE_CHECKING:
    from routelab.logs.log import Log

_HEADS = ("model", "requests", "quality", "USD per 1,000", "latency P50")


def html(log: Log) -> str:
    """Models by rising cost, with means over what was observed; prompts are not read."""
    caption = f"{log.name}: {len(log):,} requests, {len(log.models):,} models"
    return table(caption, _HEADS, _rows(log), notes=[*_facts(log), *log.notes])


def _rows(log: Log) -> Iterator[tuple[str, ...]]:
    cost = [_mean(column) for column in log.cost_usd.T]
    for at in sorted(range(len(log.models)), key=lambda at: np.nan_to_num(cost[at], nan=np.inf)):
        latency = log.latency_s[:, at]
        seen = latency[~np.isnan(latency)]
        yield (
            log.models[at],
            f"{np.count_nonzero(~np.isnan(log.quality[:, at])):,}",
            known(_mean(log.quality[:, at]), ".3f"),
            known(1000 * cost[at], ".4g"),
            known(float(np.median(seen)) if len(seen) else None, ".2f", " s"),
        )


def _facts(log: Log) -> Iterator[str]:
    yield f"Signals: {', '.join(_signal(log, name) for name in log.signals) or 'none'}."
    if log.requests.task is not None:
        yield f"Tasks: {len(set(log.requests.task)):,}."


def _signal(log: Log, name: str) -> str:
    multiplier = log.spec(name).multiplier
    dearer = multiplier is not None and multiplier > 1
    return f"{name} (a call with it costs {multiplier:g} times as much)" if dearer else name


def _mean(values: Floats) -> float:
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if len(seen) else float("nan")
