"""Propensities that cannot be those of the log: weights whose mean is not one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from routelab.core.messages import foreign
from routelab.estimators import score_mean
from routelab.lint.evidence import LogEvidence
from routelab.lint.finding import LintFinding
from routelab.logs import PartialLog
from routelab.stats import holm

_LEAST = 50
_SURE = 1e-3


def propensities(evidence: LogEvidence) -> Iterator[LintFinding]:
    """The mean-weight test of each model at the first call.

    The weight of a policy that always asks a model is one over its propensity where it was asked,
    and else zero. Its mean is one where every request might have got that model, and below one
    where some could not; above one it cannot be but by chance.
    """
    log = evidence.log
    if not isinstance(log, PartialLog):
        return
    opening = log.step == 0
    known = opening & ~np.isnan(log.propensity)
    if known.sum() < _LEAST or (log.propensity[known] >= 1.0).all():
        return
    request, model, p = log.request[known], log.model[known], log.propensity[known]
    whole = len(np.unique(request))
    row = np.searchsorted(np.unique(request), request)
    means = []
    for at in range(len(log.models)):
        weights = np.bincount(row[model == at], 1.0 / p[model == at], minlength=whole)
        means.append(score_mean(np.asarray(weights - 1.0, dtype=np.float64), None))
    tails = holm([it.p_value for it in means])
    for at, (mean, tail) in enumerate(zip(means, tails, strict=True)):
        if tail >= _SURE or (model == at).sum() < _LEAST // 5:
            continue
        above = mean.value > 0
        yield LintFinding(
            "propensity",
            "error" if above else "note",
            f"propensities of {foreign(log.models[at])} fail the mean-weight test: weights have the"
            f" mean {1 + mean.value:.3f}, and should have "
            + ("1" if above else "1 if every request might have got it"),
            int((model == at).sum()),
            "every value that rests on these propensities is "
            + ("wrong" if above else "wrong, or holds for other requests than these"),
            "log the probability with which the router chose, of the choice that it made; it is"
            " that of the whole choice, and not of one step of it",
        )
