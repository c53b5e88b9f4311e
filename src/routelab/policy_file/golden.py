"""Golden decisions: what a policy must decide on requests made for the purpose."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping

import msgspec

from routelab.core.context import Context
from routelab.core.draw import uniform
from routelab.core.flow import Decision, drive
from routelab.core.policy import Policy
from routelab.core.protocol import Call, Feedback
from routelab.core.request import Request

_LARGEST = sys.float_info.max
"""JSON has no infinity."""

Answers = Mapping[str, Mapping[str, float | None]]


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request, what every model would answer, and the decision expected.

    Attributes:
        signals: model to signal to confidence; null is missing, and escalates.
        calls: models asked, in order.
        answer: the model whose answer is delivered.
        margin: smallest distance of a compared confidence from its threshold; a machine
            whose arithmetic differs by more would decide otherwise. Null if none was compared.
    """

    id: str
    signals: Answers
    calls: tuple[str, ...]
    answer: str
    margin: float | None


def golden(policy: Policy, seed: int, count: int = 32) -> tuple[Golden, ...]:
    """Requests whose confidences lie on each threshold of the policy, just below and around."""
    return tuple(_expect(policy, seed, f"golden-{index}", index) for index in range(count))


def verify(policy: Policy, seed: int, expected: Iterable[Golden]) -> list[str]:
    """Decide every golden request again; one sentence for each that differs."""
    problems = []
    for item in expected:
        decision = _decide(policy, seed, item.id, item.signals)
        if (decision.models, decision.answer.model) != (item.calls, item.answer):
            problems.append(
                f"{item.id}: expected {' > '.join(item.calls)} to deliver {item.answer}, got"
                f" {' > '.join(decision.models)} delivering {decision.answer.model}"
                f" (margin {item.margin})"
            )
    return problems


def _expect(policy: Policy, seed: int, key: str, index: int) -> Golden:
    signals = _signals(policy, seed, key, index)
    decision = _decide(policy, seed, key, signals)
    margin = min(
        (
            abs(step.feedback.signals[name] - step.threshold)
            for step in decision.steps
            if step.threshold is not None
            for name in step.call.need
            if not math.isnan(step.feedback.signals[name])
        ),
        default=None,
    )
    return Golden(key, signals, decision.models, decision.answer.model, margin)


def _signals(policy: Policy, seed: int, key: str, index: int) -> Answers:
    """Of every four requests one has a confidence on a threshold, one just below it.

    The answers before that one have none, so that it is reached; thresholds take turns. Of
    every eight requests one has no confidence at all.
    """
    names = policy.signals_used
    missing: Answers = {model: dict.fromkeys(names) for model in policy.models_used}
    held = _thresholds(policy, seed, key, missing)
    if index % 8 == 1:
        return missing
    around = {
        model: {name: _around(held.get(model, 0.5), seed, key, f"{model}/{name}") for name in names}
        for model in missing
    }
    if index % 2 or not held:
        return around
    asked = list(held)
    turn = index // 4 % len(asked)
    edge = held[asked[turn]]
    at = edge if index % 4 == 0 else max(math.nextafter(edge, -math.inf), -_LARGEST)
    before = {model: missing[model] for model in asked[:turn]}
    return {**around, **before, asked[turn]: dict.fromkeys(names, at)}


def _thresholds(policy: Policy, seed: int, key: str, missing: Answers) -> dict[str, float]:
    """Model to threshold, as this request meets them while no answer is confident."""
    steps = _decide(policy, seed, key, missing).steps
    return {step.call.model: step.threshold for step in steps if step.threshold is not None}


def _around(threshold: float, seed: int, key: str, name: str) -> float:
    unit = uniform(seed, key, name)
    value = threshold + (unit - 0.5) * max(abs(threshold), 1e-3)
    return min(max(value, -_LARGEST), _LARGEST)


def _decide(policy: Policy, seed: int, key: str, signals: Answers) -> Decision:
    def answer(call: Call) -> Feedback:
        said = signals.get(call.model, {})
        values = {name: said.get(name) for name in call.need}
        return Feedback(call.model, {n: math.nan if v is None else v for n, v in values.items()})

    return drive(policy, Context(Request(key), policy.models_used, seed=seed), answer)
