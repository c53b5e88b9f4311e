"""What a policy would have left of a complete log: the calls that it makes, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from routelab.core import Policy, Scoring, Step
from routelab.core.catalogue import Catalogue
from routelab.errors import NoModelError, RouteError
from routelab.logs.model import Log, PartialLog
from routelab.replay.generator import decisions
from routelab.replay.request_cache import RequestCache


def hidden(
    log: Log,
    policy: Policy,
    *,
    catalogue: Catalogue | None = None,
    seed: int = 0,
    scoring: Scoring | None = None,
) -> PartialLog:
    """The partial log that a policy would have made, had it decided on a complete log's requests.

    Every call has the propensity that the runtime would have written down. What it costs to
    try an estimator so is nothing: the complete log knows the truth.

    Args:
        log: with an outcome of every model.
        policy: that decides, such as one that explores.
        catalogue: rules out models that lack a request's needs; default the log's.
        seed: of the policy's random draws; another one makes another log.
        scoring: the scorers that it names.
    Raises:
        LogError, PolicyError: as `routelab.replay.run`.
        UncoveredError: the log holds no outcome for a call.
    """
    cache = RequestCache(log, scoring)
    request: list[int] = []
    steps: list[Step] = []
    number: list[int] = []
    ended: list[float] = []
    asked: list[int] = []
    for row, decision in enumerate(decisions(policy, cache, catalogue=catalogue, seed=seed)):
        if isinstance(decision, NoModelError) or not decision.steps:
            continue
        request += [len(asked)] * len(decision.steps)
        number += range(len(decision.steps))
        steps += decision.steps
        asked.append(row)
        made = math.prod(step.propensity for step in decision.steps)
        choices = () if isinstance(decision, RouteError) else decision.choices
        drawn = math.prod(choice.propensity for choice in choices)
        ended.append(min(1.0, drawn / made) if choices else 1.0)
    rows = np.array(asked, dtype=np.int64)
    column = np.array([log.models.index(it.call.model) for it in steps], dtype=np.int64)
    of_call = rows[np.array(request, dtype=np.int64)]
    sample = np.array([it.call.sample for it in steps], dtype=np.int64)

    def called(*names: str) -> Any:
        """(s,) an array of the log, or of a mapping in it, at the calls that were made."""
        found = [_inside(one, names)[of_call, column] for one in log.samples]
        return np.choose(sample, found) if len(found) > 1 else found[0]

    part = log.take(rows)
    return PartialLog(
        requests=part.requests,
        models=log.models,
        request=np.array(request, dtype=np.int64),
        model=column,
        step=np.array(number, dtype=np.int64),
        propensity=np.array([it.propensity for it in steps]),
        quality=called("quality"),
        cost_usd=called("cost_usd"),
        latency_s=called("latency_s"),
        prompt_tokens=called("prompt_tokens"),
        completion_tokens=called("completion_tokens"),
        error=called("error"),
        signals={name: called("signals", name) for name in log.signals},
        extra_usd={name: called("extra_usd", name) for name in log.extra_usd},
        specs=log.specs,
        texts=part.texts,
        catalogue=log.catalogue,
        ended=np.array(ended),
    )


def _inside(log: Log, names: Sequence[str]) -> Any:
    """An attribute of a log, or an array in a mapping that is one."""
    found = getattr(log, names[0])
    return found[names[1]] if len(names) > 1 else found
