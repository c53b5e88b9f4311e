"""What a policy or a scorer is worth, each figure defined once."""

from routelab.metrics.aiq import aiq_among
from routelab.metrics.confidence import auroc, brier, ece, reliability
from routelab.metrics.exact import exact_mean
from routelab.metrics.hull import Hull, hull, hypervolume, pareto, value_at, zero_router_at
from routelab.metrics.label_copies import COPY, label_copy, label_suspicion, told_by
from routelab.metrics.missing_outcomes import (
    MissingOutcomes,
    OutcomeCounts,
    missing_outcomes,
    missing_sentences,
    mixed_mean,
    outcome_counts,
)
from routelab.metrics.oracle import oracle
from routelab.metrics.pairs import DeferralCurve, apgr, cpt, deferral_curve, normalised_area
from routelab.metrics.random_mix import RandomMix, random_mix_of
from routelab.metrics.signal_proposals import (
    SignalProposal,
    judged_quality,
    signal_proposals,
    why_refused,
)
from routelab.metrics.signal_quality import RIGHT, auroc_error, is_reversed, signal_quality

__all__ = [
    "COPY",
    "RIGHT",
    "DeferralCurve",
    "Hull",
    "MissingOutcomes",
    "OutcomeCounts",
    "RandomMix",
    "SignalProposal",
    "aiq_among",
    "apgr",
    "auroc",
    "auroc_error",
    "brier",
    "cpt",
    "deferral_curve",
    "ece",
    "exact_mean",
    "hull",
    "hypervolume",
    "is_reversed",
    "judged_quality",
    "label_copy",
    "label_suspicion",
    "missing_outcomes",
    "missing_sentences",
    "mixed_mean",
    "normalised_area",
    "oracle",
    "outcome_counts",
    "pareto",
    "random_mix_of",
    "reliability",
    "signal_proposals",
    "signal_quality",
    "told_by",
    "value_at",
    "why_refused",
    "zero_router_at",
]
