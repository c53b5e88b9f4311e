"""Answers from a log that stands in for the models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.simulate.answers.candidates import asked_candidate, own_limit
    from routelab.simulate.answers.finder import Finder
    from routelab.simulate.answers.outcomes import NOT_LOGGED, Outcomes
    from routelab.simulate.answers.replay_error import ReplayError
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Finder": "finder",
            "NOT_LOGGED": "outcomes",
            "Outcomes": "outcomes",
            "ReplayError": "replay_error",
            "asked_candidate": "candidates",
            "own_limit": "candidates",
        },
    )

__all__ = [
    "NOT_LOGGED",
    "Finder",
    "Outcomes",
    "ReplayError",
    "asked_candidate",
    "own_limit",
]
