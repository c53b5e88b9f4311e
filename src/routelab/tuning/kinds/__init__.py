"""How each kind of policy is searched.

A new kind that learns is one file, a line in `registry`, and its name in
`routelab.tuning.tuners.LEARNED`.

Other packages bring theirs by entry points of the group `routelab.tuners`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.tuning.kinds import cascade, conditional, recipe_search, task_mean
    from routelab.tuning.kinds.cascade import CascadeSearch
    from routelab.tuning.kinds.cascade_space import Cascades, ThresholdsByModel, Trial
    from routelab.tuning.kinds.holdout import BLOCKS, BUDGETS, FOLDS, HeldOut, Holdout
    from routelab.tuning.kinds.kind_learning import LearnedKinds, NothingLearnedError, learned_kinds
    from routelab.tuning.kinds.proposals import ProposalInputs
    from routelab.tuning.kinds.registry import KINDS, LearnedKind, tuner
    from routelab.tuning.kinds.scorer_fits import ScorerFits
    from routelab.tuning.kinds.search_summary import SearchSummary
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "BLOCKS": "holdout",
            "BUDGETS": "holdout",
            "FOLDS": "holdout",
            "CascadeSearch": "cascade",
            "Cascades": "cascade_space",
            "ThresholdsByModel": "cascade_space",
            "HeldOut": "holdout",
            "Holdout": "holdout",
            "KINDS": "registry",
            "LearnedKind": "registry",
            "LearnedKinds": "kind_learning",
            "NothingLearnedError": "kind_learning",
            "ProposalInputs": "proposals",
            "ScorerFits": "scorer_fits",
            "SearchSummary": "search_summary",
            "Trial": "cascade_space",
            "cascade": "",
            "conditional": "",
            "learned_kinds": "kind_learning",
            "recipe_search": "",
            "task_mean": "",
            "tuner": "registry",
        },
    )

__all__ = [
    "BLOCKS",
    "BUDGETS",
    "FOLDS",
    "KINDS",
    "CascadeSearch",
    "Cascades",
    "HeldOut",
    "Holdout",
    "LearnedKind",
    "LearnedKinds",
    "NothingLearnedError",
    "ProposalInputs",
    "ScorerFits",
    "SearchSummary",
    "ThresholdsByModel",
    "Trial",
    "cascade",
    "conditional",
    "learned_kinds",
    "recipe_search",
    "task_mean",
    "tuner",
]
