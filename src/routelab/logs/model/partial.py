"""A partial log: the steps that were taken, with their propensities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from routelab.core import Bools, Floats, Ints, SignalSpec
from routelab.core.catalogue import Catalogue
from routelab.core.messages import short_repr
from routelab.logs.model.log import LogBase, Requests, Texts


@short_repr
@dataclass(frozen=True, eq=False)
class PartialLog(LogBase):
    """Steps (s) that a logging policy took on requests (n), by request and then by step.

    Attributes:
        request, model: (s,) indices into `requests` and `models`.
        step: (s,) place in the decision.
        propensity: (s,) probability of this call given the calls before it; NaN where the
            log does not say.
        quality: (s,) in [0, 1]; NaN = not judged.
        cost_usd, latency_s: (s,) USD and seconds of the call; NaN = not observed.
        prompt_tokens, completion_tokens: (s,) NaN = not observed.
        error: (s,) the call failed.
        signals, extra_usd: (s,) by signal: confidence, and USD that obtaining it adds.
        unasked: (s,) by column, numbers of which nobody said that they are signals.
        ended: (n,) probability of ending after the last call, given all calls; NaN where the log
            does not say; None if it never does.
        texts: prompts of the requests, and the first answer of each model to each.
        specs, path, catalogue, notes: as in `Log`.
    """

    requests: Requests
    models: tuple[str, ...]
    request: Ints
    model: Ints
    step: Ints
    propensity: Floats
    quality: Floats
    cost_usd: Floats
    latency_s: Floats
    prompt_tokens: Floats
    completion_tokens: Floats
    error: Bools
    signals: Mapping[str, Floats] = field(default_factory=dict)
    extra_usd: Mapping[str, Floats] = field(default_factory=dict)
    specs: Mapping[str, SignalSpec] = field(default_factory=dict)
    unasked: Mapping[str, Floats] = field(default_factory=dict)
    texts: Texts | None = None
    path: Path | None = None
    catalogue: Catalogue | None = None
    notes: tuple[str, ...] = ()
    ended: Floats | None = None

    @property
    def costed(self) -> tuple[str, ...]:
        """Models whose cost is known on one step at least."""
        there = set(self.model[~np.isnan(self.cost_usd)].tolist())
        return tuple(name for index, name in enumerate(self.models) if index in there)
