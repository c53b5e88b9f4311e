"""Kinds of policy that learn, by name. A new kind is one file, and one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from routelab.core import Policy
from routelab.tuning.kinds import (
    cascade_routing,
    gain_cascade,
    neighbors,
    task_mean,
    tiers,
    utility,
)
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.scorer_fits import ScorerFits
from routelab.tuning.tuners import TUNERS


class LearnedKind(NamedTuple):
    """How to tune a kind of policy that learns.

    Attributes:
        learn: fits the scorers that the kind names.
        propose: yields policies to compare; scores at hand are of fits that never saw the rows.
        searches: whether what is proposed depends on how the requests turned out; if so, it is
            proposed anew for every fold that it is compared on.
        parted: yields the policies over some models that the tasks, tenants or priorities of a
            conditional policy choose among; None takes all that is proposed.
        flatters: whether what does best of what is proposed flatters itself, as it is picked among
            very many; of a kind that searches it always does.
    """

    learn: Callable[[ScorerFits], None]
    propose: Callable[[ProposalInputs], Iterable[Policy]]
    searches: bool = False
    parted: Callable[[ProposalInputs, Sequence[str]], Iterable[Policy]] | None = None
    flatters: bool = False


KINDS: Mapping[str, LearnedKind] = {
    "task-mean": LearnedKind(task_mean.learn, task_mean.propose),
    "tiers": LearnedKind(tiers.learn, tiers.propose, flatters=True),
    "neighbors": LearnedKind(neighbors.learn, neighbors.propose),
    "utility": LearnedKind(utility.learn, utility.propose),
    "gain-cascade": LearnedKind(
        gain_cascade.learn, gain_cascade.propose, searches=True, parted=gain_cascade.parted
    ),
    "cascade-routing": LearnedKind(cascade_routing.learn, cascade_routing.propose),
}


def tuner(kind: str) -> LearnedKind:
    """How a kind of policy that learns is tuned.

    Args:
        kind: of this package, or of another one in use.
    """
    found: LearnedKind = KINDS[kind] if kind in KINDS else TUNERS.kinds[kind]
    return found
