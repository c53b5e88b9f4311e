"""What a policy is worth in a world that has moved: other prices, models or latencies."""

from routelab.tuning.reprice.escalations import Escalation, escalations, trade_off
from routelab.tuning.reprice.repriced import Repriced, Retuned, reprice
from routelab.tuning.reprice.world import World

__all__ = [
    "Escalation",
    "Repriced",
    "Retuned",
    "World",
    "escalations",
    "reprice",
    "trade_off",
]
