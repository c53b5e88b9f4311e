"""The service level objectives of a study, checked on simulated days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from routelab.core.catalogue import EngineRules
from routelab.core.messages import bracketed
from routelab.simulate import CheckedObjective


class SloOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Service level objectives that a policy and an engine were chosen for, as they were kept.

    Attributes:
        scenario, arrivals, seed, trials: of the simulated days.
        feasible: of the trials, those that kept every objective on tune.
        engine: rules that were exported with the policy.
        timeout_s: total timeout of its deployments in seconds; None where the catalogue has no
            deployments.
        tune, test: every objective on a day of either part.
        before: on test, of the policy and the engine that the search began with.
        demands: the objectives and the days as they were given, as plain data; None of a study
            that did not record them.
    """

    scenario: str
    arrivals: str
    seed: int
    trials: int
    feasible: int
    engine: EngineRules
    timeout_s: float | None
    tune: tuple[CheckedObjective, ...]
    test: tuple[CheckedObjective, ...]
    before: tuple[CheckedObjective, ...]
    demands: Mapping[str, Any] | None = None

    @property
    def missed(self) -> list[CheckedObjective]:
        """Objectives that were missed on test."""
        return [it for it in self.test if not it.holds]

    def sentences(self) -> list[str]:
        """Each objective on test, those that were missed first."""
        ordered = sorted(self.test, key=lambda it: it.holds)
        return [
            f"{it.objective} of {it.where} is {'kept' if it.holds else 'missed'} on a simulated"
            f" day of test: {it.value:.4g} {bracketed(it.interval, '.4g')}, demanded"
            f" {'at least' if it.objective == 'quality' else 'at most'} {it.bound:g}"
            for it in ordered
        ]
