"""Lint: what corrupts a study before it begins, each finding with its effect and its mend."""

from routelab.lint.evidence import LogEvidence
from routelab.lint.finding import Check, LintFinding, Severity
from routelab.lint.lint_log import lint

__all__ = ["Check", "LintFinding", "LogEvidence", "Severity", "lint"]
