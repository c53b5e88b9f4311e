"""What the processes of one server share: limits, requests under way, metrics, open decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.peers.exchange import PeerExchange, PeerHandler
    from routelab.serve.peers.figure_store import FigureStore
    from routelab.serve.peers.figures import GatewayFigures, summed
    from routelab.serve.peers.peers import Alone, Peers, WorkerPeers
    from routelab.serve.peers.seat import ProcessParts, WorkerSeat, process_parts
    from routelab.serve.peers.slot_table import SlotTable
    from routelab.serve.peers.spending import SpendingCount, SpendingCounter
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Alone": "peers",
            "FigureStore": "figure_store",
            "GatewayFigures": "figures",
            "PeerExchange": "exchange",
            "PeerHandler": "exchange",
            "Peers": "peers",
            "ProcessParts": "seat",
            "SlotTable": "slot_table",
            "SpendingCount": "spending",
            "SpendingCounter": "spending",
            "WorkerPeers": "peers",
            "WorkerSeat": "seat",
            "process_parts": "seat",
            "summed": "figures",
        },
    )

__all__ = [
    "Alone",
    "FigureStore",
    "GatewayFigures",
    "PeerExchange",
    "PeerHandler",
    "Peers",
    "ProcessParts",
    "SlotTable",
    "SpendingCount",
    "SpendingCounter",
    "WorkerPeers",
    "WorkerSeat",
    "process_parts",
    "summed",
]
