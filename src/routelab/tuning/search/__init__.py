"""The randomised search: trials, samplers that draw them, their storage, and processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.tuning.search import trial_loop
    from routelab.tuning.search.parallel import SearchResult, search
    from routelab.tuning.search.trial_loop import (
        Categorical,
        Direction,
        FinishedTrial,
        FloatRange,
        IntRange,
        Plan,
        TrialOutcome,
        run_trials,
    )
    from routelab.tuning.search.trial_store import (
        StorageLocation,
        TrialStore,
        note_result,
        recorded_about,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Categorical": "trial_loop",
            "Direction": "trial_loop",
            "FinishedTrial": "trial_loop",
            "FloatRange": "trial_loop",
            "IntRange": "trial_loop",
            "Plan": "trial_loop",
            "SearchResult": "parallel",
            "StorageLocation": "trial_store",
            "TrialOutcome": "trial_loop",
            "TrialStore": "trial_store",
            "note_result": "trial_store",
            "recorded_about": "trial_store",
            "run_trials": "trial_loop",
            "search": "parallel",
            "trial_loop": "",
        },
    )

__all__ = [
    "Categorical",
    "Direction",
    "FinishedTrial",
    "FloatRange",
    "IntRange",
    "Plan",
    "SearchResult",
    "StorageLocation",
    "TrialOutcome",
    "TrialStore",
    "note_result",
    "recorded_about",
    "run_trials",
    "search",
    "trial_loop",
]
