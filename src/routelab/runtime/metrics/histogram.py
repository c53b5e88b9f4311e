"""A histogram whose quantiles are within one percent, whatever the scale."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

import msgspec

RELATIVE_ERROR = 0.01
_GROWTH = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR)
_SCALE = 1.0 / math.log(_GROWTH)
_LEAST, _MOST = 1e-9, 1e9
"""Smaller values count as zero, larger ones as the largest."""
_LARGEST = math.ceil(math.log(_MOST) * _SCALE)
_ZERO = -_LARGEST - 1
NANO = 1_000_000_000
_log, _ceil = math.log, math.ceil


class Distribution(msgspec.Struct, frozen=True):
    """Count, sum and quantiles of the values of a histogram.

    Attributes:
        count: values.
        sum: exact to a billionth for each value, in whatever order they came.
        min, max, p50, p95, p99: None without values; P95 is within 1 % of the least value that
            95 % of all do not exceed.
        buckets: counts by index; index i holds values up to 1.0202... ** i.
    """

    count: int = 0
    sum: float = 0.0
    min: float | None = None
    max: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    buckets: Mapping[int, int] = {}

    def at_most(self, bound: float) -> int:
        """How many values are at most `bound`, which is moved by at most 2 %."""
        last = _index(bound)
        return sum(count for index, count in self.buckets.items() if index <= last)


class Histogram:
    """Counts values in buckets that grow by 2 %; at most about 2,100 of them.

    Source: DDSketch, arXiv 1908.10693, with fixed bounds instead of collapsing buckets.
    """

    __slots__ = ("_buckets", "_max", "_min", "_sum")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._sum = 0
        self._min, self._max = math.inf, -math.inf

    def add(self, value: float) -> None:
        """Count a value; NaN, which is not known, is not counted."""
        if _LEAST <= value <= _MOST:
            index = _ceil(_log(value) * _SCALE)
        elif value != value:
            return
        else:
            value = _MOST if value > _MOST else 0.0
            index = _LARGEST if value else _ZERO
        buckets = self._buckets
        buckets[index] = buckets.get(index, 0) + 1
        self._sum += int(value * NANO + 0.5)
        if value < self._min:
            self._min = value
        if value > self._max:
            self._max = value

    def merge_distribution(self, distribution: Distribution) -> None:
        """Count what another histogram had counted when this was made of it."""
        for index, count in distribution.buckets.items():
            self._buckets[index] = self._buckets.get(index, 0) + count
        self._sum += round(distribution.sum * NANO)
        if distribution.min is not None and distribution.max is not None:
            self._min = min(self._min, distribution.min)
            self._max = max(self._max, distribution.max)

    def merge(self, other: Histogram) -> None:
        """Count what another one counted; the same as if each value had been added here."""
        for index, count in other._buckets.items():
            self._buckets[index] = self._buckets.get(index, 0) + count
        self._sum += other._sum
        self._min, self._max = min(self._min, other._min), max(self._max, other._max)

    def include(self, distribution: Distribution) -> None:
        """Count the values of a distribution, as `merge` does those of a histogram."""
        for index, count in distribution.buckets.items():
            self._buckets[index] = self._buckets.get(index, 0) + count
        self._sum += round(distribution.sum * NANO)
        if distribution.min is not None and distribution.max is not None:
            self._min, self._max = (
                min(self._min, distribution.min),
                max(self._max, distribution.max),
            )

    def quantile(self, q: float) -> float:
        """The least value that a share q of all do not exceed, within 1 %; NaN without values."""
        return self._quantiles(sorted(self._buckets.items()), q)[0] if self._buckets else math.nan

    def distribution(self) -> Distribution:
        """Count, sum, quantiles and buckets, as plain data."""
        if not self._buckets:
            return Distribution()
        buckets = sorted(self._buckets.items())
        p50, p95, p99 = self._quantiles(buckets, 0.50, 0.95, 0.99)
        return Distribution(
            count=sum(count for _, count in buckets),
            sum=self._sum / NANO,
            min=self._min,
            max=self._max,
            p50=p50,
            p95=p95,
            p99=p99,
            buckets=dict(buckets),
        )

    def _quantiles(self, buckets: list[tuple[int, int]], *shares: float) -> list[float]:
        """Values that these shares of all do not exceed."""
        up_to = list(accumulate(count for _, count in buckets))
        ranks = (max(1, math.ceil(share * up_to[-1])) for share in shares)
        return [self._value(buckets[bisect_left(up_to, rank)][0]) for rank in ranks]

    def _value(self, index: int) -> float:
        """Of a bucket: as far from its lower as from its upper end, in proportion."""
        if index == _ZERO:
            return 0.0
        middle = 2.0 * _GROWTH**index / (_GROWTH + 1.0)
        return min(max(middle, self._min), self._max)


def _index(value: float) -> int:
    if value < _LEAST:
        return _ZERO
    return min(_LARGEST, math.ceil(math.log(value) * _SCALE))
