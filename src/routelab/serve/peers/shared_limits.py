"""Limits and ids of requests that hold over all processes of a server together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from routelab.serve.callers import Identity
from routelab.serve.config import GatewayLimits, LimitRule
from routelab.serve.limits import LimitKeeper, Use
from routelab.serve.peers.slot_table import SharedUse, SlotTable
from routelab.serve.shared_parts import UnderWay


class SharedLimitKeeper(LimitKeeper):
    """Lets requests in as far as the limits allow, whichever process was asked before.

    Args:
        limits: of everybody, and of each.
        clock: seconds that only go on, the same for all processes.
        wall_clock: Unix seconds, for days.
        table: that the processes share.
    """

    def __init__(
        self,
        limits: GatewayLimits,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        table: SlotTable,
    ) -> None:
        super().__init__(limits, clock, wall_clock)
        self._table = table

    def enter(self, caller: Identity, priority: str) -> tuple[Use, ...]:
        with self._table.locked():
            return super().enter(caller, priority)

    def leave(self, entered: tuple[Use, ...], cost_usd: float) -> None:
        if entered:
            with self._table.locked():
                super().leave(entered, cost_usd)

    def _use(self, scope: str, name: str, rule: LimitRule, now_s: float) -> Use:
        found = self._table.use(f"{scope}\0{name}", self._first_room(rule), now_s)
        # where thousands of others are under way at once, one may hold for each process alone
        return found or super()._use(scope, name, rule, now_s)


class SharedUnderWay(UnderWay):
    """The requests under way in this process, and the ids of those in the others.

    Args:
        table: that the processes share.
    """

    def __init__(self, table: SlotTable) -> None:
        super().__init__()
        self._table = table
        self._slots: dict[tuple[str, str], SharedUse] = {}

    def __contains__(self, key: tuple[str, str]) -> bool:
        if super().__contains__(key):
            return True
        with self._table.locked():
            found = self._table.find("\0".join(key))
            return found is not None and found.under_way > 0

    def enter(self, tenant: str, request_id: str) -> None:
        super().enter(tenant, request_id)
        with self._table.locked():
            slot = self._table.use(f"{tenant}\0{request_id}", math.nan, time.monotonic())
            if slot is not None:
                slot.under_way += 1
                self._slots[tenant, request_id] = slot

    def leave(self, tenant: str, request_id: str) -> float:
        slot = self._slots.pop((tenant, request_id), None)
        if slot is not None:
            with self._table.locked():
                slot.under_way -= 1
        return super().leave(tenant, request_id)
