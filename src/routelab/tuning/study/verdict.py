"""The verdict on a policy from its test part: ship, do not route, or not proven."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec
from msgspec import structs

from routelab.core.messages import bracketed, listed, short_repr
from routelab.policy_file import Certificate
from routelab.replay import ROUTERS, ZERO_ROUTER, Baseline, Figures
from routelab.stats import range_text, requests_to_settle, settling_range
from routelab.tuning.certify import wording
from routelab.tuning.objectives import (
    MARGIN,
    BoundCheck,
    Bounds,
    bound_sentences,
    mean_bound_checks,
)
from routelab.tuning.study.saving import Saving, saving
from routelab.tuning.tuners import TASK_MEAN

FEWEST = 30
"""Test requests below which a bootstrap interval is no evidence."""

NONE_SEEN = 3.0
"""Expected requests of a sort of which none is seen with chance .05 (the rule of three)."""

RIVALS = ROUTERS

OWN = {TASK_MEAN: "task_mean"}
"""By kind of policy, the untuned router that it is the tuned form of."""

_UNCLEAR = "not shown to beat"

Word = Literal["ship", "not proven", "do not route"]


@short_repr
class Lead(msgspec.Struct, frozen=True):
    """By how much a policy leads the best baseline at its cost.

    Attributes:
        baseline: its name; see `Figures.best_router`.
        quality_gain, quality_gain_ci: the policy's quality less the baseline's on test, with the
            paired 95 % interval.
        text: all of it in a sentence.
    """

    baseline: str
    quality_gain: float
    quality_gain_ci: tuple[float, float]
    text: str


@short_repr
class Verdict(msgspec.Struct, frozen=True):
    """The verdict and what it rests on.

    Attributes:
        word: "ship", "not proven" or "do not route".
        reasons: sentences, the decisive one first.
        requests_to_settle: test requests that would settle "not proven"; None if settled, or
            if no number of them would.
        saving: the verdict on saving at equal quality, beside that on the gain; None where nothing
            is saved, and in files of old.
        lead: over the best baseline at the policy's cost; None in files of old.
    """

    word: Word
    reasons: tuple[str, ...]
    requests_to_settle: int | None = None
    saving: Saving | None = None
    lead: Lead | None = None


# Many arguments: a verdict rests on each of them.
def verdict(
    test: Figures,
    bounds: Bounds,
    best: str,
    warnings: Sequence[str] = (),
    certificate: Certificate | None = None,
    further: Sequence[BoundCheck] = (),
    *,
    by_chance: bool = False,
    routes: bool = False,
    kind: str = "",
    elsewhere: Sequence[str] = (),
    undecided: Sequence[str] = (),
    equal: float = MARGIN,
) -> Verdict:
    """Judge a policy by its figures on test, in the order of the rules.

    Args:
        test: figures of the policy on test.
        bounds: the user's.
        best: the candidate that was best on tune.
        warnings: what else a reader must know.
        certificate: that was asked for.
        further: bounds on latency and groups.
        by_chance: the policy is a mixture of single models, which the zero router is the best of.
        routes: it may send requests to more than one model, though one answered all of test.
        kind: of the policy, which the untuned router of this kind is no rival of.
        elsewhere: what else gains over the zero router on test, in sentences, surest first. Where
            anything does, it is not said that routing is not worth it, nor that more requests are
            needed without saying so.
        undecided: other operating points that may gain what is worth a router, in sentences. While
            there are any, it is not said that routing is not worth it.
        equal: quality that may be lost to the best model and is called equal.
    """
    ruled = _ruled(
        test,
        bounds,
        best,
        warnings,
        certificate,
        further,
        by_chance=by_chance,
        routes=routes and not by_chance,
        kind=kind,
        elsewhere=(*elsewhere, *undecided),
    )
    ruled = structs.replace(ruled, lead=lead(test))
    saved = saving(test, best, equal)
    if saved is None or saved.word == "quality lost":  # which the figures say without words
        return structs.replace(ruled, saving=saved)
    first, *rest = ruled.reasons
    routed = not by_chance and (routes or not test.single_model)
    if ruled.word == "do not route" and saved.word == "proven" and routed:
        return Verdict("not proven", (saved.text, first, *rest), None, saved, ruled.lead)
    return structs.replace(ruled, reasons=(first, saved.text, *rest), saving=saved)


def lead(test: Figures) -> Lead | None:
    """The lead over the best baseline; None in files of old.

    Args:
        test: figures of the policy on test.
    """
    best = test.best_router
    if best is None:
        return None
    return Lead(best.name, best.quality_gain, best.quality_gain_ci, _beside(best, test))


def _ruled(
    test: Figures,
    bounds: Bounds,
    best: str,
    warnings: Sequence[str],
    certificate: Certificate | None,
    further: Sequence[BoundCheck],
    *,
    by_chance: bool,
    routes: bool,
    kind: str,
    elsewhere: Sequence[str],
) -> Verdict:
    """The verdict on the gain."""
    alone = test.single_model and not routes
    judged = [*mean_bound_checks(test, bounds, best, None), *further]
    proved = list(_certified(certificate))
    demanded: list[BoundCheck | _Proved] = [*judged, *proved]
    missed = [check for check in demanded if not check.proven]
    held = [*bound_sentences(judged), *(check.text for check in proved if check.proven)]
    near = _near(test, kind)
    leads = lead(test)
    others = _beside_others([it for it in near if it != test.best_router], test)
    rest = [*warnings, *([] if leads is None else [leads.text]), *held, *others]
    gain = f"gain over the zero router {100 * test.gain_vs_zero_router:+z.2f} points"
    gain += f" {bracketed(test.gain_ci, '+.2f', 100)} on {test.n_requests} test requests"
    if not alone and (few := _too_few(test)):
        needed_most = FEWEST if test.n_requests < FEWEST else None
        return Verdict("not proven", (few, gain, *(it.text for it in missed), *rest), needed_most)
    if by_chance and not test.single_model:
        drawn = (
            f"{gain}: a mixture of single models, as the zero router is, so that all they differ"
        )
        drawn += " by is the luck of the draws"
        return _without_gain(drawn, [check.text for check in missed], elsewhere, rest)
    low, high = test.gain_ci
    better = [it for it in near if _loses(it)]
    if low > 0 and not missed and better:
        beaten = f"{' and '.join(it.name for it in better)} beats it at the same cost"
        return Verdict("not proven", (f"{gain}: above zero, but {beaten}", *rest))
    if low > 0 and not missed:
        as_good = f", though {_names(near)} may do as well" if near else ""
        return Verdict("ship", (f"{gain}: above zero{as_good}", *rest, *_compare_first(near)))
    if routes and (hidden := _not_shown(test)) is not None:
        reasons = (*(it.text for it in missed), f"{gain}: {hidden.text}", *elsewhere, *rest)
        return Verdict("not proven", reasons, hidden.needed)
    if high < MARGIN:
        small = f"{gain}: below the margin of {100 * MARGIN:.1f}"
        return _without_gain(small, [check.text for check in missed], elsewhere, rest)
    needed = [bound.needed for bound in missed if bound.needed is not None]
    if low <= 0:
        half = (high - low) / 2
        more = requests_to_settle(test.gain_vs_zero_router, half, test.n_requests, MARGIN)
        gain += ": the interval reaches zero"
        among = settling_range(test.gain_vs_zero_router, half, test.n_requests, MARGIN)
        if more is not None and among is not None:
            needed.append(more)
            gain += f"; {range_text(among)} test requests would settle it"
    reasons = (*(check.text for check in missed), gain, *elsewhere, *rest)
    return Verdict("not proven", reasons, max(needed, default=None))


def _too_few(test: Figures) -> str:
    """Why so few requests or groups bear no verdict, in a sentence; "" where they do."""
    if test.n_requests < FEWEST:
        return f"{test.n_requests} test requests are too few for a verdict; {FEWEST} at least"
    return test.refusal


class _Hidden(NamedTuple):
    """What test cannot show of a router, and the requests that would."""

    text: str
    needed: int


def _not_shown(test: Figures) -> _Hidden | None:
    """What is left open where one model answered all of test; None where that is too little."""
    made = test.interval_methods.get("gain")
    unseen = NONE_SEEN / (test.n_requests if made is None else made.effective_groups)
    if not test.single_model or unseen < MARGIN:
        return None
    needed = math.ceil(test.n_requests * unseen / MARGIN)
    text = "one model answered all of them, so that nothing shows what is gained on requests that"
    return _Hidden(f"{text} go to another, up to {unseen:.1%}; {needed:,} would", needed)


def _without_gain(
    gain: str, missed: Sequence[str], elsewhere: Sequence[str], rest: Sequence[str]
) -> Verdict:
    """On a policy that gains nothing: whether nothing else does either."""
    if not elsewhere:
        return Verdict("do not route", (gain, *missed, *rest))
    first, *others = elsewhere
    return Verdict("not proven", (f"{first}; of this policy, {gain}", *missed, *others, *rest))


class _Proved(NamedTuple):
    """What became of a certificate, or of one of its goals on test."""

    text: str
    proven: bool
    needed: None = None


def _certified(certificate: Certificate | None) -> Iterator[_Proved]:
    """A certificate that was asked for must hold, and test must not speak against it."""
    if certificate is None:
        return
    yield _Proved(certificate.text, certificate.holds)
    for goal in certificate.goals:
        if (text := wording.later(goal, certificate.part)) is not None:
            yield _Proved(text, not goal.broken_later)


def _compare_first(near: Sequence[Baseline]) -> Iterator[str]:
    """What to do about untuned routers that a policy that ships is not shown to beat."""
    if near:
        yield (
            f"before you ship, compare with {_names(near)}, simpler and perhaps as good:"
            " the verdict only asks for a gain over the zero router"
        )


def _names(of: Sequence[Baseline]) -> str:
    return " and ".join(it.name for it in of)


def _near(test: Figures, kind: str) -> list[Baseline]:
    """Untuned routers that the policy is not shown to beat, but for one of its own kind."""
    single = test.single_model
    return [
        it
        for it in test.baselines
        if it.name in RIVALS
        and it.name != OWN.get(kind)
        and it.quality_gain_ci[0] <= 0
        and not (single and _as_good(it))
    ]


def _loses(to: Baseline) -> bool:
    return to.quality_gain_ci[1] < 0


def _as_good(as_rival: Baseline) -> bool:
    """Whether the policy is exactly as good, as one that decides alike is."""
    return not any((as_rival.quality_gain, *as_rival.quality_gain_ci))


def _beside(it: Baseline, test: Figures) -> str:
    """How the policy does against an untuned router that spends as much."""
    name = "the zero router" if it.name == ZERO_ROUTER else it.name
    best = ", the best baseline at its cost" if it == test.best_router else ""
    return (
        f"{_against(it)} {name}{best}: {100 * it.quality_gain:+z.2f} points"
        f" {bracketed(it.quality_gain_ci, '+.2f', 100)}"
        f" at {it.usd_per_1k:.4g} USD per 1,000 requests, where the policy costs"
        f" {test.usd_per_1k:.4g}"
    )


def _beside_others(near: Sequence[Baseline], test: Figures) -> list[str]:
    """The same of several: those that are as good or better, and all others in one sentence."""
    unclear = [it for it in near if _against(it) == _UNCLEAR]
    told = [_beside(it, test) for it in near if it not in unclear]
    if len(unclear) < 2:
        return told + [_beside(it, test) for it in unclear]
    by = [
        f"{it.name} ({100 * it.quality_gain:+z.2f} points"
        f" {bracketed(it.quality_gain_ci, '+.2f', 100)})"
        for it in unclear
    ]
    return [*told, f"{_UNCLEAR} {listed(by)}, each at what the policy costs or less"]


def _against(rival: Baseline) -> str:
    if _loses(rival):
        return "loses to"
    if rival.quality_gain_ci[0] > 0:
        return "beats"
    saved = (rival.saving_usd_per_1k, *rival.saving_usd_per_1k_ci)
    same = _as_good(rival) and not any(saved)
    return "does just what is done by" if same else _UNCLEAR
