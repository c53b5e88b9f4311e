"""What the policy to be valued would have done on the requests of a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from routelab.core import Floats, Ints
from routelab.errors import PolicyError
from routelab.estimators.logged_decisions import LoggedDecisions, Outcome

_SLACK = 1e-9
"""By which probabilities may miss their sum."""


@dataclass(frozen=True, eq=False)
class TargetDecisions:
    """Probabilities of a policy's calls on requests (n), along the calls (s) that were logged.

    A policy that asks one model is given by `first` alone. For one that may go on, `after` and
    `end` tell what it would do once the logged calls up to this one were made and answered as
    logged; they are of no matter where it would not have made them.

    Attributes:
        first: (n,) model called first, for sure; or (n, m) probability of each. A row that sums to
            less than 1 ends without a call with what is left, and comes to nothing.
        after: (s, m) probability of each model as the next call; None: it ends after one call.
        end: (s,) probability of ending; with `after`.
        at_end: by outcome, (s,) what it comes to where this policy ends here, where that is not
            what the log says: it may deliver an earlier answer, or pay for a signal.
        name: of the policy, for messages.
    """

    first: Ints | Floats
    after: Floats | None = None
    end: Floats | None = None
    at_end: Mapping[str, Floats] = field(default_factory=dict)
    name: str = "the policy"

    @property
    def one_call(self) -> bool:
        """Whether it ends after its first call, whatever the answer."""
        return self.after is None

    @property
    def certain(self) -> bool:
        """Whether `first` names models and no probabilities."""
        return self.first.ndim == 1

    def check(self, log: LoggedDecisions) -> None:
        """Refuse decisions that do not fit a log.

        Raises:
            PolicyError: everything that is wrong.
        """
        n, s, m = len(log), len(log.request), len(log.models)
        shapes = {
            "first": (self.first, (n,) if self.certain else (n, m)),
            "after": (self.after, (s, m)),
            "end": (self.end, (s,)),
            **{f"at_end {name}": (values, (s,)) for name, values in self.at_end.items()},
        }
        problems = [
            f"{self.name}: {what} has shape {np.shape(values)}; it must be {shape}"
            for what, (values, shape) in shapes.items()
            if values is not None and np.shape(values) != shape
        ]
        if (self.after is None) != (self.end is None):
            problems.append(f"{self.name}: `after` and `end` are given together or not at all")
        if problems:
            raise PolicyError(*problems)
        problems = [f"{self.name}: {it}" for it in self._misfits(m)]
        if problems:
            raise PolicyError(*problems)

    def _misfits(self, m: int) -> list[str]:
        """What is no choice or no probability."""
        if self.certain:
            if bool(((self.first < 0) | (self.first >= m)).any()):
                return [f"`first` names a model that is none of the {m} candidates"]
        elif not _are_shares(self.first, self.first.sum(axis=1), least=0.0):
            return ["`first` has rows that are no probabilities"]
        if self.after is None or self.end is None:
            return []
        total = self.after.sum(axis=1) + self.end
        reached = total > _SLACK  # nothing is said of calls that it would not have made
        if not _are_shares(self.after[reached], total[reached], least=1.0):
            return ["`after` and `end` have rows that do not sum to 1"]
        return []

    def of(self, outcome: Outcome, name: str) -> Floats:
        """(s,) what an outcome comes to where this policy ends after each call."""
        values: Floats = self.at_end.get(name, outcome.at_end)
        return values

    def first_of(self, log: LoggedDecisions) -> Floats:
        """(n,) probability of the first call that was logged."""
        logged = log.model[log.starts]
        if self.certain:
            made: Floats = (self.first == logged).astype(np.float64)
            return made
        return np.asarray(self.first[np.arange(len(log)), logged], dtype=np.float64)

    def chance(self, log: LoggedDecisions) -> Floats:
        """(s,) probability of each logged call, given that the calls before it were made."""
        if self.one_call and log.one_call:
            return self.first_of(log)
        chance = np.zeros(len(log.request))
        chance[log.starts] = self.first_of(log)
        if self.after is not None:
            later = np.flatnonzero(log.place > 0)
            chance[later] = self.after[later - 1, log.model[later]]
        return chance

    def ending(self, log: LoggedDecisions) -> Floats:
        """(s,) probability of ending after each logged call; 1 after any for one of one call."""
        return np.ones(len(log.request)) if self.end is None else self.end


def _are_shares(rows: Floats | Ints, total: Floats | Ints, least: float) -> bool:
    return bool(
        (rows >= 0).all() and (total <= 1 + _SLACK).all() and (total >= least - _SLACK).all()
    )
