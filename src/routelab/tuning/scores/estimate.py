"""What a tuned policy is worth on test, by the estimators of partial logs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from routelab.core import Ints
from routelab.errors import LogError
from routelab.estimators import SNDR, PolicyEstimate, TargetDecisions
from routelab.tuning.scores.scored_log import OUTCOMES, ScoredLog


class EstimatedValue(msgspec.Struct, frozen=True):
    """A policy's value on the test requests of a partial log, and what it rests on.

    Attributes:
        quality, cost_usd, latency_s: estimates; None where the log does not have the outcome.
        left_out: by model, why it was no candidate.
        audited: requests of the whole log on which every model answered.
    """

    quality: PolicyEstimate | None
    cost_usd: PolicyEstimate | None
    latency_s: PolicyEstimate | None
    left_out: dict[str, str]
    audited: int

    @property
    def sentences(self) -> Iterator[str]:
        """What a reader of the study must know, the most important first."""
        yield (
            "the log is partial: figures are doubly robust estimates from the models that answered,"
            " by their propensities, and hold as far as those are right"
        )
        for name, unit, scale, form in (
            ("quality", "quality", 1.0, ".3f"), ("cost_usd", "USD per 1,000", 1000.0, ".4g"),
        ):  # fmt: skip
            found: PolicyEstimate | None = getattr(self, name)
            if found is None:
                continue
            if found.value is None or found.ci is None:
                yield f"{unit} on test is refused: {found.refusal}"
                continue
            low, high = (f"{scale * it:{form}}" for it in found.ci)
            yield (
                f"{unit} on test by {found.estimator}: {scale * found.value:{form}} ({low} to"
                f" {high}), from {found.diagnostics.effective_requests:,.0f} effective of"
                f" {found.requests:,} requests{''.join(f'; {it}' for it in found.notes)}"
            )
        for model, why in self.left_out.items():
            yield f"{model} was no candidate: {why}"


def estimated_value(scored: ScoredLog, rows: Ints, answered: Ints) -> EstimatedValue:
    """Value a policy's choices on some requests of a partial log.

    Args:
        scored: the log.
        rows: (k,) of its requests, ascending.
        answered: (k,) column of the scores of the model that the policy asks.
    """
    log = scored.decisions.take(rows)
    columns = np.array([log.models.index(name) for name in scored.log.models])
    target = TargetDecisions(columns[answered])
    found: dict[str, PolicyEstimate | None] = dict.fromkeys(OUTCOMES)
    for name in OUTCOMES:
        try:
            found[name] = SNDR(scored.fit(rows)).value(log, target, name)
        except LogError:
            continue
    return EstimatedValue(
        **found, left_out=dict(scored.left_out), audited=int(scored.audited.sum())
    )
