"""Ask live models about real requests, keep every paid answer, and end in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.collect.asking import (
        SELF_CHECK,
        ArmPlan,
        ArmStanding,
        CollectionPlan,
        CollectionStanding,
        CollectOptions,
        Collector,
        CollectResult,
        collect,
        plan_collection,
    )
    from routelab.collect.grading import grade_collection
    from routelab.collect.storage import (
        AskedCell,
        CollectedCell,
        CollectedRequest,
        Collection,
        is_collection,
        write_log,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ArmPlan": "asking",
            "ArmStanding": "asking",
            "AskedCell": "storage",
            "CollectOptions": "asking",
            "CollectResult": "asking",
            "CollectedCell": "storage",
            "CollectedRequest": "storage",
            "Collection": "storage",
            "CollectionPlan": "asking",
            "CollectionStanding": "asking",
            "Collector": "asking",
            "SELF_CHECK": "asking",
            "collect": "asking",
            "grade_collection": "grading",
            "is_collection": "storage",
            "plan_collection": "asking",
            "write_log": "storage",
        },
    )

__all__ = [
    "SELF_CHECK",
    "ArmPlan",
    "ArmStanding",
    "AskedCell",
    "CollectOptions",
    "CollectResult",
    "CollectedCell",
    "CollectedRequest",
    "Collection",
    "CollectionPlan",
    "CollectionStanding",
    "Collector",
    "collect",
    "grade_collection",
    "is_collection",
    "plan_collection",
    "write_log",
]
