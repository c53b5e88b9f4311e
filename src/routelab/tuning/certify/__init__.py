"""Certificates: bounds on regret, cost and quality that hold with a stated probability."""

from routelab.tuning.certify.certificate import Certifier, prove
from routelab.tuning.certify.demand import CertificateDemand, check, check_models, parse
from routelab.tuning.certify.evidence import Evidence, largest_group
from routelab.tuning.certify.path import MOST

__all__ = [
    "MOST",
    "CertificateDemand",
    "Certifier",
    "Evidence",
    "check",
    "check_models",
    "largest_group",
    "parse",
    "prove",
]
