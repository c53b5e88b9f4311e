"""How much exploration, and for how long, until a decision can be made: by simulation on a log."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np

from routelab.core import Floats, Ints
from routelab.errors import LogError
from routelab.estimators import (
    DEFAULT_OF_ONE_CALL,
    DEFAULT_OF_PATHS,
    FEW_REQUESTS,
    NORMAL,
    CrossFit,
    Ridge,
    ScoreMean,
    estimator,
    logged_decisions,
    path_weights,
    score_mean,
)
from routelab.logs.model import Log, PartialLog
from routelab.policies import Explore
from routelab.replay import hidden, run
from routelab.whatif.partial_values import PolicyToValue, target_decisions

EPSILONS = (0.02, 0.05, 0.1, 0.2)
"""Shares of exploration that are tried."""

Question: TypeAlias = Literal["quality", "saving"]

_DRAWS = 3
"""Times that every request of the log is decided anew, for each share of exploration."""
_MOST_ROWS = 4000
"""Requests of the log that are replayed at most."""
_FORTUNES = 300
"""Futures that are drawn of each length: a power is then known to .03 or better."""
_MOST_DRAWN = 5_000
"""Requests or groups of a future that are drawn one by one; the mean of more is a normal's."""
_LONGEST = 1e9
_HALVINGS = 5
_FEWEST_ROWS = 100
_EIGHTY = 1.2815515655446004


class PlannedExploration(msgspec.Struct, frozen=True):
    """What one share of exploration takes.

    Attributes:
        epsilon: share of requests whose first model is drawn evenly from all.
        requests: after which the decision falls with the power asked for; None where no number
            will do, or none was found.
        likely: between which numbers it lies, as far as the log tells how large the effect is: 80
            times of 100. An end is None where no number may do.
        power: at `requests`, by simulation; its own standard error is `power_error`.
        days: at the pace of the traffic; None where that is not known.
        extra_usd, extra_quality: what exploring adds to the bill over those requests, and to the
            mean quality of a request meanwhile, beside not exploring.
        refusal: why such a log could not be valued; "" where it could.
    """

    epsilon: float
    requests: int | None
    likely: tuple[int | None, int | None]
    power: float
    power_error: float
    days: float | None
    extra_usd: float | None
    extra_quality: float
    refusal: str = ""


class ExplorationPlan(msgspec.Struct, frozen=True):
    """How a decision about a policy can be made from live traffic.

    Attributes:
        current, candidate: names of the policies.
        question: "quality", or "saving" of cost.
        margin: that the candidate is to be better by, in quality or in USD a request.
        effect: by which it is better on the log, over exploring traffic; or the assumed one.
        effect_ci: 95 %, of the log's requests; both ends are the effect where it was assumed.
        power: chance of the right decision that was asked for.
        options: a line for each share of exploration.
        best: the share to take: the smallest that is done in the days allowed, else the soonest.
            None where nothing will do.
        reason: why nothing will do; "" where something does.
        notes: what to know before believing it.
    """

    current: str
    candidate: str
    question: Question
    margin: float
    effect: float
    effect_ci: tuple[float, float]
    power: float
    options: tuple[PlannedExploration, ...]
    best: float | None
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanOptions:
    """What is to be decided, and how surely.

    Attributes:
        question: "quality": the candidate is better by more than the margin; "saving": it costs
            less by more than the margin.
        margin: in quality (.01 is a point) or in USD a request; may be negative, for "no worse
            than".
        power: chance that the decision falls, if the candidate is as good as the log says; in
            [.5, 1).
        effect: assume that the candidate is better by this, in the margin's units; None takes the
            log's word.
        per_day: requests that come in a day; None takes the log's pace.
        days: that there are; None for any number.
        epsilons: shares of exploration to try, each in (0, 1].
        seed: of all draws.
    """

    question: Question = "quality"
    margin: float = 0.0
    power: float = 0.8
    effect: float | None = None
    per_day: float | None = None
    days: float | None = None
    epsilons: tuple[float, ...] = EPSILONS
    seed: int = 0

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise LogError(*problems)

    def _problems(self) -> Iterator[str]:
        if not math.isfinite(self.margin):
            yield f"the margin is {self.margin}; it must be finite"
        if not 0.5 <= self.power < 1.0:
            yield f"`power` is {self.power:g}; it must lie in [0.5, 1)"
        if self.effect is not None and not math.isfinite(self.effect):
            yield f"`effect` is {self.effect}; it must be finite"
        for name, value in (("per_day", self.per_day), ("days", self.days)):
            if value is not None and not 0.0 < value < math.inf:
                yield f"`{name}` is {value:g}; it must be above 0, and finite"
        if not self.epsilons or not all(0.0 < it <= 1.0 for it in self.epsilons):
            yield f"`epsilons` is {self.epsilons}; each must lie in (0, 1], and one is needed"


