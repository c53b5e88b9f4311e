"""What a logging policy did, as the arrays that estimators read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from routelab.core import Bools, Floats, Ints
from routelab.errors import LogError

PropensitySource: TypeAlias = Literal["logged", "construction", "estimated"]
"""Where propensities come from: the log, the logging policy itself, or a fit to the log."""

_EXAMPLES = 3
"""Rows that a complaint names."""


class Outcome(NamedTuple):
    """One thing that a decision comes to, such as its quality.

    Attributes:
        at_end: (s,) what it comes to where a policy ends after this call; NaN = not observed.
        logged: (n,) what the logging policy's decision came to; NaN = not observed.
        of_answer: it belongs to the answer delivered; otherwise it grows from call to call, as cost
            does.
        low, high: what no decision can leave; infinite where nothing is known.
        labels: (s,) answers that each person's label stands for, 0 without one, where outcomes are
            a judge's corrected by labels: single ones may then leave the range. None: they are
            outcomes themselves.
    """

    at_end: Floats
    logged: Floats
    of_answer: bool = True
    low: float = 0.0
    high: float = 1.0
    labels: Floats | None = None


class LoggingPolicy(NamedTuple):
    """Everything that the logging policy might have done, where it is known by construction.

    Attributes:
        first: (n, m) probability of each model as the first call.
        after: (s, m) probability of each model as the next call, after this one.
        end: (s,) probability of ending after this call.
    """

    first: Floats
    after: Floats
    end: Floats


@dataclass(frozen=True, eq=False)
class LoggedDecisions:
    """Calls (s) that a logging policy made on requests (n), by request and then in call order.

    >>> import numpy as np
    >>> log = LoggedDecisions.of_choices(
    ...     ("small", "large"),
    ...     model=np.array([0, 1, 0, 0]),
    ...     propensity=np.array([0.75, 0.25, 0.75, 0.75]),
    ...     quality=np.array([0.0, 1.0, 1.0, 1.0]),
    ... )
    >>> len(log), log.one_call
    (4, True)

    Attributes:
        models: (m,) names.
        request: (s,) row of the call's request; every row has a call at least.
        model: (s,) index into `models`.
        propensity: (s,) probability of the call given the calls before it, in (0, 1].
        outcomes: by name: "quality" in [0, 1], "cost_usd" in USD, "latency_s" in seconds.
        ended: (n,) probability with which the logging policy ended where it did, given its calls;
            NaN where the log does not say. None: nowhere.
        groups: (n,) label of the session or user; rows of one are not independent. None: all are.
        task: (n,) number of the request's task, from 0; None for a single one.
        features: (n, d) finite numbers about each request, for outcome models.
        seen: (s, d) finite numbers about each answer, for outcome models of later calls.
        policy: what the logging policy might have done otherwise, where it is known.
        source: where the propensities come from.
    Raises:
        LogError: everything that is wrong, with rows and values.
    """

    models: tuple[str, ...]
    request: Ints
    model: Ints
    propensity: Floats
    outcomes: Mapping[str, Outcome]
    ended: Floats | None = None
    groups: npt.NDArray[Any] | None = None
    task: Ints | None = None
    features: Floats | None = None
    seen: Floats | None = None
    policy: LoggingPolicy | None = None
    source: PropensitySource = "logged"
    name: str = field(default="log", kw_only=True)

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise LogError(*(f"{self.name}: {it}" for it in problems))

    @classmethod
    def of_choices(
        cls,
        models: tuple[str, ...],
        model: Ints,
        propensity: Floats,
        quality: Floats,
        *,
        cost_usd: Floats | None = None,
        latency_s: Floats | None = None,
        **more: Any,
    ) -> LoggedDecisions:
        """A log in which every request has one call: a contextual bandit's.

        Args:
            models: (m,) names.
            model: (n,) called.
            propensity: (n,) of that call.
            quality: (n,) in [0, 1].
            cost_usd, latency_s: (n,) USD and seconds.
            more: other attributes.
        Raises:
            LogError: as the class.
        """
        outcomes = {"quality": Outcome(quality, quality)}
        for name, values in (("cost_usd", cost_usd), ("latency_s", latency_s)):
            if values is not None:
                outcomes[name] = Outcome(values, values, of_answer=False, high=np.inf)
        return cls(models, np.arange(len(model)), model, propensity, outcomes, **more)

    def __len__(self) -> int:
        return int(self.request[-1]) + 1

    @cached_property
    def one_call(self) -> bool:
        """Whether every request has one call."""
        return len(self.request) == len(self)

    @cached_property
    def starts(self) -> Ints:
        """(n,) index of each request's first call."""
        if self.one_call:
            return self.request
        return np.flatnonzero(np.diff(self.request, prepend=-1))

    @cached_property
    def ends(self) -> Ints:
        """(n,) index of each request's last call."""
        return np.append(self.starts[1:], len(self.request)) - 1

    @cached_property
    def place(self) -> Ints:
        """(s,) how many calls of the request come before."""
        return np.arange(len(self.request)) - self.starts[self.request]

    @cached_property
    def group_codes(self) -> Ints | None:
        """(n,) number of each request's group; None where every request is one of its own."""
        if self.groups is None:
            return None
        return np.unique(self.groups, return_inverse=True)[1].astype(np.int64)

    def outcome(self, name: str) -> Outcome:
        """One of the outcomes.

        Raises:
            LogError: the log does not have it.
        """
        if name not in self.outcomes:
            raise LogError(
                f"{self.name}: no outcome {name!r}; it has {', '.join(self.outcomes) or 'none'}"
            )
        return self.outcomes[name]

    def running(self, values: Floats, *, product: bool = False) -> Floats:
        """(s,) sums of values over a request's calls up to each, or products."""
        if self.one_call:
            return values
        total = np.array(values, dtype=np.float64)
        place, deepest = self.place, int(self.place.max())
        for depth in range(1, deepest + 1):
            here = np.flatnonzero(place == depth)
            before = total[here - 1]
            total[here] = before * total[here] if product else before + total[here]
        return total

    def take(self, rows: Ints) -> LoggedDecisions:
        """These requests (k,), in ascending order, with all their calls."""
        rows = np.sort(rows)
        new = np.full(len(self), -1, dtype=np.int64)
        new[rows] = np.arange(len(rows))
        calls = np.flatnonzero(new[self.request] >= 0)

        def of_rows(values: Any) -> Any:
            return None if values is None else values[rows]

        def of_calls(values: Any) -> Any:
            return None if values is None else values[calls]

        policy = self.policy
        return replace(
            self,
            request=new[self.request[calls]],
            model=self.model[calls],
            propensity=self.propensity[calls],
            outcomes={
                name: it._replace(
                    at_end=it.at_end[calls], logged=it.logged[rows], labels=of_calls(it.labels)
                )
                for name, it in self.outcomes.items()
            },
            ended=of_rows(self.ended),
            groups=of_rows(self.groups),
            task=of_rows(self.task),
            features=of_rows(self.features),
            seen=of_calls(self.seen),
            policy=None
            if policy is None
            else LoggingPolicy(policy.first[rows], policy.after[calls], policy.end[calls]),
        )


