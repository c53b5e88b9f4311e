"""Logs with tasks, of which a policy that explores leaves a part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from routelab.logs import Log, PartialLog, Requests
from routelab.policies import Explore, Fixed, Mixture
from routelab.replay import hidden

MODELS = ("small", "middle", "large")
TASKS = ("easy", "odd", "hard")
RIGHT = np.array([[0.9, 0.92, 0.95], [0.3, 0.9, 0.85], [0.2, 0.4, 0.9]])
"""By task and model."""


def complete(n: int = 3000, seed: int = 0) -> Log:
    """What each model is worth depends on the task; dearer ones cost more."""
    rng = np.random.default_rng(seed)
    task = rng.integers(len(TASKS), size=n)
    shape = (n, len(MODELS))
    return Log(
        requests=Requests(
            id=np.array([f"r{row}" for row in range(n)], dtype=object),
            task=np.array(TASKS, dtype=object)[task],
        ),
        models=MODELS,
        quality=np.asfortranarray((rng.random(shape) < RIGHT[task]).astype(np.float64)),
        cost_usd=np.asfortranarray(rng.gamma(9.0, 1 / 9, shape) * [1e-4, 5e-4, 3e-3]),
        latency_s=np.asfortranarray(rng.gamma(4.0, 0.25, shape)),
        prompt_tokens=np.full(shape, np.nan),
        completion_tokens=np.full(shape, np.nan),
        error=np.zeros(shape, dtype=np.bool_),
    )


def partial(log: Log, epsilon: float = 0.5, seed: int = 1) -> PartialLog:
    """What remains where the first model serves, and any is explored."""
    usual = Fixed(log.models[0])
    for other in log.models[1:]:
        usual = Mixture(usual, Fixed(other), 1.0, f"also {other}")
    return hidden(log, Explore(usual, epsilon), seed=seed)


def with_audits(seen: PartialLog, log: Log, share: float, seed: int = 2) -> PartialLog:
    """The same, with further calls of every model on a random share of the requests."""
    audited = np.random.default_rng(seed).random(len(log)) < share
    column, row = np.meshgrid(np.arange(len(log.models)), np.arange(len(log)))
    more = audited[:, None] & (column != seen.model[:, None])
    request = np.concatenate([seen.request, row[more]])
    model = np.concatenate([seen.model, column[more]])
    order = np.argsort(request, kind="stable")
    request, model = request[order], model[order]
    starts = np.flatnonzero(np.diff(request, prepend=-1))
    first = np.ones(len(request))
    first[starts] = seen.propensity
    return replace(
        seen,
        requests=replace(seen.requests, audit=audited),
        request=request,
        model=model,
        step=np.arange(len(request)) - starts[request],
        propensity=first,
        error=np.zeros(len(request), dtype=np.bool_),
        ended=None,
        **{
            name: getattr(log, name)[request, model]
            for name in (
                "quality", "cost_usd", "latency_s", "prompt_tokens", "completion_tokens",
            )
        },
    )  # fmt: skip
