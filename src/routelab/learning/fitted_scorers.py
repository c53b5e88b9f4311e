"""Fitted scorers, in the form that a policy file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from routelab import scorers
from routelab.core import Floats
from routelab.core.messages import short_repr
from routelab.errors import LearningError
from routelab.scorers import ScorerSet


@short_repr
@dataclass(frozen=True, eq=False)
class FittedScorers:
    """Fitted scorers in portable form.

    Attributes:
        features, scorers: wire forms by name, as in `policy.json`.
        tensors: arrays by name, as in `weights.safetensors`.
        report: by scorer, how it was made, in plain data.
        held_out: by scorer, (n, k) scores of the examples it was fitted on, by fits that never
            saw them; NaN for examples that were left out. Not written to files.
        reads: which of a request's messages they were fitted on; None for all of them.
    """

    features: Mapping[str, Any] = field(default_factory=dict)
    scorers: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    held_out: Mapping[str, Floats] = field(default_factory=dict)
    reads: str | None = None

    def __or__(self, other: FittedScorers) -> FittedScorers:
        """Both together; features that they share are held once.

        Raises:
            LearningError: both have a scorer of the same name, or a feature or tensor of one name
                that is not the same, or they were fitted on other messages of a request.
        """
        twice = sorted(set(self.scorers) & set(other.scorers))
        if twice:
            raise LearningError(f"scorers of the same name: {', '.join(twice)}; rename one")
        if self.scorers and other.scorers and self.reads != other.reads:
            raise LearningError(
                f"scorers that were fitted on other messages of a request ({self.reads or 'all'}"
                f" and {other.reads or 'all'}); fit them with one `reads`"
            )
        features, tensors = self.features, self.tensors
        apart = [
            it
            for it in other.features
            if features.get(it, other.features[it]) != other.features[it]
        ]
        apart += [
            name
            for name, it in other.tensors.items()
            if name in tensors and not np.array_equal(tensors[name], it)
        ]
        if apart:
            raise LearningError(
                f"features or tensors of the same name that differ: {', '.join(apart)}; rename one"
            )
        return FittedScorers(
            {**self.features, **other.features},
            {**self.scorers, **other.scorers},
            {**self.tensors, **other.tensors},
            {**self.report, **other.report},
            {**self.held_out, **other.held_out},
            other.reads if other.scorers else self.reads,
        )

    def scoring(self) -> ScorerSet:
        """The scorers ready to predict, as a loaded policy has them."""
        return scorers.load_scorers(self.features, self.scorers, self.tensors, reads=self.reads)
