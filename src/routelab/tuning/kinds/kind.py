"""What a study needs of a kind of policy that learns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from routelab.core import Policy
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.scorer_fits import ScorerFits


class LearnedKind(NamedTuple):
    """How to search a kind of policy.

    Attributes:
        learn: has the scorers fitted that the kind names, on the train part.
        propose: policies to compare on tune, where those scorers are at hand.
        parted: policies over some models that values of a column may choose among; None for
            all that is proposed.
        searches: whether what is proposed depends on how requests of tune turned out.
    """

    learn: Callable[[ScorerFits], None]
    propose: Callable[[ProposalInputs], Iterable[Policy]]
    searches: bool = False
    parted: Callable[[ProposalInputs, Sequence[str]], Iterable[Policy]] | None = None
