"""Decisions alone: what a policy would call next, for gateways that make the calls themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.decisions.decider import DecisionState, PendingTurn, PolicyDecider
    from routelab.serve.decisions.outcomes import (
        MOST_REPORTED,
        Reported,
        ReportedOutcome,
        costs_usd,
        read_outcomes,
    )
    from routelab.serve.decisions.route_memory import OpenRoute, RouteMemory
    from routelab.serve.decisions.token import read_token, token_of
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "PolicyDecider": "decider",
            "DecisionState": "decider",
            "OpenRoute": "route_memory",
            "PendingTurn": "decider",
            "RouteMemory": "route_memory",
            "Reported": "outcomes",
            "ReportedOutcome": "outcomes",
            "MOST_REPORTED": "outcomes",
            "costs_usd": "outcomes",
            "read_outcomes": "outcomes",
            "read_token": "token",
            "token_of": "token",
        },
    )

__all__ = [
    "MOST_REPORTED",
    "DecisionState",
    "OpenRoute",
    "PendingTurn",
    "PolicyDecider",
    "Reported",
    "ReportedOutcome",
    "RouteMemory",
    "costs_usd",
    "read_outcomes",
    "read_token",
    "token_of",
]
