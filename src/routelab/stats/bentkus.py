"""Hoeffding-Bentkus: a p-value for bounded means that does not adapt to their variance."""

from __future__ import annotations

import math

import numpy as np

from routelab.stats.bounded_sums import BoundedSums


def p_value(sample: BoundedSums, bound: float) -> float:
    """P-value of "the mean exceeds `bound`", exact at every sample size.

    The smaller of Hoeffding's and Bentkus' bound on how likely a mean as low as this one is.
    Far weaker than `routelab.stats.betting` where the variance is small.

    Source: Bates, Angelopoulos, Lei, Malik & Jordan 2021, "Distribution-free, risk-controlling
    prediction sets", section 3.1.
    """
    if bound <= sample.low:
        return 1.0
    if bound >= sample.high:
        return 0.0
    width, n = sample.high - sample.low, len(sample)
    excess = (sample.sums - sample.sizes * bound) / (sample.largest * width)
    null = (bound - sample.low) / width
    risk = min(1.0, max(0.0, math.fsum(excess) / n + null))
    hoeffding = math.exp(-n * _divergence(min(risk, null), null))
    bentkus = math.e * _binomial_cdf(math.ceil(n * risk - 1e-9), n, null)
    return min(1.0, hoeffding, bentkus)


def _divergence(a: float, b: float) -> float:
    """Kullback-Leibler, between coins that fall heads with probability a and b in (0, 1)."""
    first = a * math.log(a / b) if a > 0.0 else 0.0
    second = (1.0 - a) * math.log((1.0 - a) / (1.0 - b)) if a < 1.0 else 0.0
    return max(0.0, first + second)


def _binomial_cdf(k: int, n: int, p: float) -> float:
    """P(Binomial(n, p) <= k), summed in logarithms."""
    if k >= n:
        return 1.0
    steps = np.arange(1.0, k + 1.0)
    ratios = np.log((n - steps + 1.0) / steps) + math.log(p / (1.0 - p))
    terms = n * math.log1p(-p) + np.concatenate([[0.0], np.cumsum(ratios)])
    top = float(terms.max())
    return min(1.0, math.exp(top) * math.fsum(np.exp(terms - top)))
