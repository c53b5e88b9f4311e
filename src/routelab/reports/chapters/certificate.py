"""The chapter on the certificate: what was proved, and how it fares on later requests."""

from __future__ import annotations

from collections.abc import Callable

from routelab.policy_file import Certificate, CertifiedBound
from routelab.reports import forms
from routelab.reports.blocks import Block, Bullets, Cell, Chapter, Heading, Note, TableBlock, Text
from routelab.reports.summary import Summary

_FORMS: dict[str, tuple[str, Callable[[float], str], str]] = {
    "regret": ("Regret", lambda value: forms.minus(f"{value:.4f}"), "≤"),
    "cost": ("USD per 1,000", forms.usd, "≤"),
    "quality": ("Quality", forms.quality, "≥"),
}
DRIFT = 0.05


def certificate_chapter(summary: Summary) -> Chapter | None:
    """What was certified and what it rests on; None where no certificate was asked for."""
    found = summary.certificate
    if found is None:
        return None
    chance = _percent(1 - found.delta)
    if found.holds:
        what = "This bound holds" if len(found.goals) == 1 else "These bounds hold together"
        head = f"{what} with probability {chance} or more, on the assumptions below."
    else:
        head = f"Nothing was proved at probability {chance}: {_missing(found)}."
    blocks: list[Block] = [
        Text(f"{head} {_how(found)}") if found.holds else Note(f"{head} {_how(found)}"),
        _goals(found),
        Text(
            "p is the chance of a result as good if the bound were broken, by betting. For"
            " comparison, by Hoeffding-Bentkus (valid, weaker) and by normal approximation"
            " (asymptotic):"
            f" {', '.join(_others(goal) for goal in found.goals)}."
        ),
    ]
    blocks += [
        Note(
            f"{_FORMS[goal.goal][0]} on test does not keep its certified bound: later traffic is"
            " not like that of the calibrate part. Certify again on newer requests."
        )
        for goal in found.goals
        if goal.broken_later
    ]
    blocks += [Heading("What it rests on"), Bullets(found.assumptions)]
    return Chapter("certificate", "What is certified", blocks)


def _how(it: Certificate) -> str:
    groups = f"{forms.count(it.n_requests)} {it.part} requests"
    if it.n_groups != it.n_requests:
        groups += f" in {forms.count(it.n_groups)} groups ({it.group})"
    path = (
        f" Of {forms.count(it.path)} policies on a path that was fixed on tune,"
        f" {forms.count(it.passed)} passed, and the last of them was exported."
        if it.passed
        else ""
    )
    return f"Tested on {groups} before the test part was read.{path}"


def _missing(it: Certificate) -> str:
    if it.requests_needed is not None:
        return (
            f"about {forms.count(it.requests_needed)} {it.part} requests would do for this policy"
            f"{_range(it)}"
        )
    if it.safest_needed is not None:
        return (
            f"about {forms.count(it.safest_needed)} {it.part} requests would do for the safest"
            " policy on the path"
        )
    return "no number of requests would do if the estimates stay where they are"


def _range(it: Certificate) -> str:
    """Between which numbers it lies four times of five."""
    low, high = it.needed_at_least, it.needed_at_most
    if low is None:
        return ""
    if high is None:
        return f" ({forms.count(low)} or more)"
    return f" ({forms.count(low)} to {forms.count(high)})"


def _goals(it: Certificate) -> TableBlock:
    limit = f"Limit at {_percent(1 - it.delta)}"
    heads = ("Bound", it.part.capitalize(), limit, "p", "Test", "Drift")
    return TableBlock(
        "Bounds, where they were tested and later", heads, [_goal(goal) for goal in it.goals]
    )


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"


def _others(goal: CertifiedBound) -> str:
    """By other tests, for comparison."""
    return f"{goal.goal} {goal.p_hoeffding_bentkus:.2g} and {goal.p_clt_asymptotic:.2g}"


def _goal(it: CertifiedBound) -> list[Cell]:
    name, form, sign = _FORMS[it.goal]
    to = f" to {forms.short(it.reference or 'the best model', 60)}" if it.goal == "regret" else ""
    over = ", over groups" if it.unit == "group" else ""
    cells = [
        Cell(f"{name}{to} {sign} {form(it.bound)}{over}"),
        Cell(form(it.estimate), it.estimate),
        Cell(form(it.limit), it.limit, strong=True),
        Cell(f"{it.p_value:.2g}", it.p_value),
    ]
    if it.later is None:
        return [*cells, Cell("not read"), Cell(forms.NOTHING)]
    later = it.later
    drift = "" if later.drift_p >= DRIFT else ", traffic has changed"
    return [
        *cells,
        Cell(form(later.estimate), later.estimate, forms.interval(form, later.interval)),
        Cell(form(later.drift), later.drift, f"p = {later.drift_p:.2g}{drift}"),
    ]
