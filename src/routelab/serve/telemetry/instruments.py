"""Metrics of requests, attempts and judgements, as OpenTelemetry's instruments."""

from __future__ import annotations

from opentelemetry.metrics import Counter, Histogram, Meter

from routelab.core import Attempt
from routelab.runtime import FinishedRequest
from routelab.runtime.budgets import Alert
from routelab.serve.telemetry import conventions as named
from routelab.serve.telemetry.attributes import Attributes, attempt_attributes
from routelab.serve.telemetry.conventions import Conventions
from routelab.serve.telemetry.decided_request import DecidedRequest

OTHER = "other"
"""Stands for the tenants beyond the cap."""
_TENANTS = 100
_TOKEN = "{token}"  # noqa: S105  (a unit)


class Instruments:
    """What is counted and measured; requests by policy, tenant and status, attempts by model.

    Args:
        meter: that makes the instruments.
        names: which conventions hold.
    """

    def __init__(self, meter: Meter, names: Conventions) -> None:
        self._names = names
        self._tenants: set[str] = set()
        self._present = _Present(meter) if names.present else None
        self._former = _Former(meter) if names.former else None
        self._duration = meter.create_histogram(
            "routelab.request.duration",
            "s",
            "From asking to the answer.",
            explicit_bucket_boundaries_advisory=named.DURATIONS,
        )
        self._decision = meter.create_histogram(
            "routelab.decision.duration",
            "s",
            "Of decisions whose calls others make.",
            explicit_bucket_boundaries_advisory=named.FIRST_CHUNKS,
        )
        self._cost = meter.create_counter(
            "routelab.request.cost", "USD", "Known costs of all calls of requests."
        )
        self._unknown = meter.create_counter(
            "routelab.request.cost_unknown", "{request}", "Requests whose cost is not known."
        )
        self._quality = meter.create_histogram(
            "routelab.answer.quality",
            "1",
            "Quality of judged answers.",
            explicit_bucket_boundaries_advisory=tuple(0.05 * k for k in range(21)),
        )
        self._alerts = meter.create_counter(
            "routelab.budget.alerts", "{alert}", "Shares of budgets that were reached."
        )

    def count(self, finished: FinishedRequest, policy: str) -> None:
        """Count a request and all its attempts."""
        of_request: Attributes = {
            "routelab.policy": policy,
            "routelab.tenant": self._tenant(finished.request.tenant),
            "routelab.status": finished.status,
        }
        _record(self._duration, finished.latency_s, of_request)
        if finished.cost_usd == finished.cost_usd:
            self._cost.add(finished.cost_usd, of_request)
        else:
            self._unknown.add(1, of_request)
        for step in finished.steps:
            for it in step.feedback.attempts:
                attributes = attempt_attributes(it, self._names)
                if self._present is not None:
                    self._present.count(it, attributes)
                if self._former is not None:
                    self._former.count(it, attributes)

    def count_decision(self, it: DecidedRequest) -> None:
        """Count a decision alone."""
        attributes: Attributes = {
            "routelab.policy": it.policy,
            "routelab.tenant": self._tenant(it.request.tenant),
            "routelab.status": it.status,
        }
        self._decision.record(it.latency_s, attributes)

    def judged(self, quality: float) -> None:
        """Count a judgement."""
        self._quality.record(quality)

    def alerted(self, alert: Alert) -> None:
        """Count an alert."""
        self._alerts.add(1, {"routelab.account": alert.account, "routelab.share": alert.share})

    def _tenant(self, name: str) -> str:
        if name not in self._tenants:
            if len(self._tenants) >= _TENANTS:
                return OTHER
            self._tenants.add(name)
        return name


class _Present:
    """The conventions' metrics as they are called now."""

    def __init__(self, meter: Meter) -> None:
        self._duration = _seconds(meter, named.DURATION, "Duration of an inference.")
        self._first = _seconds(
            meter, named.FIRST_CHUNK, "Time to the first chunk of an answer.", named.FIRST_CHUNKS
        )
        self._input = _tokens(meter, named.INPUT_TOKENS, "Tokens of prompts.")
        self._output = _tokens(meter, named.OUTPUT_TOKENS, "Tokens of answers.")
        self._input_size = _sizes(meter, named.INPUT_SIZE, "Tokens of one prompt.")
        self._output_size = _sizes(meter, named.OUTPUT_SIZE, "Tokens of one answer.")

    def count(self, it: Attempt, attributes: Attributes) -> None:
        _record(self._duration, it.latency_s, attributes)
        _record(self._first, it.first_token_s, attributes)
        for tokens, total, size in (
            (it.prompt_tokens, self._input, self._input_size),
            (it.completion_tokens, self._output, self._output_size),
        ):
            if tokens == tokens:
                total.add(int(tokens), attributes)
                size.record(int(tokens), attributes)


class _Former:
    """The conventions' metrics as of version 1.36."""

    def __init__(self, meter: Meter) -> None:
        self._duration = _seconds(meter, named.FORMER_DURATION, "Duration of an operation.")
        self._first = _seconds(
            meter, named.FORMER_FIRST_TOKEN, "Time to the first token.", named.FIRST_CHUNKS
        )
        self._tokens = _sizes(meter, named.FORMER_TOKENS, "Tokens used.")

    def count(self, it: Attempt, attributes: Attributes) -> None:
        _record(self._duration, it.latency_s, attributes)
        _record(self._first, it.first_token_s, attributes)
        for tokens, kind in ((it.prompt_tokens, "input"), (it.completion_tokens, "output")):
            _record(self._tokens, tokens, {**attributes, "gen_ai.token.type": kind})


def _record(histogram: Histogram, value: float, attributes: Attributes) -> None:
    if value == value:  # else it is not known
        histogram.record(value, attributes)


def _seconds(
    meter: Meter, name: str, meaning: str, bounds: tuple[float, ...] = named.DURATIONS
) -> Histogram:
    return meter.create_histogram(name, "s", meaning, explicit_bucket_boundaries_advisory=bounds)


def _sizes(meter: Meter, name: str, meaning: str) -> Histogram:
    return meter.create_histogram(
        name, _TOKEN, meaning, explicit_bucket_boundaries_advisory=named.TOKENS
    )


def _tokens(meter: Meter, name: str, meaning: str) -> Counter:
    return meter.create_counter(name, _TOKEN, meaning)
