"""Certificates: bounds on regret, cost and quality that hold with a stated probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.tuning.certify import demand, wording
    from routelab.tuning.certify.audits import provable
    from routelab.tuning.certify.bets import (
        Bets,
        Look,
        after,
        first_look,
        next_look,
        read_bets,
        write_bets,
    )
    from routelab.tuning.certify.ceiling import Ceiling
    from routelab.tuning.certify.certificate import Certifier, prove
    from routelab.tuning.certify.demand import CertificateDemand, check, check_models, parse
    from routelab.tuning.certify.evidence import Evidence, after_the_first, largest_group
    from routelab.tuning.certify.path import MOST
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Bets": "bets",
            "Ceiling": "ceiling",
            "CertificateDemand": "demand",
            "Certifier": "certificate",
            "Evidence": "evidence",
            "Look": "bets",
            "MOST": "path",
            "after": "bets",
            "after_the_first": "evidence",
            "check": "demand",
            "check_models": "demand",
            "demand": "",
            "first_look": "bets",
            "largest_group": "evidence",
            "next_look": "bets",
            "parse": "demand",
            "prove": "certificate",
            "provable": "audits",
            "read_bets": "bets",
            "wording": "",
            "write_bets": "bets",
        },
    )

__all__ = [
    "MOST",
    "Bets",
    "Ceiling",
    "CertificateDemand",
    "Certifier",
    "Evidence",
    "Look",
    "after",
    "after_the_first",
    "check",
    "check_models",
    "demand",
    "first_look",
    "largest_group",
    "next_look",
    "parse",
    "provable",
    "prove",
    "read_bets",
    "wording",
    "write_bets",
]
