"""How policies say in plain words what they do with their numbers."""

from __future__ import annotations

from collections.abc import Iterable

from routelab.core.messages import number


def less_cost(weight: float) -> str:
    """What is taken off a predicted quality for a cost."""
    if not weight:
        return ", whatever it costs"
    return (
        f" minus {number(weight)} times its cost in USD: a point of quality is worth"
        f" {number(10 / weight)} USD per 1,000 requests"
    )


def within(where: str, steps: Iterable[str]) -> str:
    """What a policy inside another does, as one step."""
    said = " ".join(steps)
    return f"{where}: {said[:1].lower()}{said[1:]}"
