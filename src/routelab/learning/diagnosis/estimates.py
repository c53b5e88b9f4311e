"""Figures with their intervals, each saying why where it has no value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np

from routelab.core import Floats, Ints
from routelab.stats import interval

_T = TypeVar("_T")

ENOUGH = 0.5
"""Share of the resamples on which a figure must have a value before it gets an interval."""


class Estimate(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval.

    Attributes:
        value: None where the figure is undefined.
        low, high: the interval; None where there is none.
        reason: why there is no value or no interval.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""

    @property
    def ci(self) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True, eq=False)
class Draws:
    """Rows of each resample, drawn by group, the same for every figure of these rows.

    Attributes:
        groups: (n,) what is drawn together.
        count: of resamples.
        seed: of the draws.
    """

    groups: Ints
    count: int
    seed: int

    def figure(self, metric: Callable[..., float], *columns: Floats) -> Estimate:
        """What a metric says of columns (n,), with a percentile interval.

        A metric that raises ValueError, or yields NaN, has no value there.

        Args:
            metric: of the columns.
            columns: (n,) each, drawn together.
        """
        return self.figures(lambda *drawn: drawn, {"": lambda it: metric(*it)}, *columns)[""]

    def figures(
        self,
        make: Callable[..., _T],
        metrics: Mapping[str, Callable[[_T], float]],
        *columns: Floats,
    ) -> dict[str, Estimate]:
        """As `figure`, of several metrics of one thing, which is made once in each resample.

        Args:
            make: what metrics look at, of the columns.
            metrics: by name; each raises ValueError, or yields NaN, where it has no value.
            columns: (n,) each, drawn together.
        """
        try:
            whole = make(*columns)
        except ValueError as error:
            return {name: Estimate(None, reason=str(error)) for name in metrics}
        found = {name: self._whole(metric, whole) for name, metric in metrics.items()}
        open_ = {name: metrics[name] for name, it in found.items() if it.value is not None}
        resampled: dict[str, list[float]] = {name: [] for name in open_}
        for rows in self._rows() if open_ else ():
            try:
                drawn = make(*(column[rows] for column in columns))
            except ValueError:
                continue
            for name, metric in open_.items():
                resampled[name].append(_value(metric, drawn))
        return found | {
            name: self._with_interval(found[name], values) for name, values in resampled.items()
        }

    @staticmethod
    def _whole(metric: Callable[[_T], float], whole: _T) -> Estimate:
        try:
            value = float(metric(whole))
        except ValueError as error:
            return Estimate(None, reason=str(error))
        if np.isnan(value):
            return Estimate(None, reason="no share of calls reaches it")
        return Estimate(value)

    def _with_interval(self, whole: Estimate, resampled: Sequence[float]) -> Estimate:
        defined = [figure for figure in resampled if not np.isnan(figure)]
        if len(defined) < max(2, ENOUGH * self.count):
            return Estimate(whole.value, reason="undefined on most resamples")
        return Estimate(whole.value, *interval(defined))

    def take(self, rows: Ints) -> Draws:
        """Resamples of some of the rows."""
        return Draws(self.groups[rows], self.count, self.seed)

    def _rows(self) -> list[Ints]:
        rng = np.random.default_rng(self.seed)
        _, code = np.unique(self.groups, return_inverse=True)
        order = np.argsort(code, kind="stable")
        size = np.bincount(code)
        start = np.cumsum(size) - size
        return [
            self._expand(rng.integers(len(size), size=len(size)), order, start, size)
            for _ in range(self.count)
        ]

    @staticmethod
    def _expand(drawn: Ints, order: Ints, start: Ints, size: Ints) -> Ints:
        """Rows of the drawn groups."""
        long = size[drawn]
        begins = np.cumsum(long) - long
        offset = np.arange(int(long.sum())) - np.repeat(begins, long)
        return np.asarray(order[np.repeat(start[drawn], long) + offset])


def _value(metric: Callable[[_T], float], drawn: _T) -> float:
    try:
        return float(metric(drawn))
    except ValueError:
        return float("nan")
