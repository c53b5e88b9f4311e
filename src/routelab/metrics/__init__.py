"""What a policy or a scorer is worth, each figure defined once."""

from routelab.metrics.aiq import aiq_among
from routelab.metrics.confidence import auroc, brier, ece, reliability
from routelab.metrics.exact import exact_mean
from routelab.metrics.hull import hull, hypervolume, pareto, value_at, zero_router_at
from routelab.metrics.oracle import oracle
from routelab.metrics.pairs import DeferralCurve, apgr, cpt, deferral_curve, normalised_area
from routelab.metrics.random_mix import RandomMix, random_mix_of
from routelab.metrics.signal_quality import RIGHT, signal_quality

__all__ = [
    "RIGHT",
    "DeferralCurve",
    "RandomMix",
    "aiq_among",
    "apgr",
    "auroc",
    "brier",
    "cpt",
    "deferral_curve",
    "ece",
    "exact_mean",
    "hull",
    "hypervolume",
    "normalised_area",
    "oracle",
    "pareto",
    "random_mix_of",
    "reliability",
    "signal_quality",
    "value_at",
    "zero_router_at",
]
