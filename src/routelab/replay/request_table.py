"""What policies did on every request, as columns that anybody can add up again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from routelab.core import Floats
from routelab.metrics import exact_mean
from routelab.replay import baselines, equal_cost
from routelab.replay.baselines import ROUTERS, BaselineOutcome
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.evaluate import NamedPolicy
from routelab.replay.generator import traces
from routelab.replay.result import Replay

ORACLE = "oracle"


def request_table(comparison: ComparisonSet, named: NamedPolicy) -> dict[str, list[Any]]:
    """One row a request: what the policy called, what was delivered, and what it came to.

    The exact mean (`math.fsum` over the rows, by their number) of `quality` is the policy's quality
    in `evaluate`, that of `cost_usd` times 1,000 its cost, and so for every baseline.

    Args:
        comparison: rows to replay.
        named: the policy.
    Returns:
        Columns (n,): `policy`, `split`, `request_id`, `task` (None where unknown), `calls` (models
        in call order), `answered` (None for no answer), `stop` ("accepted" by a threshold,
        "delivered" where none was held, "failed" or "refused" where the last call was and an
        earlier answer went out or none, "overruled" where an earlier answer was preferred,
        "escalated" where nobody was left to ask, "no model" where none may serve the request),
        `quality`, `cost_usd`, `latency_s` (None where not observed); then `NAME_quality` and
        `NAME_cost_usd` of the oracle and of each untuned router, expected where it mixes two
        models.
    Raises:
        UncoveredError: the policy asks for what the log cannot know.
    """
    replay = comparison.replay(named.policy)
    traced = traces(
        named.policy,
        comparison.cache,
        catalogue=comparison.catalogue,
        seed=comparison.seed,
        estimates=comparison.estimates,
    )
    calls, answered, stop = map(list, zip(*traced, strict=True))
    n, requests = len(replay), comparison.log.requests
    task = [None] * n if requests.task is None else [str(it) or None for it in requests.task]
    return {
        "policy": [named.name] * n,
        "split": [comparison.part] * n,
        "request_id": [str(it) for it in requests.id],
        "task": task,
        "calls": [list(it) for it in calls],
        "answered": answered,
        "stop": stop,
        "quality": replay.quality.tolist(),
        "cost_usd": replay.cost_usd.tolist(),
        "latency_s": _observed(replay.latency_s),
        **_baselines(comparison, replay),
    }


def stacked(tables: Sequence[Mapping[str, list[Any]]]) -> dict[str, list[Any]]:
    """Tables below each other; None where one lacks a column."""
    names = dict.fromkeys(name for table in tables for name in table)
    empty = [[None] * len(table["request_id"]) for table in tables]
    return {
        name: [
            value
            for table, nothing in zip(tables, empty, strict=True)
            for value in table.get(name, nothing)
        ]
        for name in names
    }


def _baselines(comparison: ComparisonSet, replay: Replay) -> dict[str, list[float]]:
    fixed = comparison.fixed()
    spent = exact_mean(replay.cost_usd)
    routers = equal_cost.routers(comparison, fixed, spent)
    found: dict[str, BaselineOutcome] = {ORACLE: baselines.best_per_request(fixed)}
    found |= {name: routers[name].outcome for name in ROUTERS if name in routers}
    columns = {}
    for name, outcome in found.items():
        columns[f"{name}_quality"] = outcome.quality.tolist()
        columns[f"{name}_cost_usd"] = outcome.cost_usd.tolist()
    return columns


def _observed(values: Floats) -> list[float | None]:
    return [None if math.isnan(it) else it for it in values.tolist()]
