"""What a policy is worth in a world that has moved: other prices, models or latencies."""

from routelab.whatif.break_even import Escalation, escalations, trade_off
from routelab.whatif.repriced import Repriced, Retuned, reprice
from routelab.whatif.world import RepricedWorld

__all__ = [
    "Escalation",
    "Repriced",
    "RepricedWorld",
    "Retuned",
    "escalations",
    "reprice",
    "trade_off",
]
