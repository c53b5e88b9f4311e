"""What a policy would have left of a complete log: the calls that it makes, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from routelab.core import Decision, Policy, Scoring, Step
from routelab.core.catalogue import Catalogue
from routelab.errors import RouteError
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
    taken = _Taken([], [], [], [], [])
    cache = RequestCache(log, scoring)
    for row, decision in enumerate(decisions(policy, cache, catalogue=catalogue, seed=seed)):
        taken.add(row, decision)
    rows, steps = np.array(taken.rows, dtype=np.int64), taken.steps
    column = np.array([log.models.index(it.call.model) for it in steps], dtype=np.int64)
    request = np.array(taken.request, dtype=np.int64)
    sample = np.array([it.call.sample for it in steps], dtype=np.int64)

    def called(*names: str) -> Any:
        """(s,) an array of the log, or of a mapping in it, at the calls that were made."""
        found = [_inside(one, names)[rows[request], column] for one in log.samples]
        return np.stack(found)[sample, np.arange(len(sample))]

    part = log.take(rows)
    return PartialLog(
        requests=part.requests,
        models=log.models,
        request=request,
        model=column,
        step=np.array(taken.place, dtype=np.int64),
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
        ended=np.array(taken.ended),
    )


class _Taken(NamedTuple):
    """What the policy did, call by call, and of each request with a call its row and its end."""

    request: list[int]
    place: list[int]
    steps: list[Step]
    rows: list[int]
    ended: list[float]

    def add(self, row: int, decision: Decision | RouteError) -> None:
        """The calls of a request; of one without any, nothing."""
        if not decision.steps:
            return
        self.request.extend([len(self.rows)] * len(decision.steps))
        self.place.extend(range(len(decision.steps)))
        self.steps.extend(decision.steps)
        self.rows.append(row)
        self.ended.append(decision.end_propensity)


def _inside(log: Log, names: Sequence[str]) -> Any:
    """An attribute of a log, or an array in a mapping that is one."""
    found = getattr(log, names[0])
    return found[names[1]] if len(names) > 1 else found
