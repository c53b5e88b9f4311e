"""What a request took, as its caller is told: in the body's `routelab` object and in headers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from routelab.core import Decision, Step
from routelab.runtime import RoutedAnswer
from routelab.serve.refusal import usd_text


def account(routed: RoutedAnswer, policy: str) -> dict[str, Any]:
    """The `routelab` object of an answer: who decided, every call, and all that was spent.

    `usage` of the answer is that of the call whose answer it is; here it is that of every attempt.
    """
    decision = routed.decision
    attempts = [it for step in decision.steps for it in step.feedback.attempts]
    prompt = _total(it.prompt_tokens for it in attempts if it.error is None)
    completion = _total(it.completion_tokens for it in attempts if it.error is None)
    return {
        "decision": decision.request_id,
        "policy": policy,
        "model": routed.model,
        "cost_usd": known_usd(decision.cost_usd),
        "latency_s": routed.latency_s,
        "calls": [_call(step) for step in decision.steps],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        },
    }


def answer_headers(decision: Decision, model: str) -> Mapping[str, str]:
    """What headers say of an answer that is complete."""
    return {
        "x-routelab-model": model,
        "x-routelab-cost-usd": usd_text(decision.cost_usd),
        "x-routelab-calls": str(len(decision.steps)),
    }


def known_usd(usd: float) -> float | None:
    """An amount as JSON has it; None where it is not known."""
    return _known(usd)


def _call(step: Step) -> dict[str, Any]:
    it = step.feedback
    told: dict[str, Any] = {
        "model": it.model,
        "cost_usd": _known(it.cost_usd),
        "latency_s": _known(it.latency_s),
    }
    if it.signals:
        told["signals"] = {name: _known(value) for name, value in it.signals.items()}
    if step.threshold is not None:
        told["threshold"] = step.threshold
    if it.error is not None:  # why is for the log: it may name addresses
        told["failed"] = True
    if it.rejected:
        told["rejected"] = list(it.rejected)
    return told


def _total(tokens: Any) -> int:
    return int(sum(it for it in tokens if not math.isnan(it)))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
