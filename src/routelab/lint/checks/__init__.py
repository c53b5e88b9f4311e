"""The checks, one kind of defect each; a new one is a function and a line in `CHECKS`."""

from routelab.lint.checks.clocks import clock_skew
from routelab.lint.checks.costs import unknown_prices, wrong_costs
from routelab.lint.checks.duplicates import duplicates, leaked_answers
from routelab.lint.checks.gates import stacked_gates
from routelab.lint.checks.grading import agreeing_judges, grader_errors, not_answers
from routelab.lint.checks.label_copies import label_copies
from routelab.lint.checks.models import collapsed_routers, identical_models
from routelab.lint.checks.propensities import propensities
from routelab.lint.checks.usage import thinking, usage
from routelab.lint.finding import Check

__all__ = ["CHECKS"]

CHECKS: tuple[Check, ...] = (
    label_copies,
    usage,
    thinking,
    unknown_prices,
    wrong_costs,
    clock_skew,
    duplicates,
    leaked_answers,
    not_answers,
    grader_errors,
    agreeing_judges,
    identical_models,
    propensities,
    stacked_gates,
    collapsed_routers,
)
"""Every check, in the order in which findings are told."""