def _problems(log: LoggedDecisions) -> list[str]:
    """Everything that is wrong with the arrays of a log."""
    s, m = len(log.request), len(log.models)
    if not s:
        return ["no call; a policy is valued from one logged request at least"]
    steps = np.diff(log.request)
    if log.request[0] != 0 or bool(((steps < 0) | (steps > 1)).any()):
        return ["`request` must count requests from 0 in the order of the calls, without gaps"]
    n = int(log.request[-1]) + 1
    shapes = {
        "model": (log.model, (s,)),
        "propensity": (log.propensity, (s,)),
        "ended": (log.ended, (n,)),
        "groups": (log.groups, (n,)),
        "task": (log.task, (n,)),
        **{f"outcome {name}": (it.at_end, (s,)) for name, it in log.outcomes.items()},
        **{f"logged {name}": (it.logged, (n,)) for name, it in log.outcomes.items()},
    }
    wrong = [
        f"{name} has shape {np.shape(values)}; it must be {shape}"
        for name, (values, shape) in shapes.items()
        if values is not None and np.shape(values) != shape
    ]
    if wrong:
        return wrong
    p, known = log.propensity, _finite_or_none(log.ended)
    problems = [
        *_bad(
            np.isnan(p),
            p,
            "propensity",
            "give the probability of every call, or the logging policy",
        ),
        *_bad(
            ~np.isnan(p) & ~((p > 0) & (p <= 1)),
            p,
            "propensity",
            "the probability of a call that was made lies in (0, 1]",
        ),
        *_bad(
            (log.model < 0) | (log.model >= m),
            log.model,
            "model",
            f"the candidates are 0 to {m - 1}: {', '.join(log.models)}",
        ),
        *_bad(
            ~((known > 0) & (known <= 1)),
            known,
            "ended",
            "the probability of an end that came lies in (0, 1]; NaN where it is not known",
        ),
    ]
    for name, it in log.outcomes.items():
        if it.labels is not None:
            problems += _bad(np.isinf(it.at_end), it.at_end, name, "it is finite")
            continue
        outside = (it.at_end < it.low - 1e-9) | (it.at_end > it.high + 1e-9) | np.isinf(it.at_end)
        problems += _bad(outside, it.at_end, name, f"it lies in [{it.low:g}, {it.high:g}]")
    return problems


def _finite_or_none(values: Floats | None) -> Floats:
    """The values that are known, others as 1."""
    return np.ones(1) if values is None else np.where(np.isnan(values), 1.0, values)


def _bad(bad: Bools, values: npt.NDArray[Any], name: str, way_out: str) -> list[str]:
    """A complaint about the rows that are bad, with a few of them."""
    rows = np.flatnonzero(bad)
    if not len(rows):
        return []
    shown = ", ".join(f"{name}[{row}] is {values[row]:g}" for row in rows[:_EXAMPLES])
    more = f" (and {len(rows) - _EXAMPLES:,} more)" if len(rows) > _EXAMPLES else ""
    return [f"{shown}{more}; {way_out}"]
