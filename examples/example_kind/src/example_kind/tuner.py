"""How a study searches the kind; imported by `routelab tune` only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from example_kind import ByLength
from routelab.tuning.kinds import LearnedKind, ProposalInputs, ScorerFits

CUTS = 30
"""Lengths that are tried for each pair, at even shares of requests."""


def learn(fits: ScorerFits) -> None:
    """Nothing: a length needs no scorer."""


def propose(here: ProposalInputs) -> Iterator[ByLength]:
    """Every pair of rising cost among the models worth asking, at every cut."""
    if here.tune.log.texts is None:
        return
    lengths = here.tune.cache.about["characters"]
    shares = np.linspace(0.0, 1.0, CUTS + 2)[1:-1]
    cuts = sorted({max(1, int(cut)) for cut in np.quantile(lengths, shares)})
    for weak, strong in here.chains(longest=2):
        for cut in cuts:
            yield ByLength(weak, strong, cut)


TUNER = LearnedKind(learn, propose)
