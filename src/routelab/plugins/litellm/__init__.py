"""LiteLLM: a policy chooses the model of its requests, and its traffic gets our decision log.

from routelab.plugins.litellm import DecisionLogger, PolicyRouting

routing = PolicyRouting("mine.policy")
logger = DecisionLogger("decisions")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.plugins.litellm.first_call import FirstCall, FirstCallDecider
    from routelab.plugins.litellm.hooks import DecisionLogger, PolicyRouting
    from routelab.plugins.litellm.traffic import (
        UnfitTrafficError,
        answered_request,
        failed_request,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "DecisionLogger": "hooks",
            "FirstCall": "first_call",
            "FirstCallDecider": "first_call",
            "PolicyRouting": "hooks",
            "UnfitTrafficError": "traffic",
            "answered_request": "traffic",
            "failed_request": "traffic",
        },
    )

__all__ = [
    "DecisionLogger",
    "FirstCall",
    "FirstCallDecider",
    "PolicyRouting",
    "UnfitTrafficError",
    "answered_request",
    "failed_request",
]
