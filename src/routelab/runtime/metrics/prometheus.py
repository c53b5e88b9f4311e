"""Metrics in the text format that Prometheus and OpenTelemetry collectors scrape.

Names are those of OpenTelemetry's conventions for generative AI, written as Prometheus writes
them; what these have no name for begins with `routelab_`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

from routelab.runtime.attempts import failure_classes
from routelab.runtime.metrics.histogram import Distribution
from routelab.runtime.metrics.snapshot import MetricTotals, Snapshot

_T = TypeVar("_T")
Rows: TypeAlias = Sequence[tuple[Mapping[str, str], _T]]
"""Values, each with its labels."""

_DURATIONS = tuple(0.01 * 2**k for k in range(14))
_FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0),
    *(7.5, 10.0),
)
_TOKENS = tuple(float(4**k) for k in range(14))


def prometheus_text(snapshot: Snapshot) -> str:
    """The exposition format 0.0.4; serve it as `text/plain; version=0.0.4`."""
    return "\n".join(_lines(snapshot)) + "\n"


def _lines(it: Snapshot) -> Iterator[str]:
    yield from _conventional(it)
    yield from _conventional_now(it)
    yield from _counted(it)
    yield from _failed(it)
    yield from _of_the_router(it)
    yield from _of_answers(it)


def _conventional(it: Snapshot) -> Iterator[str]:
    """What OpenTelemetry's conventions have names for, as of version 1.36."""
    models = it.models.items()
    yield from _histograms(
        "gen_ai_client_operation_duration_seconds",
        "Duration of a call to a model.",
        [(_chat(name), totals.latency_s) for name, totals in models],
        _DURATIONS,
    )
    yield from _histograms(
        "gen_ai_server_time_to_first_token_seconds",
        "Time to the first token of a streamed answer.",
        [(_chat(name), totals.first_token_s) for name, totals in models],
        _FIRST_TOKEN,
    )
    yield from _histograms(
        "gen_ai_client_token_usage",
        "Tokens of an attempt.",
        [
            ({**_chat(name), "gen_ai_token_type": kind}, tokens)
            for name, totals in models
            for kind, tokens in (("input", totals.input_tokens), ("output", totals.output_tokens))
        ],
        _TOKENS,
    )


def _conventional_now(it: Snapshot) -> Iterator[str]:
    """The same as the conventions call it since June 2026; the former names stay for a release."""
    models = it.models.items()
    yield from _histograms(
        "gen_ai_client_inference_duration_seconds",
        "Duration of a call to a model.",
        [(_chat(name), totals.latency_s) for name, totals in models],
        _DURATIONS,
    )
    yield from _histograms(
        "gen_ai_client_inference_time_to_first_chunk_seconds",
        "Time to the first chunk of a streamed answer.",
        [(_chat(name), totals.first_token_s) for name, totals in models],
        _FIRST_TOKEN,
    )
    for kind in ("input", "output"):
        tokens = [(_chat(name), getattr(totals, f"{kind}_tokens").sum) for name, totals in models]
        yield from _values(
            f"gen_ai_client_inference_usage_{kind}_tokens_total",
            "counter",
            f"{kind.capitalize()} tokens of all attempts.",
            tokens,
        )


def _counted(it: Snapshot) -> Iterator[str]:
    """Requests, calls and attempts: how many, how they ended, and their money."""
    yield from _histograms(
        "routelab_request_duration_seconds",
        "From asking to the answer.",
        [({}, it.requests.latency_s)],
        _DURATIONS,
    )
    yield from _values(
        "routelab_requests_total",
        "counter",
        "Requests by how they ended.",
        [({"status": name}, count) for name, count in sorted(it.statuses.items())],
    )
    yield from _by("model", "calls", "Calls", it.models)
    yield from _values(
        "routelab_calls_not_sent_total",
        "counter",
        "Calls that ended before anything was sent.",
        [({"model": name}, totals.not_sent) for name, totals in it.models.items()],
    )
    yield from _by("deployment", "tries", "Attempts", it.deployments)
    yield from _by("tenant", "tenant_requests", "Requests", it.tenants)


def _failed(it: Snapshot) -> Iterator[str]:
    """Attempts that failed by whose fault that was, and those that an operator is to mend."""
    classes = failure_classes()
    rows = [
        ({"deployment": deployment, "failure": name, "fault": classes[name].fault}, float(count))
        for deployment, of_deployment in it.failures.items()
        for name, count in of_deployment.items()
        if name in classes
    ]
    yield from _values(
        "routelab_failures_total", "counter", "Failed attempts by class and whose fault.", rows
    )
    yield from _values(
        "routelab_operator_failures_total",
        "counter",
        "Failed attempts that an operator has to mend: key, credit, model, permission.",
        [(labels, count) for labels, count in rows if classes[labels["failure"]].warns],
    )


