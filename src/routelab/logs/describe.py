"""What is in a log, as plain data."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np

from routelab.core import Floats
from routelab.logs.model import Log, PartialLog, Requests


def describe(log: Log | PartialLog) -> dict[str, Any]:
    """Counts, means and coverage of a log as plain data; None where nothing was observed.

    Means are over observed values: quality in [0, 1], latency in seconds, costs in USD per 1,000
    calls. In a partial log `n` counts calls, and quality is the mean of the answers that were
    judged, failures aside.
    """
    body = _complete(log) if isinstance(log, Log) else _partial(log)
    return {
        "name": log.name,
        "sha256": log.sha256,
        "requests": len(log),
        **body,
        "tasks": _tasks(log.requests),
        "prompts": _prompts(log),
        "timestamps": _timestamps(log.requests),
        "notes": list(log.notes),
    }


def _complete(log: Log) -> dict[str, Any]:
    missing = np.isnan(log.quality)
    incomplete = np.atleast_1d(missing.any(axis=1))
    per_model = {
        name: _model(
            log.quality[:, k], log.cost_usd[:, k], log.latency_s[:, k], int(log.error[:, k].sum())
        )
        for k, name in enumerate(log.models)
    }
    return {
        "form": "complete",
        "models": per_model,
        "coverage": {
            "complete": int((~incomplete).sum()),
            "complete_share": float((~incomplete).mean()),
            "missing_by_task": _missing_by_task(log, incomplete),
        },
        "signals": {
            name: {
                "observed_share": float(
                    (~np.isnan(values if missing.all() else values[~missing])).mean()
                ),
                "models": [
                    model for k, model in enumerate(log.models) if not np.isnan(values[:, k]).all()
                ],
            }
            for name, values in log.signals.items()
        },
    }


def _partial(log: PartialLog) -> dict[str, Any]:
    per_model = {}
    for k, name in enumerate(log.models):
        here = log.model == k
        answers = log.quality[here & ~log.error]  # all failures are known to be worth nothing
        per_model[name] = {
            **_model(answers, log.cost_usd[here], log.latency_s[here], int(log.error[here].sum())),
            "n": int(here.sum()),
            "judged": int((~np.isnan(answers)).sum()),
        }
    known = log.propensity[~np.isnan(log.propensity)]
    return {
        "form": "partial",
        "models": per_model,
        "steps": len(log.step),
        "steps_per_request": len(log.step) / len(log),
        "propensity_min": float(known.min()) if len(known) else None,
        "signals": {
            name: {
                "observed_share": float((~np.isnan(values)).mean()),
                "models": [
                    model
                    for k, model in enumerate(log.models)
                    if not np.isnan(values[log.model == k]).all()
                ],
            }
            for name, values in log.signals.items()
        },
    }


def _model(quality: Floats, cost: Floats, latency: Floats, failed: int) -> dict[str, Any]:
    usd = _mean(cost)
    observed = latency[~np.isnan(latency)]
    return {
        "n": int((~np.isnan(quality)).sum()),
        "quality": _mean(quality),
        "usd_per_1k": None if usd is None else 1000 * usd,
        "latency_p50_s": float(np.median(observed)) if len(observed) else None,
        "failed": failed,
    }


def _mean(values: Floats) -> float | None:
    observed = values[~np.isnan(values)]
    return math.fsum(observed) / len(observed) if len(observed) else None


def _tasks(requests: Requests) -> dict[str, int] | None:
    if requests.task is None:
        return None
    names, counts = np.unique(requests.task.astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _missing_by_task(log: Log, missing: Any) -> dict[str, int] | None:
    if log.requests.task is None:
        return None
    names, counts = np.unique(log.requests.task[missing].astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _prompts(log: Log | PartialLog) -> dict[str, Any] | None:
    if log.texts is None:
        return None
    keys, lengths = log.prompt_keys
    distinct = len(set(keys))
    beyond = {"messages": sorted(log.message_kinds)} if log.message_kinds else {}
    return {
        "distinct": distinct,
        "repeated": len(keys) - distinct,
        "median_characters": float(np.median(lengths)),
        **beyond,
    }


def _timestamps(requests: Requests) -> dict[str, Any] | None:
    times = requests.timestamp_s
    if times is None or np.isnan(times).all():
        return None
    first, last = float(np.nanmin(times)), float(np.nanmax(times))
    return {"first": _iso(first), "last": _iso(last), "missing": int(np.isnan(times).sum())}


def _iso(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
