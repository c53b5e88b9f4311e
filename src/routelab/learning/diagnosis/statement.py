"""A statement on whether a classifier learned more than to recognise the task."""

from __future__ import annotations

from routelab.learning.diagnosis.ranking import Ranking

RANDOM = 0.5
"""APGR of random routing."""

HALF = 0.5


def learned_the_task(at_random: Ranking, left_out: Ranking) -> bool | None:
    """Whether less than half of the lead over random routing is left on unseen tasks.

    None where one of the two cannot be judged, or where there is no lead at all.
    """
    known, new = at_random.apgr.value, left_out.apgr.value
    if known is None or new is None or known <= RANDOM:
        return None
    return new - RANDOM < HALF * (known - RANDOM)


def statement(at_random: Ranking, left_out: Ranking) -> str:
    """What the two splits say together, with the figures."""
    known, new = at_random.apgr, left_out.apgr
    if known.value is None:
        return f"The pair cannot be ranked: {known.reason}."
    if new.value is None:
        return f"APGR is {known.value:.3f}; unseen tasks cannot be judged: {new.reason}."
    if known.value <= RANDOM:
        return f"APGR is {known.value:.3f}: no better than random routing (0.5)."
    figures = f"APGR is {known.value:.3f}, on tasks that it never saw {new.value:.3f}"
    means = at_random.baselines.get("task mean")
    beside = "" if means is None or means.value is None else f"; task means reach {means.value:.3f}"
    left = max(0.0, new.value - RANDOM) / (known.value - RANDOM)
    share = f"{left:.0%} of its lead over random routing"
    if learned_the_task(at_random, left_out):
        return f"The classifier mostly learned the task: {figures}, {share}{beside}."
    return f"The classifier tells requests of unseen tasks apart too: {figures}, {share}{beside}."
