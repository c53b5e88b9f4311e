"""A log in a notebook: what each model did on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from routelab.core import Floats
from routelab.core.messages import html_table, known

_HEADS = ("model", "requests", "quality", "USD per 1,000", "latency P50")


def html(
    name: str,
    models: Sequence[str],
    quality: Floats,
    cost_usd: Floats,
    latency_s: Floats,
    *,
    signals: Mapping[str, float | None],
    tasks: int | None,
    notes: Sequence[str],
) -> str:
    """Models by rising cost, with means over what was observed.

    Args:
        name: of the log.
        quality, cost_usd, latency_s: (n, m), NaN = not observed.
        signals: how many times as much a call with each costs; None where that is not known.
        tasks: how many there are; None where none are named.
    """
    caption = f"{name}: {len(quality):,} requests, {len(models):,} models"
    rows = _rows(models, quality, cost_usd, latency_s)
    return html_table(caption, _HEADS, rows, notes=[*_facts(signals, tasks), *notes])


def _rows(
    models: Sequence[str], quality: Floats, cost_usd: Floats, latency_s: Floats
) -> Iterator[tuple[str, ...]]:
    cost = [_mean(column) for column in cost_usd.T]
    for at in sorted(range(len(models)), key=lambda at: np.nan_to_num(cost[at], nan=np.inf)):
        latency = latency_s[:, at]
        seen = latency[~np.isnan(latency)]
        yield (
            models[at],
            f"{np.count_nonzero(~np.isnan(quality[:, at])):,}",
            known(_mean(quality[:, at]), ".3f"),
            known(1000 * cost[at], ".4g"),
            known(float(np.median(seen)) if len(seen) else None, ".2f", " s"),
        )


def _facts(signals: Mapping[str, float | None], tasks: int | None) -> Iterator[str]:
    yield f"Signals: {', '.join(_signal(*it) for it in signals.items()) or 'none'}."
    if tasks is not None:
        yield f"Tasks: {tasks:,}."


def _signal(name: str, multiplier: float | None) -> str:
    dearer = multiplier is not None and multiplier > 1
    return f"{name} (a call with it costs {multiplier:g} times as much)" if dearer else name


def _mean(values: Floats) -> float:
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if len(seen) else float("nan")
