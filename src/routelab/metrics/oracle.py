"""The best that any choice of one model per request could have done."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints
from routelab.stats import align, matrix, same_shape, vector


def oracle(quality: npt.ArrayLike, cost: npt.ArrayLike) -> Ints:
    """(n,) column of the cheapest of the best models of each request, the first at equal cost.

    What it delivers is an upper bound for every router, and no router: it has seen the answers.

    Args:
        quality, cost: (n, m) of models on requests.
    Raises:
        ValueError: not (n, m) both, NaN or infinite.
    Source: RouterBench, arXiv 2403.12031.
    """
    qualities, costs = matrix("quality", quality), matrix("cost", cost)
    same_shape(quality=qualities, cost=costs)
    best = qualities == qualities.max(axis=1, keepdims=True)
    return np.asarray(np.where(best, costs, np.inf).argmin(axis=1), dtype=np.int64)


def regret(policy: npt.ArrayLike, quality: npt.ArrayLike) -> Floats:
    """(n,) quality that a policy left to the oracle on each request.

    Args:
        policy: (n,) quality of the policy's answers.
        quality: (n, m) of the models on the same requests.
    Raises:
        ValueError: not (n,) and (n, m), NaN or infinite.
    """
    answers, qualities = vector("policy", policy), matrix("quality", quality)
    align(policy=answers, quality=qualities)
    return np.asarray(qualities.max(axis=1) - answers)
