"""Traffic that comes faster for a while."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core import Floats
from routelab.simulate.scenario import Surge


def surged_arrivals(at_s: Floats, surges: Sequence[Surge]) -> Floats:
    """Arrivals (k,) with every surge's factor on their rate while it lasts.

    The same requests come, sooner: time is stretched so that `factor` seconds' worth of arrivals
    fall into each second of a surge. Surges that overlap multiply.

    Args:
        at_s: (k,) seconds from the first arrival, ascending.
        surges: times and factors.
    """
    if not surges:
        return at_s
    edges = np.unique([0.0, *(end for surge in surges for end in (surge.from_s, surge.to_s))])
    middle = np.append((edges[:-1] + edges[1:]) / 2.0, edges[-1] + 1.0)
    factors = np.ones(len(middle))
    for surge in surges:
        factors[(surge.from_s <= middle) & (middle < surge.to_s)] *= surge.factor
    arrived = np.append(0.0, np.cumsum(np.diff(edges) * factors[:-1]))
    segment = np.searchsorted(arrived, at_s, side="right") - 1
    return np.asarray(edges[segment] + (at_s - arrived[segment]) / factors[segment])
