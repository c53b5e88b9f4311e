"""Caveats beside a verdict, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from routelab.core import Policy, SignalSpec
from routelab.logs.model import Log
from routelab.metrics import signal_quality
from routelab.replay import ComparisonSet, Coverage
from routelab.tuning.kinds import ThresholdsByModel
from routelab.tuning.objectives import OperatingPoint
from routelab.tuning.study.kind_choice import Rival
from routelab.tuning.tuners import CASCADE

INVERTED = 0.4
"""A signal whose AUROC stays below this for every model is likely upside down."""

NO_SIGNAL = (
    "the log has no usable confidence signal, so no cascade could be tuned: the best fixed model"
    " or mixture was exported"
)
AUDITED = "figures are for the audited requests only"


def of_study(
    log: Log,
    thresholds: ThresholdsByModel,
    rule: str,
    kinds: Iterable[str],
    policy: Policy,
    tuning: ComparisonSet,
    testing: ComparisonSet,
) -> list[str]:
    """All of them, of a log in memory.

    Args:
        rule: by which the log was cut.
        kinds: of policy that were searched.
    """
    return [
        *uncharged(policy, log.specs),
        *([NO_SIGNAL] if not thresholds and tuple(kinds) == (CASCADE,) else []),
        *inverted(tuning.log),
        *([AUDITED] if log.requests.audit is not None else []),
        *untimed(log.requests.timestamp_s is not None, rule),
        *missing({on.part: on.coverage for on in (tuning, testing)}),
    ]


def mixed(chosen: OperatingPoint) -> Iterator[str]:
    """What a mixture is exported for."""
    if not chosen.mixed:
        return
    (usd, quality), plain = chosen.point.score, chosen.plain
    text = f"a mixture was exported: on tune it reaches quality {quality:.4f} at {usd:.4g} USD"
    text += " per 1,000 requests, and "
    if plain is None:
        yield f"{text}no single policy meets the bounds"
    else:
        yield (
            f"{text}the best single policy there {plain.score.quality:.4f} at"
            f" {plain.score.usd_per_1k:.4g}"
        )


def rivals(found: Sequence[Rival]) -> Iterator[str]:
    """By how much the exported kind leads each of the others, in sentences."""
    won = next(it.kind for it in found if it.won)
    for it in found:
        if it.gain_behind is not None and it.gain_behind_ci is not None:
            low, high = it.gain_behind_ci
            yield (
                f"{won} gains {100 * it.gain_behind:+.2f} points [{100 * low:+.2f},"
                f" {100 * high:+.2f}] more than the best {it.kind} of its cost"
            )


def uncharged(policy: Policy, specs: Mapping[str, SignalSpec]) -> Iterator[str]:
    """Signals that the policy uses and whose cost is not known."""
    for name in policy.signals_used:
        if not specs.get(name, SignalSpec()).cost_known:
            yield (
                f"the extra cost of signal {name!r} is not known and was charged as nothing; say"
                " how many calls it takes where the log is read:"
                f" `signals={{{name!r}: SignalSpec(multiplier=3)}}` (3 for three samples, 1 if it"
                " comes with the answer)"
            )


def inverted(log: Log) -> Iterator[str]:
    """Signals that are worse than chance for every model."""
    for name, models in signal_quality(log).items():
        found = [it["auroc"] for it in models.values() if it["auroc"] is not None]
        if found and max(found) < INVERTED:
            yield (
                f"signal {name!r} ranks wrong answers above right ones (AUROC {max(found):.2f} or"
                " less for every model): more must mean more confident; give it with the opposite"
                " sign"
            )


def untimed(has_times: bool, rule: str) -> Iterator[str]:
    """A cut at random of a log that has times."""
    if has_times and rule == "random":
        yield (
            "the split is random, because some requests have no timestamp, or all have the same, or"
            " it was asked for: a drift in time cannot show"
        )


def equal_times(tied: bool) -> Iterator[str]:
    """A cut in time at which many requests have the same one."""
    if tied:
        yield (
            "many requests have the time of a cut between two parts: a hash decides which of them"
            " are before it and which after"
        )


def missing(coverage: Mapping[str, Coverage]) -> Iterator[str]:
    """Requests that could not be compared, by part."""
    for part, it in coverage.items():
        if text := it.warning():
            yield f"{part}: {text}"
