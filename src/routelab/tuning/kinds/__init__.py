"""Kinds of policy and how each is searched. A new kind that learns is one file, a line in
`registry`, and its name in `routelab.tuning.tuners.LEARNED`.

Other packages bring theirs by entry points of the group `routelab.tuners`.
"""

from __future__ import annotations

from routelab.tuning.kinds.kind import LearnedKind
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.registry import KINDS, tuner
from routelab.tuning.kinds.scorer_fits import ScorerFits

__all__ = ["KINDS", "LearnedKind", "ProposalInputs", "ScorerFits", "tuner"]