def plan_exploration(
    log: Log, current: PolicyToValue, candidate: PolicyToValue, options: PlanOptions | None = None
) -> ExplorationPlan:
    """How much exploration, and how long, until the candidate is shown to be better.

    For each share of exploration the current policy decides on the log's requests as it would with
    exploration on, all but its calls is hidden, and the candidate is valued from that, as
    `routelab value` would. From the scores of requests futures of any length are drawn; the
    decision falls in a future where the interval of the difference lies above the margin.

    Args:
        log: with outcomes of all models that either policy asks.
        current: that serves now.
        candidate: that might take its place.
        options: what is to be decided; default that quality is better at all.
    Raises:
        LogError, PolicyError: the policies cannot be replayed on the log.
    """
    options = options or PlanOptions()
    if isinstance(current.policy, Explore):
        current = replace(current, policy=current.policy.policy)  # each share is tried anew
    outcome = "quality" if options.question == "quality" else "cost_usd"
    known = _known(log, current, candidate, outcome)
    rows = known
    if len(rows) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(options.seed).choice(rows, _MOST_ROWS, replace=False))
    part = log.take(rows)
    truth = _Truth.of(part, current, candidate, outcome)
    usual = _usual(part, current, options.seed)
    models = tuple(dict.fromkeys((*current.policy.models_used, *candidate.policy.models_used)))
    per_day = options.per_day or _pace(log)
    planner = _Planner(part, current, candidate, options, truth, usual, models, per_day)
    lines = tuple(planner.line(epsilon) for epsilon in sorted(set(options.epsilons)))
    effect = truth.effect if options.effect is None else options.effect
    half = 0.0 if options.effect is not None else NORMAL * truth.error
    plan = ExplorationPlan(
        current=current.name,
        candidate=candidate.name,
        question=options.question,
        margin=options.margin,
        effect=effect,
        effect_ci=(effect - half, effect + half),
        power=options.power,
        options=lines,
        best=_best(lines, options.days),
    )
    return msgspec.structs.replace(
        plan,
        reason=_reason(plan, options),
        notes=tuple(_notes(plan, part, len(log) - len(known), options)),
    )


def _usual(log: Log, current: PolicyToValue, seed: int) -> PartialLog:
    """What the current policy does without exploring.

    Raises:
        LogError: it asks no model on some requests.
    """
    usual = hidden(
        log,
        current.policy,
        catalogue=current.catalogue,
        seed=seed,
        scoring=current.scoring,
    )
    if len(usual) != len(log):
        raise LogError(
            f"{log.name}: {current.name} asks no model on {len(log) - len(usual):,} requests; plan"
            " on those that it serves"
        )
    return usual


def _known(log: Log, current: PolicyToValue, candidate: PolicyToValue, outcome: str) -> Ints:
    """Requests on which every outcome is known that either policy may come to.

    Raises:
        LogError: the log lacks a model, or there are under 100 such requests.
    """
    models = dict.fromkeys((*current.policy.models_used, *candidate.policy.models_used))
    if lacking := [name for name in models if name not in log.models]:
        raise LogError(
            f"{log.name}: has no outcome of {', '.join(lacking)} (it has {', '.join(log.models)})"
        )
    columns = [log.models.index(name) for name in models]
    good = ~np.isnan(log.quality[:, columns]).any(axis=1)
    if outcome == "cost_usd":
        good &= ~np.isnan(log.cost_usd[:, columns]).any(axis=1)
    rows = np.flatnonzero(good)
    if len(rows) < _FEWEST_ROWS:
        raise LogError(
            f"{log.name}: {outcome} of {', '.join(models)} is known on {len(rows):,} requests; a"
            f" plan is simulated from {_FEWEST_ROWS} at least"
        )
    return rows


