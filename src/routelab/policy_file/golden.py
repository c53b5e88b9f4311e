"""Golden decisions: what a policy must decide on requests made for the purpose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from routelab.core.context import Context
from routelab.core.draw import uniform
from routelab.core.flow import Decision, drive
from routelab.core.policy import Policy
from routelab.core.protocol import Call, Feedback
from routelab.core.request import Request

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
    """Requests whose confidences lie around the policy's thresholds, and on them."""
    thresholds = _thresholds(policy, seed)
    return tuple(_expect(policy, seed, f"golden-{i}", thresholds, i) for i in range(count))


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


def _thresholds(policy: Policy, seed: int) -> dict[str, float]:
    """Model to threshold, read off decisions in which every confidence is missing."""
    nothing = {m: dict.fromkeys(policy.signals_used) for m in policy.models_used}
    decisions = (_decide(policy, seed, f"golden-{index}", nothing) for index in range(32))
    return {
        step.call.model: step.threshold
        for decision in decisions
        for step in decision.steps
        if step.threshold is not None
    }


def _expect(
    policy: Policy, seed: int, key: str, thresholds: Mapping[str, float], index: int
) -> Golden:
    def confidence(model: str, name: str) -> float | None:
        unit = uniform(seed, key, f"{model}/{name}")
        return _confidence(thresholds.get(model, 0.5), unit, index)

    signals = {
        model: {name: confidence(model, name) for name in policy.signals_used}
        for model in policy.models_used
    }
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


def _confidence(threshold: float, unit: float, index: int) -> float | None:
    """On the threshold for every eighth request, missing for another, else around it."""
    if index % 8 == 0:
        return threshold
    if index % 8 == 1:
        return None
    return threshold + (unit - 0.5) * max(abs(threshold), 1e-3)


def _decide(policy: Policy, seed: int, key: str, signals: Answers) -> Decision:
    def answer(call: Call) -> Feedback:
        values = {name: signals[call.model][name] for name in call.need}
        return Feedback(call.model, {n: math.nan if v is None else v for n, v in values.items()})

    return drive(policy, Context(Request(key), policy.models_used, seed=seed), answer)
