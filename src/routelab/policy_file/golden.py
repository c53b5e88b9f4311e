"""Golden decisions: what a policy must decide on requests made for the purpose."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from routelab.core import (
    Call,
    Context,
    Decision,
    Feedback,
    Policy,
    Request,
    Scoring,
    drive,
    uniform,
)
from routelab.policy_file.golden_prompts import prompt

_LARGEST = sys.float_info.max
"""JSON has no infinity."""

Answers = Mapping[str, Mapping[str, float | None]]
_NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One request, what every model would answer, and the decision expected.

    Attributes:
        id: of the request, the key of its random draws.
        signals: model to signal to confidence; null is missing, and escalates.
        calls: models asked, in order.
        answer: the model whose answer is delivered.
        margin: smallest distance of anything compared from what would have decided otherwise:
            a machine whose arithmetic differs by more may decide otherwise. Null if nothing
            was compared, or the kind does not tell.
        text: the prompt; null where the policy reads none.
        task, tenant, priority, needs: of the request.
        tokens: model to the length of its answer; none where no scorer reads it.
    """

    id: str
    signals: Answers
    calls: tuple[str, ...]
    answer: str
    margin: float | None
    text: str | None = None
    task: str = ""
    tenant: str = ""
    priority: str = ""
    needs: tuple[str, ...] = ()
    tokens: Mapping[str, float] = msgspec.field(default_factory=dict)

    @property
    def request(self) -> Request:
        """As the policy is given it."""
        return Request(
            id=self.id,
            messages=None if self.text is None else ({"role": "user", "content": self.text},),
            task=self.task,
            tenant=self.tenant,
            priority=self.priority,
            needs=self.needs,
        )


def golden_decisions(
    policy: Policy,
    seed: int,
    scoring: Scoring | None = None,
    *,
    values: Mapping[str, Sequence[str]] = _NOTHING,
    count: int = 32,
) -> tuple[Golden, ...]:
    """Requests whose confidences lie on each threshold of the policy, just below and around.

    A policy that has scorers or looks at the prompt is given prompts, and the metadata that it
    tells apart.

    Args:
        policy: that decides them.
        seed: of its draws.
        scoring: the scorers that it names.
        values: of task and tenant that the scorers know.
        count: how many requests.
    """
    blanks = (_blank(policy, seed, index, values) for index in range(count))
    return tuple(_expect(policy, seed, scoring, it, at) for at, it in enumerate(blanks))


def verify(
    policy: Policy, seed: int, expected: Iterable[Golden], scoring: Scoring | None = None
) -> list[str]:
    """Decide every golden request again; one sentence for each that differs.

    Args:
        policy: that is to decide as it did.
        seed: of its draws, as in the policy's document.
        expected: the golden requests.
        scoring: the scorers that the policy names.
    """
    problems = []
    for item in expected:
        decision, _ = _decide(policy, seed, scoring, item)
        if (decision.models, decision.answer.model) != (item.calls, item.answer):
            problems.append(
                f"{item.id}: expected {' > '.join(item.calls)} to deliver {item.answer}, got"
                f" {' > '.join(decision.models)} delivering {decision.answer.model}"
                f" (margin {item.margin})"
            )
    return problems


def _blank(policy: Policy, seed: int, index: int, values: Mapping[str, Sequence[str]]) -> Golden:
    """A request that nobody has decided or answered yet."""
    key = f"golden-{index}"
    empty = Golden(key, {}, (), "", None)
    if not (policy.scorer_uses or policy.reads_text or policy.probes):
        return empty
    known = {name: _one_of(each, index) for name, each in values.items() if each}
    made = msgspec.structs.replace(empty, text=prompt(seed, key, index), **known)
    if index % 2 or not policy.probes:
        return made
    probe = policy.probes[index // 2 % len(policy.probes)]
    told = {
        "text": probe.messages[0]["content"] if probe.messages else None,
        "task": probe.task,
        "tenant": probe.tenant,
        "priority": probe.priority,
        "needs": probe.needs,
    }
    return msgspec.structs.replace(made, **{name: it for name, it in told.items() if it})


def _one_of(values: Sequence[str], index: int) -> str:
    """The values in turn, and now and then one that nobody knows."""
    return [*values, ""][index % (len(values) + 1)]


def _expect(
    policy: Policy, seed: int, scoring: Scoring | None, blank: Golden, index: int
) -> Golden:
    if any(use.after for use in policy.scorer_uses):
        lengths = {name: _length(seed, blank.id, name) for name in policy.models_used}
        blank = msgspec.structs.replace(blank, tokens=lengths)
    asked = msgspec.structs.replace(blank, signals=_signals(policy, seed, scoring, blank, index))
    decision, near = _decide(policy, seed, scoring, asked)
    margins = [
        abs(step.feedback.signals[name] - step.threshold)
        for step in decision.steps
        if step.threshold is not None
        for name in step.call.need
        if not math.isnan(step.feedback.signals[name])
    ]
    margin = min([*margins, near])
    return msgspec.structs.replace(
        asked,
        calls=decision.models,
        answer=decision.answer.model,
        margin=margin if math.isfinite(margin) else None,
    )


def _length(seed: int, key: str, model: str) -> float:
    return float(int(10.0 ** (4.0 * uniform(seed, key, f"{model}/tokens"))))


def _signals(
    policy: Policy, seed: int, scoring: Scoring | None, blank: Golden, index: int
) -> Answers:
    """Of every four requests one has a confidence on a threshold, one just below it.

    The answers before that one have none, so that it is reached; thresholds take turns. Of
    every eight requests one has no confidence at all.
    """
    names, key = policy.signals_used, blank.id
    missing: Answers = {model: dict.fromkeys(names) for model in policy.models_used}
    unsure = msgspec.structs.replace(blank, signals=missing)
    held = _thresholds(_decide(policy, seed, scoring, unsure)[0])
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


def _thresholds(decision: Decision) -> dict[str, float]:
    """Model to threshold, as a request meets them while no answer is confident."""
    return {
        step.call.model: step.threshold for step in decision.steps if step.threshold is not None
    }


def _around(threshold: float, seed: int, key: str, name: str) -> float:
    unit = uniform(seed, key, name)
    value = threshold + (unit - 0.5) * max(abs(threshold), 1e-3)
    return min(max(value, -_LARGEST), _LARGEST)


def _decide(
    policy: Policy, seed: int, scoring: Scoring | None, item: Golden
) -> tuple[Decision, float]:
    """The decision, and how near it was to another one."""

    def answer(call: Call) -> Feedback:
        said = item.signals.get(call.model, {})
        values = {name: said.get(name) for name in call.need}
        return Feedback(
            call.model,
            {n: math.nan if v is None else v for n, v in values.items()},
            completion_tokens=item.tokens.get(call.model, math.nan),
        )

    x = Context(item.request, policy.models_used, seed=seed, scoring=scoring)
    return drive(policy, x, answer), x.margin
