"""Asking: what is planned, what is sent, what it costs, and how a run ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.collect.asking.collector import Collector
    from routelab.collect.asking.options import SELF_CHECK, CollectOptions
    from routelab.collect.asking.plan import ArmPlan, CollectionPlan
    from routelab.collect.asking.run import CollectResult, collect, plan_collection
    from routelab.collect.asking.standing import ArmStanding, CollectionStanding
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ArmPlan": "plan",
            "ArmStanding": "standing",
            "CollectOptions": "options",
            "CollectResult": "run",
            "CollectionPlan": "plan",
            "CollectionStanding": "standing",
            "Collector": "collector",
            "SELF_CHECK": "options",
            "collect": "run",
            "plan_collection": "run",
        },
    )

__all__ = [
    "SELF_CHECK",
    "ArmPlan",
    "ArmStanding",
    "CollectOptions",
    "CollectResult",
    "CollectionPlan",
    "CollectionStanding",
    "Collector",
    "collect",
    "plan_collection",
]
