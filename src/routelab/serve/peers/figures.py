"""The metrics of one process of a server, and of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from routelab.runtime.metrics import Snapshot, merged_snapshots
from routelab.serve.peers.spending import SpendingCount, summed_spending


class GatewayFigures(msgspec.Struct, frozen=True):
    """What a process has counted.

    Attributes:
        snapshot: of its routers.
        totals: of the gateway, with labels in front.
        under_way: requests.
        spending: by policy and tenant.
    """

    snapshot: Snapshot
    totals: tuple[tuple[tuple[str, ...], int], ...] = ()
    under_way: int = 0
    spending: tuple[SpendingCount, ...] = ()

    def ended(self) -> GatewayFigures:
        """What is left of it once the process is gone: counts, and nothing that is under way."""
        log = self.snapshot.log
        if log is not None:
            log = msgspec.structs.replace(log, queued=0, error=None)
        gone = self.snapshot.with_state(breakers={}, waiting=0, log=log)
        return msgspec.structs.replace(self, snapshot=gone, under_way=0)


def summed(parts: Sequence[GatewayFigures]) -> GatewayFigures:
    """The figures of several processes as those of one.

    Args:
        parts: at least one.
    """
    if len(parts) == 1:
        return parts[0]
    totals: Counter[tuple[str, ...]] = Counter()
    for part in parts:
        for labels, count in part.totals:
            totals[labels] += count
    return GatewayFigures(
        merged_snapshots([part.snapshot for part in parts]),
        tuple(sorted(totals.items())),
        sum(part.under_way for part in parts),
        summed_spending(part.spending for part in parts),
    )
