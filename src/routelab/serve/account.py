"""What a request took, as its caller is told: in the body's `routelab` object and in headers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

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
        "cost_usd": known(decision.cost_usd),
        "latency_s": routed.latency_s,
        "calls": [_call(step) for step in decision.steps],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        },
    }


def decided_headers(request_id: str, policy: str) -> dict[str, str]:
    """What headers say of a request that was let in, as text that headers can have."""
    return {
        "x-routelab-decision": request_id
        if _is_plain(request_id)
        else quote(request_id, safe=_PLAIN),
        "x-routelab-policy": _escaped(policy),
    }


def outcome_headers(model: str, costs_usd: Sequence[float | None]) -> dict[str, str]:
    """What headers say of a decision whose calls somebody else makes.

    Args:
        model: that is to be called, or whose answer is to be delivered.
        costs_usd: of the calls so far, as they were reported; None if not known.
    """
    usd = sum(math.nan if it is None else it for it in costs_usd)
    return {
        "x-routelab-model": _escaped(model),
        "x-routelab-cost-usd": usd_text(usd),
        "x-routelab-calls": str(len(costs_usd)),
    }


def answer_headers(decision: Decision, model: str) -> dict[str, str]:
    """What headers say of an answer that is complete."""
    return {
        "x-routelab-model": _escaped(model),
        "x-routelab-cost-usd": usd_text(decision.cost_usd),
        "x-routelab-calls": str(len(decision.steps)),
    }


def _call(step: Step) -> dict[str, Any]:
    it = step.feedback
    told: dict[str, Any] = {
        "model": it.model,
        "cost_usd": known(it.cost_usd),
        "latency_s": known(it.latency_s),
    }
    if it.signals:
        told["signals"] = {name: known(value) for name, value in it.signals.items()}
    if step.threshold is not None:
        told["threshold"] = step.threshold
    if it.error is not None:  # why is for the log: it may name addresses
        told["failed"] = True
    if it.rejected:
        told["rejected"] = list(it.rejected)
    return told


def _total(tokens: Any) -> int:
    return int(sum(it for it in tokens if not math.isnan(it)))


_PLAIN = "!#$&'()*+-./:;<=>?@[]^_`{|}~"
"""Characters that headers have as they are."""


@lru_cache(maxsize=4096)
def _escaped(text: str) -> str:
    """Text as headers can have it; names of policies and models are few."""
    return quote(text, safe=_PLAIN)


_is_plain = re.compile(r"[A-Za-z0-9_.-]*").fullmatch
"""Whether a request's id, which is another each time, can be had as it is."""


def known(value: float) -> float | None:
    """A number as JSON has it; None where it is not known."""
    return None if math.isnan(value) else value
