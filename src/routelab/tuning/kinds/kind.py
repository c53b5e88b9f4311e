"""The two steps of tuning a kind of policy that learns: fit its scorers, propose policies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from routelab.core import Policy
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.scorer_fits import ScorerFits


class LearnedKind(NamedTuple):
    """How to tune a kind of policy that learns.

    Attributes:
        learn: fits the scorers that the kind names.
        propose: yields policies to compare; scores at hand are of fits that never saw the rows.
        searches: whether what is proposed depends on how the requests turned out; if so, it is
            proposed anew for every fold that it is compared on.
        parted: yields the policies over some models that the tasks, tenants or priorities of a
            conditional policy choose among; None takes all that is proposed.
    """

    learn: Callable[[ScorerFits], None]
    propose: Callable[[ProposalInputs], Iterable[Policy]]
    searches: bool = False
    parted: Callable[[ProposalInputs, Sequence[str]], Iterable[Policy]] | None = None
