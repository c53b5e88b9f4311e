"""How much quality to ask for on tune, so that enough is left on rows not chosen on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core import Floats, Policy
from routelab.tuning.kinds import Holdout
from routelab.tuning.objectives import ENOUGH

SHARES = (ENOUGH, 0.985, 0.99, 0.995, 1.0)
"""Of the best model's quality on tune, what may be asked for."""


def share_asked_for(holdout: Holdout, refits: Sequence[Sequence[Policy]], best: Policy) -> float:
    """The least of `SHARES` that leaves `ENOUGH` on folds that were not chosen on.

    What costs least at some quality on tune is the luckiest policy there, and has less quality
    elsewhere. For each fold, the cheapest policy with a share of the best model's quality on the
    other folds is judged on that fold. Where no share leaves enough, the one that leaves most.

    Args:
        holdout: means of policies on tune, by fold.
        refits: for each fold, policies that were proposed without it, single models among them.
        best: candidate alone.
    """
    reference = holdout.sums([best])[0, :, 1]
    left = {share: _left(holdout, refits, reference, share) for share in SHARES}
    whole = float(reference.sum())
    enough = [share for share, quality in left.items() if quality >= ENOUGH * whole]
    return min(enough, default=max(SHARES, key=lambda share: (left[share], share)))


def _left(
    holdout: Holdout, refits: Sequence[Sequence[Policy]], reference: Floats, share: float
) -> float:
    """Sum of quality, on each fold, of what was cheapest with this share on the others."""
    total = 0.0
    for fold, policies in enumerate(refits):
        sums = holdout.sums(policies)
        rest = sums.sum(axis=1) - sums[:, fold]
        able = np.flatnonzero(rest[:, 1] >= share * (reference.sum() - reference[fold]))
        if not len(able):
            total += float(reference[fold])
            continue
        # Of equal cost the better one.
        at = able[np.lexsort((-rest[able, 1], rest[able, 0]))[0]]
        total += float(sums[at, fold, 1])
    return total
