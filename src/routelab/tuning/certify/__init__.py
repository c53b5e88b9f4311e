"""Certificates: bounds on regret, cost and quality that hold with a stated probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.tuning.certify import demand, wording
    from routelab.tuning.certify.certificate import Certifier, prove
    from routelab.tuning.certify.demand import CertificateDemand, check, check_models, parse
    from routelab.tuning.certify.evidence import Evidence, largest_group
    from routelab.tuning.certify.path import MOST
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "CertificateDemand": "demand",
            "Certifier": "certificate",
            "Evidence": "evidence",
            "MOST": "path",
            "check": "demand",
            "check_models": "demand",
            "demand": "",
            "largest_group": "evidence",
            "parse": "demand",
            "prove": "certificate",
            "wording": "",
        },
    )

__all__ = [
    "MOST",
    "CertificateDemand",
    "Certifier",
    "Evidence",
    "check",
    "check_models",
    "demand",
    "largest_group",
    "parse",
    "prove",
    "wording",
]
