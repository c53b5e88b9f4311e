"""The place of a process in a server of several, and what it shares with the others there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from routelab.serve.config import GatewayLimits
from routelab.serve.limits import LimitKeeper
from routelab.serve.peers.peers import Alone, Peers, WorkerPeers
from routelab.serve.shared_parts import UnderWay


class WorkerSeat(msgspec.Struct, frozen=True):
    """The place of a process among those of a server.

    Attributes:
        folder: that they share, as long as the server runs.
        number: of the place, from 0; who replaces a process has its number.
        count: of places.
        name: of the process, which no other ever has.
    """

    folder: str
    number: int
    count: int
    name: str

    def socket(self, number: int) -> Path:
        """Where the process in a place is asked."""
        return Path(self.folder) / f"{number}.sock"

    def slots(self, name: str) -> Path:
        """A table that all share, "limits" or "requests"."""
        return Path(self.folder) / f"{name}.slots"


class ProcessParts(NamedTuple):
    """What holds over all processes of a server.

    Attributes:
        limits: of keys, tenants and priorities.
        under_way: the requests.
        peers: the other processes.
    """

    limits: LimitKeeper
    under_way: UnderWay
    peers: Peers


def process_parts(seat: WorkerSeat | None, limits: GatewayLimits) -> ProcessParts:
    """The parts of a process, which is alone where it has no seat among others."""
    if seat is None:
        alone = LimitKeeper(limits, time.monotonic, time.time)
        return ProcessParts(alone, UnderWay(), Alone())
    from routelab.serve.peers.shared_limits import SharedLimitKeeper, SharedUnderWay
    from routelab.serve.peers.slot_table import SlotTable  # which Windows has no locks for

    tables = [SlotTable(seat.slots(it), seat.count, seat.number) for it in ("limits", "requests")]
    return ProcessParts(
        SharedLimitKeeper(limits, time.monotonic, time.time, tables[0]),
        SharedUnderWay(tables[1]),
        WorkerPeers(Path(seat.folder), seat.number, seat.count, seat.name),
    )
