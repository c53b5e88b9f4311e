"""Kinds of policy that can be tuned, by name: those that ship, and those of named packages."""

from __future__ import annotations

from typing import Any

from routelab.core import Registry

CASCADE = "cascade"
"""Tuned by exact solvers and the randomised search; needs no scorer."""

TASK_MEAN = "task-mean"
"""The model that did best on the request's task, at its price; needs tasks and no scorer."""

LEARNED = ("tiers", "neighbors", "utility", "gain-cascade", "cascade-routing")
"""Kinds that learn, the simplest first; simpler are task means and the plain cascade."""

ONE_CALL = (TASK_MEAN, "utility")
"""Kinds that make one call and learn from any model's answers alone, as a partial log has them."""

CONDITIONAL = "conditional"
"""A policy for each task, tenant or priority, of the other kinds that are asked for."""

AUTO = "auto"
"""All of them, within a budget."""

CHOICES = (AUTO, TASK_MEAN, CASCADE, CONDITIONAL, *LEARNED)


def _lacks(_: str, it: object) -> str | None:
    """By its fields: importing the class would bring scikit-learn."""
    return (
        None
        if hasattr(it, "learn") and hasattr(it, "propose")
        else "is no routelab.tuning.kinds.LearnedKind"
    )


TUNERS: Registry[Any] = Registry(
    "routelab.tuners",
    "kind to tune",
    dict.fromkeys(CHOICES),  # how these are tuned is imported only where they are
    _lacks,
)
"""A package's own is a `routelab.tuning.kinds.LearnedKind` under the name of its kind of policy."""
