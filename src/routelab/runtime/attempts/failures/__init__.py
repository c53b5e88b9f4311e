"""Failures by what they mean: whose fault, who may do better, what they say of a deployment."""

from __future__ import annotations

from routelab.runtime.attempts.failures.classes import (
    BY_CODE,
    CUT,
    EMPTY,
    FAILURES,
    FILTERED,
    GENERAL,
    MALFORMED,
    OF_KIND,
    OUTPUT,
    SERVERS,
    STATUSES,
    STOPPED,
    UNSUPPORTED,
    Failure,
    failure_classes,
)
from routelab.runtime.attempts.failures.error_field import error_of
from routelab.runtime.attempts.failures.judgement import (
    JudgedFailure,
    by_status,
    judged,
    sentence_of,
)

__all__ = [
    "BY_CODE",
    "CUT",
    "EMPTY",
    "FAILURES",
    "FILTERED",
    "GENERAL",
    "MALFORMED",
    "OF_KIND",
    "OUTPUT",
    "SERVERS",
    "STATUSES",
    "STOPPED",
    "UNSUPPORTED",
    "Failure",
    "JudgedFailure",
    "by_status",
    "error_of",
    "failure_classes",
    "judged",
    "sentence_of",
]
