"""Caveats beside a verdict, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Policy, SignalSpec
from routelab.core.conversation import DIALOGUE, kinds_read
from routelab.core.messages import bracketed, listed
from routelab.logs.model import Log, Split, came_back
from routelab.metrics import OutcomeCounts, missing_sentences, mixed_mean, outcome_counts
from routelab.replay import ComparisonSet, Coverage, NamedPolicy, evaluate
from routelab.tuning.kinds import ThresholdsByModel
from routelab.tuning.objectives import ENOUGH, OperatingPoint
from routelab.tuning.options import Options
from routelab.tuning.selection import Rival
from routelab.tuning.study import signal_checks
from routelab.tuning.tuners import CASCADE

NO_SIGNAL = (
    "there is no usable confidence signal, so no cascade could be tuned: the best fixed model"
    " or mixture was exported"
)
FEWEST_GROUPS = 10
"""Groups below which no interval of some requests of test is told."""
LARGE_SHARE = 0.1
"""Of what a model costs on a log, from which a single request is named."""
COLLAPSED = 0.98
"""Share of requests that one model answers, from which a router is said to have collapsed."""
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
        *signal_checks.telling_columns(tuning.log, tuning.models),
        *signal_checks.doubtful(tuning.log, _considered(thresholds), tuning.models),
        *uncharged(policy, log.specs),
        *([NO_SIGNAL] if not thresholds and tuple(kinds) == (CASCADE,) else []),
        *([] if log.signals else signal_checks.unasked(log)),
        *alike(tuning),
        *([AUDITED] if log.requests.audit is not None else []),
        *untimed(log.requests.timestamp_s is not None, rule),
        *missing({on.part: on.coverage for on in (tuning, testing)}),
        *dearest(log, testing),
        *unheard(log, policy),
        *not_by_chance(log, policy, testing),
    ]


def alike(tuning: ComparisonSet) -> Iterator[str]:
    """Answers that all are worth the same, so that nothing can be told of any router."""
    quality = tuning.log.quality
    if quality.size and np.ptp(quality) == 0.0:
        failed = bool(tuning.log.error.all())
        same = (
            "call on tune failed" if failed else f"answer on tune has quality {quality.flat[0]:g}"
        )
        yield (
            f"every {same}: no router can be told from another by it; check which column holds"
            f" {'errors' if failed else 'quality'}"
        )


def dearest(log: Log, testing: ComparisonSet) -> Iterator[str]:
    """A single request that is a large part of what a model costs on the whole log."""
    columns = [log.models.index(name) for name in testing.models]
    costs = np.nan_to_num(log.cost_usd[:, columns])
    total = costs.sum(axis=0)
    if not costs.size or not total.any():
        return
    share = costs / np.where(total > 0.0, total, 1.0)
    row, column = np.unravel_index(int(share.argmax()), share.shape)
    if share[row, column] < LARGE_SHARE:
        return
    here = "it is in test" if row in testing.coverage.rows else "it is not in test"
    yield (
        f"request {log.requests.id[row]!s} alone is {share[row, column]:.0%} of what"
        f" {testing.models[column]} costs on the whole log, and {here}: figures in USD, and gains"
        " at equal cost, rest on how many such requests come"
    )


def collapsed(policy: Policy, share: Mapping[str, float], testing: ComparisonSet) -> Iterator[str]:
    """A router that hardly routes, though other models are often better than the one it asks.

    Args:
        policy: that is exported; of a model alone and of a draw nothing is said.
        share: of test requests answered by each model.
        testing: rows of test.
    Source: Zhao et al. 2026, arXiv 2602.03478 (routers collapse to the strong model).
    """
    if policy.by_chance or len(policy.models_used) < 2:
        return
    name = max(share, key=lambda it: share[it])
    quality = testing.log.quality
    beaten = float((quality.max(axis=1) > quality[:, testing.log.column(name)]).mean())
    if share[name] >= COLLAPSED and beaten > 1.0 - COLLAPSED:
        yield (
            f"the policy has collapsed to one model: {name} answers {share[name]:.1%} of test"
            f" requests, and another model does better on {beaten:.0%}; features that tell these"
            " requests apart are missing, or too few rows"
        )


def below_default(options: Options, quality: float, best: float) -> Iterator[str]:
    """A default that test did not keep: it is no bound, so that the verdict stands beside it.

    Args:
        quality: of the policy on test.
        best: of the candidate that was best on tune, on test.
    """
    if options.by_default and quality < ENOUGH * best:
        yield (
            f"keeps {quality / best:.1%} of the best model's quality on test, less than the"
            f" {ENOUGH:.0%} that it was chosen for: with `min_quality_share={ENOUGH}` the verdict"
            " demands it"
        )


def unheard(log: Log, policy: Policy) -> Iterator[str]:
    """Messages that are to be read and that the log does not hold."""
    lacking = kinds_read(DIALOGUE, log.reads) - log.message_kinds - {"several turns"}
    if lacking and (policy.scorers_used or policy.reads_text):
        yield (
            f"`reads` is {log.reads}, and no request of the log has"
            f" {listed(sorted(lacking), 'or')}: requests of production that do are decided"
            " otherwise than here; log their messages"
        )


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
                f"{won} gains {100 * it.gain_behind:+z.2f} points [{100 * low:+z.2f},"
                f" {100 * high:+z.2f}] more than the best {it.kind} of its cost"
                f"{', and so less' if high < 0 else ''}"
            )


def outdone(found: Sequence[Rival]) -> Iterator[str]:
    """Kinds that do better on test than the exported one, by more than their interval."""
    for it in found:
        if it.gain_behind is not None and it.gain_behind_ci and it.gain_behind_ci[1] < 0:
            low, high = it.gain_behind_ci
            yield (
                f"{it.kind} gains more on test at the same cost: {-100 * it.gain_behind:+z.2f}"
                f" points [{-100 * high:+z.2f}, {-100 * low:+z.2f}], of {len(found) - 1} kinds"
                f" compared; the choice was made on tune alone, and `policy={it.kind!r}` exports it"
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


def _considered(thresholds: ThresholdsByModel) -> tuple[str, ...]:
    """Signals that tell some answers apart."""
    return tuple(dict.fromkeys(signal for signal, _ in thresholds))


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


def of_newcomers(cut: Split, testing: ComparisonSet, policy: NamedPolicy) -> Iterator[str]:
    """The policy's gain on groups that no earlier part has, beside that on groups that came back.

    Args:
        cut: of the whole log.
        testing: rows of test.
        policy: that is exported.
    """
    back = came_back(cut.part, cut.groups)[testing.coverage.rows]
    if not back.any():
        return
    parts = {"on groups that are new in test": ~back, "on those that came back": back}
    told = []
    for name, chosen in parts.items():
        rows = np.flatnonzero(chosen)
        if len(np.unique(testing.groups[rows])) >= FEWEST_GROUPS:
            found = evaluate(testing.take(rows, testing.part), [policy])[0]
            told.append(
                f"{100 * found.gain_vs_zero_router:+z.2f} points"
                f" {bracketed(found.gain_ci, '+.2f', 100)} {name} ({len(rows):,} requests)"
            )
    if len(told) == len(parts):
        yield f"gain over the zero router: {', '.join(told)}"


def missing(coverage: Mapping[str, Coverage]) -> Iterator[str]:
    """Requests that could not be compared, by part."""
    for part, it in coverage.items():
        if text := it.warning():
            yield f"{part}: {text}"


def not_by_chance(log: Log, policy: Policy, testing: ComparisonSet) -> Iterator[str]:
    """Outcomes of candidates that are missing by task or model, and what that does to figures."""
    counts = outcome_counts(log, testing.models)
    if not counts.missing.any():
        return
    quality = testing.replay(policy).quality
    by_task = None
    if (task := testing.log.requests.task) is not None:
        names, at = np.unique(task.astype(str), return_inverse=True)
        sums = zip(np.bincount(at).tolist(), np.bincount(at, quality).tolist(), strict=True)
        by_task = dict(zip(names.tolist(), sums, strict=True))
    tested = QualitySums(len(quality), float(quality.sum()), by_task)
    yield from missing_by_cause(counts, testing.coverage, tested)


class QualitySums(NamedTuple):
    """What an exported policy delivers on test.

    Attributes:
        requests, total: how many, and the sum of their quality.
        by_task: the same two by task; None where the log has none.
    """

    requests: int
    total: float
    by_task: Mapping[str, tuple[int, float]] | None


def missing_by_cause(
    counts: OutcomeCounts, coverage: Coverage, tested: QualitySums
) -> Iterator[str]:
    """What outcomes are missing not by chance, and what that does to the exported policy's figure.

    Args:
        counts: of the whole log.
        coverage: of test.
        tested: quality of the exported policy there.
    """
    found = list(missing_sentences(*counts.judged()))
    yield from found
    dropped = coverage.n_dropped
    if not found or not dropped:
        return
    n, total, by_task = tested.requests + dropped, tested.total, tested.by_task
    again = None
    if by_task is not None:
        whole = Counter({name: times for name, (times, _) in by_task.items()})
        again = mixed_mean(by_task, whole + Counter(coverage.by_task))
    mixed_in = "" if again is None else f" {again:.4f} with the mix of tasks of all requests, and"
    yield (
        f"so the exported policy's quality on test, {total / tested.requests:.4f} on requests with"
        f" every outcome, is{mixed_in} between {total / n:.4f} and"
        f" {(total + dropped) / n:.4f} whatever is missing"
    )