def _of_the_router(it: Snapshot) -> Iterator[str]:
    """Single numbers, then what is left of its budgets and which breakers are open."""
    plain: list[tuple[str, str, str, float]] = [
        (
            "escalated_total",
            "counter",
            "Answered after calls in several turns.",
            it.escalated,
        ),
        ("cut_short_total", "counter", "Answered, the last call not sent.", it.cut_short),
        ("degraded_total", "counter", "Requests of the cheaper policy.", it.degraded),
        ("waiting", "gauge", "Calls that wait for a free place.", it.waiting),
        ("retries_total", "counter", "Attempts after the first.", it.retries),
    ]
    if it.log is not None:
        plain.append(("log_written_total", "counter", "Log records written.", it.log.written))
        plain.append(("log_dropped_total", "counter", "Log records lost.", it.log.dropped))
        plain.append(("log_queued", "gauge", "Log records that wait.", it.log.queued))
    for name, kind, meaning, value in plain:
        yield from _values(f"routelab_{name}", kind, meaning, [({}, value)])
    yield from _values(
        "routelab_unlike_log_total",
        "counter",
        "Requests with messages of a kind that the policy's log had not.",
        [({"kind": kind}, count) for kind, count in sorted(it.unlike.items())],
    )
    yield from _values(
        "routelab_budget_left_usd",
        "gauge",
        "What is left of a budget in its period.",
        [({"account": left.account}, left.left_usd) for left in it.budgets],
    )
    yield from _values(
        "routelab_budget_limit_usd",
        "gauge",
        "What may be spent of a budget in its period.",
        [({"account": left.account}, left.limit_usd) for left in it.budgets],
    )
    yield from _values(
        "routelab_budget_spent_usd",
        "gauge",
        "What was spent of a budget in its period.",
        [({"account": left.account}, left.spent_usd) for left in it.budgets],
    )
    yield from _values(
        "routelab_breaker_open",
        "gauge",
        "1 where a deployment's breaker is not closed.",
        [({"deployment": name}, state != "closed") for name, state in it.breakers.items()],
    )


def _of_answers(it: Snapshot) -> Iterator[str]:
    """How often answers had the signals that were needed, and how good they were."""
    heard = [
        ({**_chat(name), "signal": signal}, count)
        for name, of_model in it.signals.items()
        for signal, count in of_model.items()
    ]
    yield from _values(
        "routelab_signal_answers_total",
        "counter",
        "Answers of calls that needed a signal.",
        [(labels, count.answers) for labels, count in heard],
    )
    yield from _values(
        "routelab_signal_missing_total",
        "counter",
        "Answers without a signal that was needed.",
        [(labels, count.missing) for labels, count in heard],
    )
    yield from _values(
        "routelab_answer_quality",
        "gauge",
        "Mean quality of judged answers.",
        [(_chat(name), quality.mean) for name, quality in it.quality.items()],
    )
    yield from _values(
        "routelab_judged_answers_total",
        "counter",
        "Answers that were judged.",
        [(_chat(name), quality.count) for name, quality in it.quality.items()],
    )
    yield from _values(
        "routelab_judged_quality_total",
        "counter",
        "Quality of judged answers, added up.",
        [(_chat(name), quality.count * quality.mean) for name, quality in it.quality.items()],
    )


def _by(label: str, prefix: str, word: str, totals: Mapping[str, MetricTotals]) -> Iterator[str]:
    """Counts, failures and money of one kind of thing."""
    name = f"routelab_{prefix}"
    rows = [({label: key}, it) for key, it in totals.items()]
    counts = [(labels, float(it.count)) for labels, it in rows]
    errors = [(labels, float(it.errors)) for labels, it in rows]
    money = [(labels, it.cost_usd) for labels, it in rows]
    unknown = [(labels, float(it.cost_unknown)) for labels, it in rows]
    yield from _values(f"{name}_total", "counter", f"{word}.", counts)
    yield from _values(f"{name}_failed_total", "counter", f"{word} that failed.", errors)
    yield from _values(f"{name}_cost_usd_total", "counter", f"Known costs of {word}.", money)
    yield from _values(
        f"{name}_cost_unknown_total", "counter", f"{word} whose cost is not known.", unknown
    )


def _chat(model: str) -> dict[str, str]:
    return {"gen_ai_operation_name": "chat", "gen_ai_request_model": model}


def _values(name: str, kind: str, meaning: str, rows: Rows[float]) -> Iterator[str]:
    if rows:
        yield from (f"# HELP {name} {meaning}", f"# TYPE {name} {kind}")
    for labels, value in rows:
        yield f"{name}{_labels(labels)} {value:.12g}"


def _histograms(
    name: str, meaning: str, rows: Rows[Distribution], bounds: Sequence[float]
) -> Iterator[str]:
    if rows:
        yield from (f"# HELP {name} {meaning}", f"# TYPE {name} histogram")
    for labels, it in rows:
        for bound in bounds:
            yield f"{name}_bucket{_labels({**labels, 'le': f'{bound:g}'})} {it.at_most(bound)}"
        yield f"{name}_bucket{_labels({**labels, 'le': '+Inf'})} {it.count}"
        yield f"{name}_sum{_labels(labels)} {it.sum:.12g}"
        yield f"{name}_count{_labels(labels)} {it.count}"


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