class _Truth(NamedTuple):
    """What the complete log knows.

    Attributes:
        effect: by which the candidate is better than the current policy; error: of it.
        sign: 1 for quality, -1 for cost, of which less is better.
        current: (n,) by outcome, what the current policy comes to.
    """

    effect: float
    error: float
    sign: float
    current: dict[str, Floats]

    @classmethod
    def of(cls, log: Log, current: PolicyToValue, candidate: PolicyToValue, outcome: str) -> _Truth:
        """Both policies replayed."""
        one, other = (
            run(it.policy, log, catalogue=it.catalogue, scoring=it.scoring)
            for it in (current, candidate)
        )
        sign = 1.0 if outcome == "quality" else -1.0
        apart = sign * (getattr(other, outcome) - getattr(one, outcome))
        mean = score_mean(apart, _codes(log))
        error = 0.0 if math.isnan(mean.error) else mean.error
        return cls(mean.value, error, sign, {"quality": one.quality, "cost_usd": one.cost_usd})


class _Pool(NamedTuple):
    """What requests say under one share of exploration, each decided several times.

    Attributes:
        rest: (u,) of independent requests or groups, how far their scores lie from the mean.
        weights: (u,) sums of the weights of their requests.
        size: mean requests of one.
        gained: by outcome, what exploring adds to a request.
    """

    rest: Floats
    weights: Floats
    size: float
    gained: dict[str, float]

    @property
    def effective(self) -> float:
        """Share of independent parts that count as effective ones of the candidate."""
        return float(self.weights.sum() ** 2 / np.square(self.weights).sum() / len(self.weights))

    @property
    def fewest(self) -> float:
        """Requests that hold as many effective ones as an interval needs not to be rough."""
        return FEW_REQUESTS * self.size / self.effective


@dataclass(frozen=True)
class _Planner:
    """A plan in the making.

    Attributes:
        log: of complete requests.
        current, candidate: the policies; `current` explores nothing yet.
        options: what is to be decided.
        truth: what the log knows.
        usual: what the current policy does on the requests.
        models: that exploration draws from.
        per_day: requests that come in a day; None where nobody knows.
    """

    log: Log
    current: PolicyToValue
    candidate: PolicyToValue
    options: PlanOptions
    truth: _Truth
    usual: PartialLog
    models: tuple[str, ...]
    per_day: float | None

    @property
    def outcome(self) -> str:
        return "quality" if self.options.question == "quality" else "cost_usd"

    def line(self, epsilon: float) -> PlannedExploration:
        """What one share of exploration takes."""
        pool = self.pool(epsilon)
        if isinstance(pool, str):
            return PlannedExploration(epsilon, None, (None, None), 0.0, 0.0, None, None, 0.0, pool)
        assumed = self.truth.effect if self.options.effect is None else self.options.effect
        above = assumed - self.truth.sign * pool.gained[self.outcome] - self.options.margin
        requests, power = _requests(pool, above, self.options)
        spread = 0.0 if self.options.effect is not None else _EIGHTY * self.truth.error
        usd = pool.gained["cost_usd"]
        return PlannedExploration(
            epsilon=epsilon,
            requests=requests,
            likely=(
                _scaled(requests, above, spread, pool.fewest),
                _scaled(requests, above, -spread, pool.fewest),
            ),
            power=power,
            power_error=math.sqrt(max(power * (1 - power), 1 / _FORTUNES) / _FORTUNES),
            days=None if requests is None or self.per_day is None else requests / self.per_day,
            extra_usd=None if requests is None or math.isnan(usd) else requests * usd,
            extra_quality=pool.gained["quality"],
        )

    def pool(self, epsilon: float) -> _Pool | str:
        """Scores of the candidate less what was done; or why there are none."""
        parts, weighed, sizes = [], [], []
        gained: dict[str, list[float]] = {"quality": [], "cost_usd": []}
        for draw in range(_DRAWS):
            rng = np.random.default_rng([self.options.seed, draw, int(1e6 * epsilon)])
            partial = _explored(self.log, self.usual, self.models, epsilon, rng)
            known = logged_decisions(partial)
            target = target_decisions(self.candidate.along(partial), known, self.candidate.name)
            single = known.one_call and target.one_call
            kind = estimator(
                DEFAULT_OF_ONE_CALL if single else DEFAULT_OF_PATHS,
                CrossFit(Ridge(), seed=self.options.seed),
            )
            if not draw and (refusal := kind.value(known, target, self.outcome).refusal):
                return refusal
            weights = path_weights(known, target)
            logged = known.outcome(self.outcome).logged
            each = kind.scores(known, target, self.outcome, weights).each - logged
            rest, size = _by_group(self.truth.sign * each, _codes(self.log))
            parts.append(rest)
            sizes.append(size)
            weighed.append(_sums(weights.total, _codes(self.log)))
            for name, means in gained.items():
                there = name in known.outcomes
                means.append(
                    float((known.outcome(name).logged - self.truth.current[name]).mean())
                    if there
                    else math.nan
                )
        return _Pool(
            np.concatenate(parts),
            np.concatenate(weighed),
            float(np.mean(sizes)),
            {name: float(np.mean(means)) for name, means in gained.items()},
        )


