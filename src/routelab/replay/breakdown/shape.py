"""Where a policy's figures come from: plain data, computed once, drawn by reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from routelab.core.messages import short_repr

Range = tuple[float, float]
SliceBy = Literal["task", "tenant", "length", "language"]


class Slice(msgspec.Struct, frozen=True):
    """Some of the requests, by what they have in common.

    Attributes:
        by, value: for example task = maths; lengths are ranges of characters.
        n_requests: in the slice.
        quality: mean in [0, 1].
        usd_per_1k: mean cost, USD per 1,000 requests.
        escalation_rate: share of these requests with more than one call, in [0, 1].
        model_share: share of these requests answered by each candidate.
        best_quality: of the study's best single model on these requests.
        loss: best_quality - quality; negative is a gain.
        loss_ci: its paired 95 % interval.
    """

    by: SliceBy
    value: str
    n_requests: int
    quality: float
    usd_per_1k: float
    escalation_rate: float
    model_share: Mapping[str, float]
    best_quality: float
    loss: float
    loss_ci: Range


class StageUse(msgspec.Struct, frozen=True):
    """Calls of one model.

    Attributes:
        calls, delivered: numbers of requests.
        usd_per_1k: spent on it per 1,000 requests of the part.
        discarded_usd_per_1k: of that, on answers that were not delivered.
    """

    model: str
    calls: int
    delivered: int
    usd_per_1k: float
    discarded_usd_per_1k: float


class ThresholdCurve(msgspec.Struct, frozen=True):
    """What moving one threshold does, with all others as they are.

    Attributes:
        part: of the log.
        model: whose answers the threshold judges.
        signal: the confidence that is compared.
        chosen: the threshold of the policy; it is among `thresholds`.
        thresholds: ascending; quality, usd_per_1k and escalation_rate go with them.
    """

    part: str
    model: str
    signal: str
    chosen: float
    thresholds: tuple[float, ...]
    quality: tuple[float, ...]
    usd_per_1k: tuple[float, ...]
    escalation_rate: tuple[float, ...]


class Deferral(msgspec.Struct, frozen=True):
    """Quality against the share of requests that `model` hands to `next_model`.

    Attributes:
        model, next_model: of the cascade, one after the other.
        signal: the confidence by which requests are handed on.
        n_requests: that get to the model and may be handed on; shares are of these.
        share, quality: of deferring the least confident first.
        random_quality: at shares 0 and 1; the line between is random deferral.
        oracle_share, oracle_quality: of deferring where the gain is largest.
        area: 0 for random, 1 for the oracle; None where nothing can be gained.
        chosen_share: what the policy defers; None if it has no such threshold.
    """

    model: str
    next_model: str
    signal: str
    n_requests: int
    share: tuple[float, ...]
    quality: tuple[float, ...]
    random_quality: Range
    oracle_share: tuple[float, ...]
    oracle_quality: tuple[float, ...]
    area: float | None
    chosen_share: float | None


class ReliabilityBins(msgspec.Struct, frozen=True):
    """Mean quality of a model's answers against their confidence, in bins.

    Attributes:
        probability: whether the signal stays in [0, 1] and can be read as a chance.
        low, high: edges of each bin; n, confidence, quality: its answers and means.
        ece, auroc: None where undefined.
    """

    model: str
    signal: str
    probability: bool
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: tuple[int, ...]
    confidence: tuple[float, ...]
    quality: tuple[float, ...]
    ece: float | None
    auroc: float | None


class LatencyQuantiles(msgspec.Struct, frozen=True):
    """Distribution of the time to delivery: `seconds[i]` is the quantile `quantiles[i]`."""

    quantiles: tuple[float, ...]
    seconds: tuple[float, ...]


class Grid(msgspec.Struct, frozen=True):
    """Every combination of some thresholds, for moving them by hand.

    Cells are in C order over `thresholds` (last model fastest). All figures follow from
    sums, so that prices can be changed: cost of a cell = sum over models of price factor
    times `usd[model][cell]`.

    Attributes:
        part: of the log, and n_requests of it.
        signal: that is compared with the thresholds.
        models: of the cascade, in order; m of them.
        thresholds: for each of the first m - 1 models, ascending, the policy's own among them.
        chosen: index of the policy's own threshold in each.
        quality: (cells,) mean; quality_se: its standard error, groups kept together;
            NaN for a single group, as are all covariances.
        usd: (m, cells) mean USD per request spent on each model.
        usd_cov: (m * (m + 1) / 2, cells) covariances of those means, upper triangle by rows.
        calls, answered: (m, cells) numbers of requests that ask, and that are answered by, each.
        escalated: (cells,) number of requests with more than one call.
    """

    part: str
    n_requests: int
    signal: str
    models: tuple[str, ...]
    thresholds: tuple[tuple[float, ...], ...]
    chosen: tuple[int, ...]
    quality: tuple[float, ...]
    quality_se: tuple[float, ...]
    usd: tuple[tuple[float, ...], ...]
    usd_cov: tuple[tuple[float, ...], ...]
    calls: tuple[tuple[int, ...], ...]
    answered: tuple[tuple[int, ...], ...]
    escalated: tuple[int, ...]


@short_repr
class Breakdown(msgspec.Struct, frozen=True):
    """Everything a report shows beside the headline figures.

    Attributes:
        slices: of test, largest loss first within each kind.
        stages: calls of test by model.
        thresholds: of tune and of test.
        deferral, reliability: of test, one for each model with a threshold.
        latency: of test; None where latency was not observed.
        grid: of test; None for a policy that is no cascade.
    """

    slices: tuple[Slice, ...]
    stages: tuple[StageUse, ...]
    thresholds: tuple[ThresholdCurve, ...]
    deferral: tuple[Deferral, ...]
    reliability: tuple[ReliabilityBins, ...]
    latency: LatencyQuantiles | None
    grid: Grid | None
