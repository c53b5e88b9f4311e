"""Models that are one and the same, and routers that know only one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from routelab.core import Bools
from routelab.core.messages import foreign
from routelab.lint.evidence import LogEvidence
from routelab.lint.finding import LintFinding

_LEAST, _SHARE = 20, 0.2
_COLLAPSED = 0.99


def identical_models(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Pairs of models that give the same long answers, or have the same outcomes throughout."""
    texts = evidence.texts
    for one, other in combinations(range(len(evidence.models)), 2):
        names = f"{foreign(evidence.models[one])} and {foreign(evidence.models[other])}"
        if texts is not None:
            left, right = texts.same[:, one], texts.same[:, other]
            # Right answers are the same where there is one way to be right.
            right_one = (evidence.quality[:, [one, other]] >= 0.5).any(axis=1)
            both = (left != 0) & (right != 0) & ~right_one
            same = both & (left == right)
            if same.sum() >= _LEAST and same.sum() > _SHARE * both.sum():
                yield _identical(evidence, f"{names} give the same answers", same)
                continue
        same = _outcomes(evidence, one, other)
        if same is not None:
            yield _identical(evidence, f"{names} have the same tokens and qualities", same)


def _outcomes(evidence: LogEvidence, one: int, other: int) -> Bools | None:
    """(n,) rows on which tokens of answers and qualities are the same; None unless nearly all."""
    said, quality = evidence.completion_tokens, evidence.quality
    both = ~np.isnan(said[:, one]) & ~np.isnan(said[:, other])
    if both.sum() < 5 * _LEAST or np.unique(said[both, one]).size < _LEAST:
        return None
    same = both & (said[:, one] == said[:, other]) & (quality[:, one] == quality[:, other])
    return same if same.sum() > 0.95 * both.sum() else None


def _identical(evidence: LogEvidence, what: str, same: Bools) -> LintFinding:
    return LintFinding(
        "identical-answers",
        "error",
        what,
        int(same.sum()),
        "one model is measured twice: an alias, a fallback or a cache answered for the other",
        "look at which model served the requests (served_model), and ask the other one again",
        evidence.ids(same),
    )


def collapsed_routers(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Policies that deliver the answers of one model for nearly every request."""
    for name, chosen in evidence.chosen.items():
        made = chosen[chosen >= 0]
        if not len(made) or len(evidence.models) < 2:
            continue
        counts = np.bincount(made, minlength=len(evidence.models))
        at = int(np.argmax(counts))
        if counts[at] >= _COLLAPSED * len(made):
            yield LintFinding(
                "collapsed-router",
                "warning",
                f"policy {foreign(name)!r} delivers {foreign(evidence.models[at])} on"
                f" {counts[at] / len(made):.1%} of the requests",
                int(counts[at]),
                "it routes nothing: what it costs and is worth is that model's",
                f"use {foreign(evidence.models[at])} alone, or look for features that tell"
                " requests apart (`routelab data describe`)",
            )