def _explored(
    log: Log, usual: PartialLog, models: Sequence[str], epsilon: float, rng: np.random.Generator
) -> PartialLog:
    """The partial log of `Explore` around a policy whose own calls are known.

    Where the draw falls on another first model than the policy's own, that one's answer is all.

    Args:
        log: complete.
        usual: what the policy does without exploring, on the same requests.
        models: drawn from, evenly.
    """
    n, columns = len(log), np.array([log.models.index(it) for it in models])
    starts = np.flatnonzero(np.diff(usual.request, prepend=-1))
    own = usual.model[starts]
    drawn = columns[rng.integers(len(columns), size=n)]
    other = (rng.random(n) < epsilon) & (drawn != own)
    kept, rows = np.flatnonzero(~other[usual.request]), np.flatnonzero(other)
    order = np.argsort(np.concatenate([usual.request[kept], rows]), kind="stable")
    share = epsilon / len(columns)
    chance = usual.propensity.astype(np.float64)
    chance[starts] *= 1 - epsilon + share

    def both(calls: Any, outcomes: Any) -> Any:
        return np.concatenate([calls[kept], outcomes[rows, drawn[rows]]])[order]

    def here(calls: Any, value: float) -> Any:
        return np.concatenate([calls[kept], np.full(len(rows), value)])[order]

    ended = np.ones(n) if usual.ended is None else usual.ended
    return replace(
        usual,
        request=np.concatenate([usual.request[kept], rows])[order],
        model=np.concatenate([usual.model[kept], drawn[rows]])[order],
        step=np.concatenate([usual.step[kept], np.zeros(len(rows), dtype=np.int64)])[order],
        propensity=here(chance, share),
        ended=np.where(other, 1.0, ended),
        **{
            name: both(getattr(usual, name), getattr(log, name))
            for name in (
                *("quality", "cost_usd", "latency_s", "prompt_tokens", "completion_tokens"),
                "error",
            )
        },
        signals={name: both(usual.signals[name], log.signals[name]) for name in usual.signals},
        extra_usd={
            name: both(usual.extra_usd[name], log.extra_usd[name]) for name in usual.extra_usd
        },
    )


def _by_group(scores: Floats, codes: Ints | None) -> tuple[Floats, float]:
    """Residuals of independent parts, and how many requests one has on average."""
    rest = scores - scores.mean()
    if codes is None:
        return rest, 1.0
    sums = np.bincount(codes, rest)
    return np.asarray(sums, dtype=np.float64), len(scores) / len(sums)


def _codes(log: Log) -> Ints | None:
    if log.requests.group is None:
        return None
    return np.unique(log.requests.group, return_inverse=True)[1].astype(np.int64)


def _sums(values: Floats, codes: Ints | None) -> Floats:
    """Sums by independent part."""
    return values if codes is None else np.asarray(np.bincount(codes, values), dtype=np.float64)


def _requests(pool: _Pool, above: float, options: PlanOptions) -> tuple[int | None, float]:
    """Requests until the decision falls with the power asked for, and the power they have.

    Args:
        above: by how much the true difference lies above the margin.
    """
    if above <= 0:
        return None, 0.0
    deviation = float(pool.rest.std()) / math.sqrt(pool.size)
    quantile = NormalDist().inv_cdf(options.power)
    guess = ((NORMAL + quantile) * deviation / above) ** 2
    low, high = pool.fewest / 4, max(pool.fewest, guess)
    while high < _LONGEST and _power(pool, above, high, options.seed) < options.power:
        low, high = high, 1.3 * high
    if high >= _LONGEST:
        return None, 0.0
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        if _power(pool, above, middle, options.seed) < options.power:
            low = middle
        else:
            high = middle
    requests = _round_up(high)
    return requests, _power(pool, above, requests, options.seed)


