"""Search policy and engine together for objectives that a simulated day must keep.

A replay knows no queue, no retry and no outage; so thresholds, balancing, timeouts and retries
are tried on simulated days of tune, few of them, beginning with the front that was tuned
exactly. The chosen setting is judged on a day of test, which nothing was chosen on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.tuning.slo.space import EngineSpace, SloDemands, check_alone
    from routelab.tuning.slo.study import tuned_for
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "EngineSpace": "space",
            "SloDemands": "space",
            "check_alone": "space",
            "tuned_for": "study",
        },
    )

__all__ = [
    "EngineSpace",
    "SloDemands",
    "check_alone",
    "tuned_for",
]
