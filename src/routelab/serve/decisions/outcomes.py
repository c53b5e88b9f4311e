"""What came of a call that somebody else made, as they report it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from routelab.core import Call, Feedback, Request
from routelab.core.messages import is_number, value_text
from routelab.gates import verdict
from routelab.serve.refusal import RefusedError, malformed
from routelab.signals import SignalSource, answer_parts, answer_text

MOST_REPORTED = 1e9
"""USD or seconds of one call; more is nobody's, and would make the sums of all calls overflow."""
_FIELDS = ("response", "signals", "cost_usd", "latency_s", "error", "model")


class ReportedOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of a call.

    Attributes:
        signals: the confidence signals that the call needs, by name.
        cost_usd, latency_s: USD and seconds that it took; None if not known.
        error: why there is no answer.
        text: of the answer, where it was reported.
        parts: of every choice of the answer, what gates look at.
        model: that answered, where it was another than the one asked.
    """

    signals: Mapping[str, float] = {}
    cost_usd: float | None = None
    latency_s: float | None = None
    error: str | None = None
    text: str | None = None
    parts: tuple[str, ...] = ()
    model: str | None = None

    def feedback(self, call: Call) -> Feedback:
        """The outcome of a call as its policy hears of it.

        Raises:
            RefusedError: gates are to judge the answer, and it was not reported.
        """
        if call.gates and self.error is None and self.text is None:
            raise RefusedError(
                400,
                f"outcomes: gates judge the answer of {call.model!r}: give it as `response`, the"
                " chat completion",
                "response_needed",
                param="outcomes",
            )
        problems = (verdict(gate, it) for gate in call.gates for it in self.parts)
        return Feedback(
            model=self.model or call.model,
            signals={name: self.signals.get(name, math.nan) for name in call.need},
            cost_usd=_or_nan(self.cost_usd),
            latency_s=_or_nan(self.latency_s),
            error=self.error,
            rejected=tuple(dict.fromkeys(it for it in problems if it is not None)),
            text=self.text,
        )


Reported: TypeAlias = tuple[tuple[ReportedOutcome, ...], ...]
"""For each turn of a decision, what came of its calls in their order."""


def costs_usd(reported: Reported) -> list[float | None]:
    """What each call so far cost, as it was reported; None if not known."""
    return [outcome.cost_usd for turn in reported for outcome in turn]


def read_outcomes(
    given: object, sources: Mapping[str, SignalSource], request: Request
) -> tuple[ReportedOutcome, ...]:
    """Outcomes as a body has them.

    A signal that is not given is read from the `response` as the router would read it, from one
    answer; what needs several answers has to be given.

    Args:
        given: a list, one for each call.
        sources: of the policy's signals.
        request: that was asked.
    Raises:
        RefusedError: they are malformed; names everything that is.
    """
    if not isinstance(given, list) or not given:
        raise malformed([("outcomes", "outcomes: write a list with an object for each call")])
    problems = [problem for at, one in enumerate(given) for problem in _problems(at, one)]
    if problems:
        raise malformed([("outcomes", problem) for problem in problems])
    return tuple(_outcome(one, sources, request) for one in given)


def _outcome(
    given: Mapping[str, Any], sources: Mapping[str, SignalSource], request: Request
) -> ReportedOutcome:
    body = given.get("response")
    signals = {name: float(value) for name, value in (given.get("signals") or {}).items()}
    text: str | None = None
    parts: tuple[str, ...] = ()
    if body is not None:
        text = answer_text(body) or ""
        parts = tuple(part.canonical for part in answer_parts(body)) or (text,)
        for name, source in sources.items():
            if name not in signals and source.samples == 1:
                value = source.read(request, [body]).value
                if not math.isnan(value):
                    signals[name] = value
    return ReportedOutcome(
        signals=signals,
        cost_usd=given.get("cost_usd"),
        latency_s=given.get("latency_s"),
        error=given.get("error"),
        text=text,
        parts=parts,
        model=given.get("model"),
    )


def _problems(at: int, given: object) -> Sequence[str]:
    place = f"outcomes[{at}]"
    if not isinstance(given, dict):
        return [f"{place}: write an object with {', '.join(_FIELDS)}"]
    found = []
    if unknown := [name for name in given if name not in _FIELDS]:
        found.append(
            f"{place}: no field {', '.join(map(repr, unknown))}; there is {', '.join(_FIELDS)}"
        )
    for name in ("cost_usd", "latency_s"):
        value = given.get(name)
        if value is not None and not (is_number(value) and 0.0 <= value <= MOST_REPORTED):
            found.append(
                f"{place}.{name}={value_text(value)}: a number of 0 to {MOST_REPORTED:.0f}"
            )
    found += [
        f"{place}.{name}={value_text(given[name])}: write a text"
        for name in ("error", "model")
        if not isinstance(given.get(name), str | None)
    ]
    signals = given.get("signals")
    if signals is not None and not (
        isinstance(signals, dict) and all(map(is_number, signals.values()))
    ):
        found.append(f"{place}.signals={value_text(signals)}: write a number by each name")
    if not isinstance(given.get("response"), dict | None):
        found.append(f"{place}.response: write the chat completion, an object")
    if given.get("error") is None and signals is None and given.get("response") is None:
        found.append(f"{place}: give response, signals or error")
    return found


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
