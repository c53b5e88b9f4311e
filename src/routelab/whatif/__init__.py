"""What-if questions: a policy under other prices, models or latencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.whatif.break_even import Escalation, escalations, trade_off
    from routelab.whatif.repriced import Repriced, Retuned, reprice
    from routelab.whatif.world import RepricedWorld
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Escalation": "break_even",
            "Repriced": "repriced",
            "RepricedWorld": "world",
            "Retuned": "repriced",
            "escalations": "break_even",
            "reprice": "repriced",
            "trade_off": "break_even",
        },
    )

__all__ = [
    "Escalation",
    "Repriced",
    "RepricedWorld",
    "Retuned",
    "escalations",
    "reprice",
    "trade_off",
]
