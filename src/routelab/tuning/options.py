"""What a study is asked to do."""

from __future__ import annotations

import msgspec

from routelab.errors import TuningError
from routelab.tuning.bounds import Bounds
from routelab.tuning.certify import demand
from routelab.tuning.certify.demand import Demand

CASCADE = "cascade"
"""Tuned by exact solvers and the randomised search; needs no scorer."""

LEARNED = ("tiers", "neighbors", "utility", "gain-cascade", "cascade-routing")
"""Kinds that learn, the simplest first; simpler than all of them is the plain cascade."""

AUTO = "auto"
CHOICES = (CASCADE, *LEARNED, AUTO)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a study is asked to do.

    Attributes:
        name: of the policy.
        models: candidates; None takes every model with a cost.
        signals: confidence signals to consider; empty takes all.
        bounds: limits on cost and quality.
        policy: kind to search, one of `CHOICES`; "auto" compares all.
        pair: weak and strong model for APGR and CPT; None takes the cheapest and the best.
        seed: of everything random.
        trials: of the randomised search.
        group: what splits keep together; see `routelab.logs.splits.split`.
        allow_missing: accept a log that lacks many outcomes.
        certify: bounds to prove on the calibrate part, together with probability 1 - delta.
        storage: where to store the trials for optuna-dashboard: a file or a database URL.
    """

    name: str
    models: tuple[str, ...] | None = None
    signals: tuple[str, ...] = ()
    bounds: Bounds = Bounds()
    policy: str = "cascade"
    pair: tuple[str, str] | None = None
    seed: int = 0
    trials: int = 400
    group: str | None = None
    allow_missing: bool = False
    certify: tuple[Demand, ...] = ()
    delta: float = 0.1
    storage: str | None = None

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises:
            TuningError: naming it.
        """
        self.bounds.check()
        demand.check(self.certify, self.delta)
        if self.trials < 1:
            raise TuningError(f"--trials is {self.trials}; at least 1 is needed")
        if not 0 <= self.seed < 2**32:
            raise TuningError(f"--seed is {self.seed}; it must lie in [0, 4294967296)")
        if self.policy not in CHOICES:
            raise TuningError(f"--policy {self.policy!r} is unknown; choose {', '.join(CHOICES)}")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds to search, the simplest first."""
        return (CASCADE, *LEARNED) if self.policy == AUTO else (self.policy,)
