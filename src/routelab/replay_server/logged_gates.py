"""Logged verdicts of gate functions, in place of the functions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from routelab.core import Policy, Request
from routelab.errors import LogError
from routelab.gates import Function
from routelab.logs.model import Log
from routelab.runtime.calls import GateFunction
from routelab.simulate.answers import NOT_LOGGED


def recorded(policy: Policy, log: Log) -> dict[str, GateFunction]:
    """For every function that the policy's gates name, one that repeats its logged verdicts.

    Raises:
        LogError: two answers of the same text to one request have different verdicts, which
            no function of request and text gives.
    """
    named = {gate.function: gate.name for gate in policy.gates_used if isinstance(gate, Function)}
    return {name: _repeats(policy, log, column) for name, column in named.items()}


def _repeats(policy: Policy, log: Log, column: str) -> GateFunction:
    passes: dict[tuple[str, str], bool] = {}
    for request_id, text, passed in _verdicts(policy, log, column):
        if passes.setdefault((request_id, text), passed) is not passed:
            raise LogError(
                f"{log.name}: request {request_id!r} has two answers of the same text, or without"
                f" one, and {column!r} lets only one of them pass; log the texts that were judged"
            )

    async def function(request: Request, text: str) -> str | None:
        return None if passes[request.id, text] else f"{column} refused the answer"

    return function


def _verdicts(policy: Policy, log: Log, column: str) -> Iterator[tuple[str, str, bool]]:
    """Request id, text of an answer as it is served, and whether it passed, where that is known."""
    rows = np.arange(len(log))
    for sample in log.samples:
        judged = sample.signals.get(column)
        if judged is None:
            continue
        for name in policy.models_used:
            values = judged[:, log.models.index(name)]
            texts = (
                [None] * len(log) if sample.texts is None else sample.texts.responses(rows, name)
            )
            for row in np.flatnonzero(np.isfinite(values)):
                text = texts[row]
                served = NOT_LOGGED if text is None else text
                yield str(log.requests.id[row]), served, bool(values[row] >= 0.5)
