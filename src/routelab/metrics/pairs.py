"""How well a score tells which requests deserve the strong model of a pair.

A curve is linear between its points: scores that tie are escalated in random order, and
that line is the expectation.

Sources: RouteLLM, arXiv 2406.18665 (PGR, APGR, CPT); Jitkrittum et al. 2023,
arXiv 2307.02764 (deferral curves).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from routelab.core import Floats
from routelab.metrics.exact import exact_mean
from routelab.stats import align, ranking, vector


class DeferralCurve(NamedTuple):
    """Quality against the share of requests given to the strong model.

    Attributes:
        share: (n_points,) from 0 to 1, a point per distinct score and one for none.
        quality: (n_points,) mean quality over all requests.
    Source: Jitkrittum et al. 2023, arXiv 2307.02764.
    """

    share: Floats
    quality: Floats

    @property
    def area(self) -> float:
        """Mean quality over all shares."""
        return float(np.trapezoid(self.quality, self.share))

    @property
    def apgr(self) -> float:
        """Mean gap recovered over all shares of strong calls: 0.5 for random routing.

        Raises:
            ValueError: as `pgr`.
        Source: RouteLLM, arXiv 2406.18665.
        """
        return float(pgr(self.area, float(self.quality[0]), float(self.quality[-1])))

    def cpt(self, x: float) -> float:
        """Call-performance threshold: the smallest share of strong calls that recovers x.

        Args:
            x: share of the gap, for instance 0.5; the oracle recovers more than 1.
        Returns:
            A share in [0, 1]; NaN if no share recovers so much.
        Raises:
            ValueError: as `pgr`, or an x that is NaN.
        Source: RouteLLM, arXiv 2406.18665.
        """
        if np.isnan(x):
            raise ValueError("x is nan; it must be a share of the gap")
        recovered = pgr(self.quality, float(self.quality[0]), float(self.quality[-1]))
        reached = np.flatnonzero(recovered >= x)
        if not len(reached):
            return float("nan")
        first = int(reached[0])
        if first == 0:
            return 0.0
        step = slice(first - 1, first + 1)
        return float(np.interp(x, recovered[step], self.share[step]))

    def normalised_area(self, weak: Floats, strong: Floats) -> float:
        """The area on a scale where random is 0 and the oracle 1; worse than random is negative.

        Args:
            weak, strong: (n,) quality of each model on each request.
        Raises:
            ValueError: every request gains the same.
        Source: Jitkrittum et al. 2023, arXiv 2307.02764.
        """
        gains = np.subtract(strong, weak)
        if np.all(gains == gains[0]):
            raise ValueError(f"every request gains {gains[0]} by escalation; any order is as good")
        chance = random_area(weak, strong)
        return (self.area - chance) / (oracle_area(weak, strong) - chance)


def deferral_curve(
    scores: npt.ArrayLike, weak: npt.ArrayLike, strong: npt.ArrayLike
) -> DeferralCurve:
    """What quality results when the requests of highest score are escalated.

    Args:
        scores: (n,) escalated first where highest; a gain, or a confidence negated.
        weak, strong: (n,) quality of each model on each request.
    Raises:
        ValueError: not (n,) all, NaN, or infinite qualities.
    Source: Jitkrittum et al. 2023, arXiv 2307.02764.
    """
    order, low, high = ranking("scores", scores), vector("weak", weak), vector("strong", strong)
    align(scores=order, weak=low, strong=high)
    rows = np.argsort(-order, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(order[rows])), len(rows) - 1)
    gained = np.cumsum((high - low)[rows])[ends] / len(rows)
    start = exact_mean(low)
    quality = np.concatenate([[start], start + gained])
    quality[-1] = exact_mean(high)  # free of the rounding that the sum of gains collects
    return DeferralCurve(np.concatenate([[0.0], (ends + 1) / len(rows)]), quality)


def oracle_area(weak: npt.ArrayLike, strong: npt.ArrayLike) -> float:
    """Area under the deferral curve of the true gains: no score has a larger one.

    Args:
        weak, strong: (n,) quality of each model on each request.
    Raises:
        ValueError: as `deferral_curve`.
    """
    low, high = _qualities(weak, strong)
    return deferral_curve(high - low, low, high).area


def random_area(weak: npt.ArrayLike, strong: npt.ArrayLike) -> float:
    """Area under the expected deferral curve of a score that knows nothing.

    Args:
        weak, strong: (n,) quality of each model on each request.
    Raises:
        ValueError: as `deferral_curve`.
    """
    low, high = _qualities(weak, strong)
    return (exact_mean(low) + exact_mean(high)) / 2.0


def _qualities(weak: npt.ArrayLike, strong: npt.ArrayLike) -> tuple[Floats, Floats]:
    low, high = vector("weak", weak), vector("strong", strong)
    align(weak=low, strong=high)
    return low, high


def normalised_area(scores: npt.ArrayLike, weak: npt.ArrayLike, strong: npt.ArrayLike) -> float:
    """Deferral area on a scale where random is 0 and the oracle 1; worse than random is negative.

    Args:
        scores, weak, strong: (n,) as in `deferral_curve`.
    Raises:
        ValueError: as `deferral_curve`, or every request gains the same.
    Source: Jitkrittum et al. 2023, arXiv 2307.02764.
    """
    low, high = _qualities(weak, strong)
    return deferral_curve(scores, low, high).normalised_area(low, high)


def pgr(quality: npt.ArrayLike, weak: float, strong: float) -> Floats:
    """Performance gap recovered: 0 for the weak model, 1 for the strong one.

    Args:
        quality: any shape, mean quality of policies.
        weak, strong: mean quality of the models of the pair.
    Raises:
        ValueError: a strong model that is not better, so that there is no gap.
    """
    if not weak < strong:
        raise ValueError(
            f"no gap to recover: the strong model's quality is {strong}, the weak one's {weak}"
        )
    return np.asarray((np.asarray(quality, dtype=np.float64) - weak) / (strong - weak))


def apgr(scores: npt.ArrayLike, weak: npt.ArrayLike, strong: npt.ArrayLike) -> float:
    """Mean gap recovered over all shares of strong calls: 0.5 for random routing.

    Args:
        scores, weak, strong: (n,) as in `deferral_curve`.
    Raises:
        ValueError: as `deferral_curve` and `pgr`.
    Source: RouteLLM, arXiv 2406.18665.
    """
    return deferral_curve(scores, weak, strong).apgr


def cpt(scores: npt.ArrayLike, weak: npt.ArrayLike, strong: npt.ArrayLike, x: float) -> float:
    """Call-performance threshold: the smallest share of strong calls that recovers x of the gap.

    Args:
        scores, weak, strong: (n,) as in `deferral_curve`.
        x: share of the gap, for instance 0.5; the oracle recovers more than 1.
    Returns:
        A share in [0, 1]; NaN if no share recovers so much.
    Raises:
        ValueError: as `deferral_curve` and `pgr`, or an x that is NaN.
    Source: RouteLLM, arXiv 2406.18665.
    """
    return deferral_curve(scores, weak, strong).cpt(x)
