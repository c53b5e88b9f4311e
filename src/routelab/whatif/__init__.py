"""What-if questions: a policy under other prices, models or latencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.whatif.break_even import Escalation, escalations, trade_off
    from routelab.whatif.repricing import Repriced, Retuned, reprice
    from routelab.whatif.world import RepricedWorld
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Escalation": "break_even",
            "Repriced": "repricing",
            "RepricedWorld": "world",
            "Retuned": "repricing",
            "escalations": "break_even",
            "reprice": "repricing",
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
