"""What each model of a policy is asked for, and what of it is thrown away."""

from __future__ import annotations

import numpy as np

from routelab.core import Policy
from routelab.replay.breakdown.shape import StageUse
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.engine import table_of
from routelab.replay.request_cache import bounded, calls_usd
from routelab.replay.result import Replay


def stages(policy: Policy, replay: Replay, comparison: ComparisonSet) -> tuple[StageUse, ...]:
    """Calls and cost by model, in the policy's order.

    Empty for a kind of policy without a batch form, and where requests have bounds: then calls
    are not listed.

    Args:
        replay: of this policy on this comparison.
    """
    log = comparison.log
    table = table_of(
        policy, log, catalogue=comparison.catalogue, seed=comparison.seed, cache=comparison.cache
    )
    made = None if bounded(log).any() else policy.replay_batch(table)
    if made is None:
        return ()
    n, m = len(log), len(log.models)
    calls, usd, discarded = np.zeros(m, dtype=np.int64), np.zeros(m), np.zeros(m)
    for stage in (it for it in made if not it.again):
        column, asked = stage.model, stage.rows
        paid = np.where(asked, calls_usd(log, stage.needs, (slice(None), column)), 0.0)
        calls[column] += np.count_nonzero(asked)
        usd[column] += paid.sum()
        discarded[column] += paid[replay.answered != column].sum()
    delivered = np.bincount(replay.answered + 1, minlength=m + 1)[1:]
    return tuple(
        StageUse(
            model=name,
            calls=int(calls[column]),
            delivered=int(delivered[column]),
            usd_per_1k=1000 * float(usd[column]) / n,
            discarded_usd_per_1k=1000 * float(discarded[column]) / n,
        )
        for name, column in ((name, log.models.index(name)) for name in policy.models_used)
    )
