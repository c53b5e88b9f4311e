"""A logged request, as it is asked of a router."""

from __future__ import annotations

from typing import Any

from routelab.core.request import Request


def options_of(request: Request) -> dict[str, Any]:
    """Everything of a request but its messages, as options of `AsyncRouter.route`."""
    return {
        "id": request.id,
        "task": request.task,
        "tenant": request.tenant,
        "priority": request.priority,
        "needs": request.needs,
        "max_cost_usd": request.max_cost_usd,
        "deadline_s": request.deadline_s,
    }
