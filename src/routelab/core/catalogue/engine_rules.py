"""How the runtime balances, retries and cuts off calls: the `[engine]` table of a catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias, get_args

import msgspec

from routelab.core.messages import finite_number, unknown_name, value_text

Balancing: TypeAlias = Literal[
    "power_of_two", "least_busy", "round_robin", "weighted_random", "in_order"
]

BALANCING: tuple[Balancing, ...] = get_args(Balancing)


class RetryRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a failed call is sent again to a deployment that failed it.

    Another deployment of the model is tried first, and that is no retry.

    Attributes:
        most: retries of one call.
        base_s, max_s: the pause before retry k is drawn from
            [base_s / 5, min(max_s, base_s * 2 ** (k - 1))], unless the deployment says when to come
            back, and that is no sooner than base_s / 5.
        share: of a model's calls that may be retried in the long run.
        burst: retries beyond that share, saved up while there were fewer.
    """

    most: int = 2
    base_s: float = 0.5
    max_s: float = 8.0
    share: float = 0.2
    burst: int = 10


class BreakerRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a deployment is left alone, and for how long.

    Attributes:
        window_calls, window_s: the last calls that count, none of them older.
        min_calls: fewer than these say nothing.
        failure_rate: share of failed calls from which on the deployment is left alone.
        slow_s: a call that takes as long is slow; None if no call is.
        slow_rate: share of slow calls from which on it is left alone.
        open_s: how long; twice as long each time it is found still failing, up to `max_open_s`.
        probes: calls let through afterwards, all of which must succeed.
    """

    window_calls: int = 100
    window_s: float = 60.0
    min_calls: int = 10
    failure_rate: float = 0.5
    slow_s: float | None = None
    slow_rate: float = 0.8
    open_s: float = 5.0
    max_open_s: float = 120.0
    probes: int = 2


class EngineRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How calls find a deployment, and what happens when they do not.

    Attributes:
        balancing: which free deployment is asked: "power_of_two", "least_busy", "round_robin",
            "weighted_random", or "in_order" for the first one listed.
        max_concurrency: calls under way at once at a deployment that names no number of its own.
        host_concurrency: calls under way at once at one host, whichever deployments they are for;
            a deployment there that names a greater number goes before it.
        queue: calls of one model that may wait for a free deployment; one more is refused.
        queue_s: a call waits no longer in all than this, nor past its deadline.
        burst_s: seconds of a rate limit that may be used up at once after a pause.
        retry, breaker: when a failed call is sent again, and when a deployment is left alone.
    """

    balancing: Balancing = "power_of_two"
    queue: int = 10_000
    queue_s: float = 60.0
    burst_s: float = 6.0
    retry: RetryRules = RetryRules()
    breaker: BreakerRules = BreakerRules()
    max_concurrency: int = 256
    host_concurrency: int = 512


_LEAST = {
    EngineRules: {
        "queue": 0,
        "queue_s": 0,
        "burst_s": 0,
        "max_concurrency": 1,
        "host_concurrency": 1,
    },
    RetryRules: {"most": 0, "base_s": 0, "max_s": 0, "share": 0, "burst": 0},
    BreakerRules: {
        "window_calls": 1,
        "window_s": 0,
        "min_calls": 1,
        "failure_rate": 0,
        "slow_s": 0,
        "slow_rate": 0,
        "open_s": 0,
        "max_open_s": 0,
        "probes": 1,
    },
}


_MOST = {"retry.most": 100, "breaker.window_calls": 1_000_000, "breaker.probes": 1_000_000}
"""Of rules for which the 1e9 of the others is too much to send, or to remember."""

_OPTIONAL = frozenset({"slow_s"})
"""Fields that may be None."""


def engine_rule_problems(rules: object) -> Iterator[str]:
    """A sentence for every value that makes no sense, which begins with the field's name.

    Args:
        rules: `EngineRules`; anything else is a problem.
    """
    if not isinstance(rules, EngineRules):
        yield f"{rules!r:.80} are no rules; give EngineRules(...)"
        return
    retry, breaker = rules.retry, rules.breaker
    parts = (("", rules, EngineRules), ("retry", retry, RetryRules))
    for place, part, kind in (*parts, ("breaker", breaker, BreakerRules)):
        if not isinstance(part, kind):
            yield f"{place} is {part!r:.80}; give {kind.__name__}(...)"
            continue
        dot = place and f"{place}."
        for field, least in _LEAST[kind].items():
            value = getattr(part, field)
            if value is None and field in _OPTIONAL:
                continue
            most = _MOST.get(dot + field, 1e9)
            if not (finite_number(value) and least <= value <= most):
                yield (
                    f"{dot}{field} is {value_text(value)}; it is at least {least} and at most"
                    f" {most:g}"
                )
    if not (isinstance(rules.balancing, str) and rules.balancing in BALANCING):
        yield unknown_name("balancing", rules.balancing, BALANCING)
    if isinstance(breaker, BreakerRules):
        yield from _breaker_problems(breaker)


def _breaker_problems(breaker: BreakerRules) -> Iterator[str]:
    for field in ("failure_rate", "slow_rate"):
        if finite_number(value := getattr(breaker, field)) and not 0.0 < value <= 1.0:
            yield f"breaker.{field} is {value}; it is a share above 0 and at most 1"
    least, window = breaker.min_calls, breaker.window_calls
    if finite_number(least) and finite_number(window) and least > window:
        yield (
            f"breaker.min_calls is {least}, more than the"
            f" {window} window_calls; it would never open"
        )
