"""The first screen: the verdict in a sentence, and the figures behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from routelab.core.messages import wording
from routelab.errors import PolicyError
from routelab.policies import from_wire
from routelab.replay import Baseline, Figures
from routelab.reports import forms
from routelab.reports.summary import Range, Summary

FIXED = "fixed:"
LONGEST = 600
"""Characters of a step, at most: a policy inside another is told in one."""
_MARKS = {"ship": ("ship", "✓"), "do not route": ("stop", "✕"), "not proven": ("open", "?")}


class HeadlineFigure(NamedTuple):
    """A figure at the top of a page.

    Attributes:
        label: what it is.
        value: with its unit.
        aside: what stands under it, such as the interval.
    """

    label: str
    value: str
    aside: str


class Opening(NamedTuple):
    """The first screen of a page.

    Attributes:
        name: of the policy.
        kind, mark: how the verdict looks.
        word: of the verdict.
        sentence: the verdict for somebody who reads one sentence.
        reasons: what it rests on.
        route: how the policy routes, step by step, or other steps under another `heading`.
        tried: kinds of policy that it was chosen from, and what there was no room for.
    """

    name: str
    kind: str
    mark: str
    word: str
    sentence: str
    reasons: Sequence[str]
    figures: Sequence[HeadlineFigure]
    route: Sequence[str]
    heading: str = "How it routes"
    tried: Sequence[str] = ()


def opening_chapter(summary: Summary) -> Opening:
    """The first screen of a study."""
    kind, mark = _MARKS.get(summary.verdict or "", ("none", forms.NOTHING))
    return Opening(
        name=forms.short(summary.name, 80),
        kind=kind,
        mark=mark,
        word=(summary.verdict or "no verdict").capitalize(),
        sentence=_sentence(summary),
        reasons=[_typeset(reason) for reason in summary.reasons],
        figures=_figures(summary.test) if summary.test else (),
        route=list(_route(summary.wire)),
        tried=list(_tried(summary)),
    )


def best_model(test: Figures) -> Baseline | None:
    """The candidate with the most quality on these rows, the cheaper of equals."""
    alone = [it for it in test.baselines if it.name.startswith(FIXED)]
    return max(alone, key=lambda it: (it.quality, -it.usd_per_1k), default=None)


def _sentence(summary: Summary) -> str:
    return f"{_on_gain(summary)}{_on_saving(summary)}"


def _on_saving(summary: Summary) -> str:
    saving = summary.saving
    if saving is None or saving.word != "proven":
        return ""
    lost = forms.interval(forms.points, saving.quality_ci)
    return (
        f" At equal quality it saves {forms.share(saving.share)} of what {saving.model} costs"
        f" (difference {forms.points(saving.quality)} points, 95% interval {lost}; up to"
        f" {forms.points(saving.margin).lstrip('+')} counts as equal)."
    )


def _on_gain(summary: Summary) -> str:
    test = summary.test
    if test is None:
        return "No policy met the bounds that were asked for, so nothing was exported."
    gain = f"{forms.points(test.gain_vs_zero_router).lstrip('+')} points"
    range_ = f"95% interval {forms.interval(forms.points, test.gain_ci)}"
    if summary.verdict == "ship":
        return (
            f"For the same money, routing scores {gain} more than any mix of single models"
            f" could{_beside(test)}."
        )
    if summary.verdict == "do not route":
        return (
            "Routing is not worth its trouble here: for the same money, a mix of single models"
            f" scores as well (difference {forms.points(test.gain_vs_zero_router)} points,"
            f" {range_})."
        )
    if summary.verdict == "not proven" and test.gain_ci[0] > 0:
        return (
            f"Routing gains {gain} over any mix of single models for the same money ({range_}),"
            " but a bound that was asked for does not hold on held-out requests."
        )
    if summary.verdict == "not proven":
        return (
            f"The difference of {forms.points(test.gain_vs_zero_router)} points from a mix of"
            f" single models for the same money may be chance ({range_}){_settle(summary)}."
        )
    return (
        f"On these {forms.count(test.n_requests)} requests the policy differs by"
        f" {forms.points(test.gain_vs_zero_router)} points from a mix of single models for the"
        f" same money ({range_}); no verdict was asked of them."
    )


def _tried(summary: Summary) -> Iterator[str]:
    """Kinds of policy that were tried, and with how much of the log and the search."""
    plan, kinds = summary.plan, [it.kind for it in summary.kinds]
    if not kinds or (plan is None and len(kinds) < 2):
        return
    count, budget = f"{len(kinds)} kind{'' if len(kinds) == 1 else 's'} of policy", ""
    if plan is not None and summary.budget_s is not None:
        budget = f" within a budget of {summary.budget_s:g} s"
    won = next((f"; {it.kind} was exported" for it in summary.kinds if it.won), "")
    yield f"{count}{budget}: {', '.join(kinds)}{won}."
    if plan is None:
        return
    if plan.rows is not None:
        trained = summary.splits.n.get("train") if summary.splits else None
        whole = "" if trained is None else f" of {forms.count(trained)}"
        yield f"Scorers learned from {forms.count(plan.rows)}{whole} requests, for want of time."
    if plan.left_out:
        yield f"There was no room for {wording.listed(plan.left_out)}: a larger budget has."


def _settle(summary: Summary) -> str:
    needed = summary.requests_to_settle
    return f"; about {forms.count(needed)} test requests would settle it" if needed else ""


def _beside(test: Figures) -> str:
    """What it means next to the best model alone."""
    best = best_model(test)
    if best is None or best.usd_per_1k <= 0:
        return ""
    name, saved = forms.short(best.name.removeprefix(FIXED), 40), best.saving_usd_per_1k
    change = "less" if saved >= 0 else "more"
    part = forms.whole_share(abs(saved) / best.usd_per_1k)
    points = forms.points(best.quality_gain)
    way = "higher" if best.quality_gain > 0 else "lower"
    scores = "the same" if points == "0.0" else f"{points.strip(f'+{forms.MINUS}')} points {way}"
    return f"; next to {name} for everything, it costs {part} {change} and scores {scores}"


def _figures(test: Figures) -> list[HeadlineFigure]:
    best = best_model(test)
    found = [
        _figure("Quality", forms.quality, test.quality, test.quality_ci),
        _figure("USD per 1,000", forms.usd, test.usd_per_1k, test.usd_per_1k_ci),
        _figure("Points over a mix", forms.points, test.gain_vs_zero_router, test.gain_ci),
    ]
    if best is not None and best.saving_share is not None and best.saving_share_ci is not None:
        saved, ends = best.saving_share, best.saving_share_ci
        found += [_figure("Saved on the best", forms.whole_share, saved, ends)]
    seen = test.latency_p95_s is not None
    latency = forms.seconds(test.latency_p95_s) if seen else forms.NOTHING
    middle = f"median {forms.seconds(test.latency_p50_s)}" if seen else wording.UNSEEN
    return [
        *found,
        HeadlineFigure("Escalated", forms.share(test.escalation_rate), "of requests"),
        HeadlineFigure("Latency P95", latency, middle),
    ]


def _figure(label: str, form: Callable[[float], str], value: float, ends: Range) -> HeadlineFigure:
    return HeadlineFigure(label, form(value), forms.interval(form, ends))


def _route(wire: Mapping[str, Any]) -> Sequence[str]:
    """What the policy says of itself, step by step."""
    try:
        steps = from_wire(wire).explained if wire else ()
    except PolicyError as error:
        steps = error.problems
    return [forms.short(step, LONGEST) for step in steps]


def _typeset(reason: str) -> str:
    """A reason with a capital and typeset minus signs."""
    return re.sub(r"(?<=[ \[])-(?=\d)", forms.MINUS, reason[:1].upper() + reason[1:])
