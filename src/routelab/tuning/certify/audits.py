"""Requests that something can be proved on: those of which every outcome was observed."""

from __future__ import annotations

import numpy as np

from routelab.errors import TuningError
from routelab.replay import ComparisonSet


def provable(part: ComparisonSet) -> ComparisonSet:
    """A part's rows; of a partial log those that were audited, on which every model answered.

    Doubly robust scores of the others leave the range that bets take for granted.

    Args:
        part: to prove something on.
    Raises:
        TuningError: no request of it was audited.
    """
    seen = part.log.seen
    if seen is None:
        return part
    audit = seen.requests.audit
    rows = np.arange(0) if audit is None else np.flatnonzero(audit)
    if not len(rows):
        raise TuningError(
            f"{part.log.name}: on no request of the {part.part} part every candidate answered, so"
            " that there is nothing to prove a certificate on; audit more requests, at random"
        )
    return part.some(rows)
