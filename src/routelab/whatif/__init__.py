"""What-if questions: a policy under other prices, models or latencies, or in another's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.whatif.break_even import Escalation, escalations, trade_off
    from routelab.whatif.exploration_plan import (
        ExplorationPlan,
        PlannedExploration,
        PlanOptions,
        plan_exploration,
    )
    from routelab.whatif.partial_values import (
        PolicyToValue,
        PolicyValue,
        target_decisions,
        value,
    )
    from routelab.whatif.repricing import Repriced, Retuned, reprice
    from routelab.whatif.world import RepricedWorld
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Escalation": "break_even",
            "ExplorationPlan": "exploration_plan",
            "PlanOptions": "exploration_plan",
            "PlannedExploration": "exploration_plan",
            "PolicyToValue": "partial_values",
            "PolicyValue": "partial_values",
            "Repriced": "repricing",
            "RepricedWorld": "world",
            "Retuned": "repricing",
            "escalations": "break_even",
            "plan_exploration": "exploration_plan",
            "reprice": "repricing",
            "target_decisions": "partial_values",
            "trade_off": "break_even",
            "value": "partial_values",
        },
    )

__all__ = [
    "Escalation",
    "ExplorationPlan",
    "PlanOptions",
    "PlannedExploration",
    "PolicyToValue",
    "PolicyValue",
    "Repriced",
    "RepricedWorld",
    "Retuned",
    "escalations",
    "plan_exploration",
    "reprice",
    "target_decisions",
    "trade_off",
    "value",
]