def _power(pool: _Pool, above: float, requests: float, seed: int) -> float:
    """Share of futures of so many requests in which the interval lies above the margin.

    A future with under 100 effective requests decides nothing: its interval is rough, and its
    outcome model knows less than that of the log.
    """
    units = max(2, round(requests / pool.size))
    rng = np.random.default_rng([seed, units])
    hits = 0
    for first, second, third, fourth, weight, squares in _futures(pool, units, rng):
        if weight**2 < FEW_REQUESTS * squares:
            continue
        mean, square = first / units, second / units
        spread = max(0.0, square - mean**2)  # rounding may leave less where all are the same
        skewed = third / units - 3 * mean * square + 2 * mean**3
        tails = fourth / units - 4 * mean * third / units + 6 * mean**2 * square - 3 * mean**4
        error = math.sqrt(spread / (units - 1)) / pool.size
        kurtosis = tails / spread**2 if spread else 1.0
        freedom = min(units - 1.0, 2 * units / max(kurtosis - 1, 2 * units / (units - 1)))
        skew = skewed / spread**1.5 / math.sqrt(units) if spread else 0.0
        found = ScoreMean(above + mean / pool.size, error, freedom, units, skew)
        hits += bool(found.ends[0] > 0)
    return hits / _FORTUNES


def _futures(pool: _Pool, units: int, rng: np.random.Generator) -> Iterator[Floats]:
    """(6,) sums of what was drawn: four powers of what is left of scores, weights, and squares.

    Of a long future the mean alone still varies, as a normal does.
    """
    rest, weights = pool.rest, pool.weights
    powers = np.stack([rest, rest**2, rest**3, rest**4, weights, weights**2], axis=1)
    if units <= _MOST_DRAWN:
        for _ in range(_FORTUNES):
            yield powers[rng.integers(len(rest), size=units)].sum(axis=0)
        return
    expected = powers.mean(axis=0) * units
    for deviation in rng.normal(0.0, float(rest.std()) * math.sqrt(units), _FORTUNES):
        yield expected + np.eye(6)[0] * deviation


def _scaled(requests: int | None, above: float, by: float, fewest: float) -> int | None:
    """Requests where the effect is larger by so much; they go with its inverse square."""
    if requests is None or above + by <= 0:
        return None
    return _round_up(max(requests * (above / (above + by)) ** 2, min(requests, fewest)))


def _round_up(number: float) -> int:
    """To two digits: a plan is not known better."""
    step = 10 ** max(0, len(str(math.ceil(number))) - 2)
    return int(math.ceil(number / step) * step)


def _pace(log: Log) -> float | None:
    """Requests a day; None where the log has no times."""
    times = log.requests.timestamp_s
    if times is None or np.isnan(times).all():
        return None
    seconds = float(np.nanmax(times) - np.nanmin(times))
    timed = int((~np.isnan(times)).sum())
    return timed / seconds * 86_400 if seconds > 0 else None


def _best(lines: Sequence[PlannedExploration], days: float | None) -> float | None:
    """The smallest share that is done in time, else the soonest that will do at all."""
    able = [it for it in lines if it.requests is not None]
    if days is not None:
        in_time = [it for it in able if it.days is not None and it.days <= days]
        return min((it.epsilon for it in in_time), default=None)
    return min(able, key=lambda it: it.requests or 0).epsilon if able else None


def _reason(plan: ExplorationPlan, options: PlanOptions) -> str:
    """Why no share of exploration will do."""
    if plan.best is not None:
        return ""
    refused = [it.refusal for it in plan.options if it.refusal]
    if len(refused) == len(plan.options):
        return refused[0]
    able = [it for it in plan.options if it.requests is not None]
    if able:
        soonest = min(able, key=lambda it: it.requests or 0)
        if soonest.days is None:
            return "nobody knows how many requests come in a day; say it as `per_day`"
        return (
            f"no share is done in {options.days:g} days; the soonest, {soonest.epsilon:g}, takes"
            f" {soonest.days:.1f}"
        )
    return (
        f"the candidate is better by {plan.effect:.4g} and exploring traffic takes its part of"
        f" that, so it is not better by more than {options.margin:.4g}, or by too little for a"
        " billion requests to show; no number of requests shows what is not so"
    )


def _notes(plan: ExplorationPlan, log: Log, left: int, options: PlanOptions) -> Iterator[str]:
    if left:
        yield f"{left:,} requests on which an outcome is not known are left out"
    low, high = plan.effect_ci
    if options.effect is None and low <= options.margin:
        yield (
            f"on {len(log):,} requests the log itself does not show that the candidate is better by"
            f" more than {options.margin:.4g} ({low:.4g} to {high:.4g}): the effect may be smaller"
            " than planned for, and the plan too short; see the ranges"
        )
    yield (
        "power holds if the effect is as planned for and requests to come are like those of the"
        " log; simulated from"
        f" {len(log):,} requests, each decided {_DRAWS} times"
    )
