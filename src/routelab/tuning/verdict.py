"""Ship, do not route, or not proven: what the test part says about a policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from routelab.replay import Figures
from routelab.stats.power import requests_to_settle
from routelab.tuning.bounds import Bounds

MARGIN = 0.005
"""A gain below this many points of quality / 100 is not worth a router."""

RIVALS = ("random_mix", "prompt_length", "task_mean")

Word = Literal["ship", "not proven", "do not route"]


class Verdict(msgspec.Struct, frozen=True):
    """The verdict and what it rests on.

    Attributes:
        reasons: sentences, the decisive one first.
        requests_to_settle: test requests that would settle "not proven"; None if settled, or
            if no number of them would.
    """

    word: Word
    reasons: tuple[str, ...]
    requests_to_settle: int | None = None


def verdict(
    test: Figures, bounds: Bounds, best_quality: float, warnings: Sequence[str] = ()
) -> Verdict:
    """Judge a policy by its figures on test, in the order of the rules.

    Args:
        best_quality: on test, of the candidate that was best on tune.
        warnings: what else a reader must know.
    """
    low, high = test.gain_ci
    broken, held = _bounds(test, bounds, best_quality)
    held += _rivals(test)
    gain = f"gain over the zero router {_points(test.gain_vs_zero_router)} points"
    gain += f" [{_points(low)}, {_points(high)}] on {test.n_requests} test requests"
    if low > 0 and not broken:
        return Verdict("ship", (f"{gain}: above zero", *held, *warnings))
    if high < MARGIN:
        small = f"{gain}: below the margin of {100 * MARGIN:.1f}"
        return Verdict("do not route", (small, *broken, *held, *warnings))
    needed = None
    if low <= 0:
        half = (high - low) / 2
        needed = requests_to_settle(test.gain_vs_zero_router, half, test.n_requests, MARGIN)
        gain += ": the interval reaches zero"
        if needed is not None:
            gain += f"; about {needed:,} test requests would settle it"
    return Verdict("not proven", (*broken, gain, *held, *warnings), needed)


def _bounds(test: Figures, bounds: Bounds, best: float) -> tuple[list[str], list[str]]:
    """Sentences about bounds that broke, and about those that hold."""
    broken: list[str] = []
    held: list[str] = []
    if (ceiling := bounds.max_usd_per_1k) is not None:
        low, high = test.usd_per_1k_ci
        holds = test.usd_per_1k <= ceiling
        found = f"{test.usd_per_1k:.4g} USD per 1,000 requests [{low:.4g}, {high:.4g}]"
        text = f"cost bound of {ceiling:.4g} {'holds' if holds else 'is broken'} on test: {found}"
        (held if holds else broken).append(text)
    if (floor := bounds.floor(best)) is not None:
        low, high = test.quality_ci
        holds = test.quality >= floor
        found = f"{test.quality:.4f} [{low:.4f}, {high:.4f}]"
        text = f"quality bound of {floor:.4f} {'holds' if holds else 'is broken'} on test: {found}"
        (held if holds else broken).append(text)
    return broken, held


def _rivals(test: Figures) -> list[str]:
    """Untuned routers that spend as much and are not shown to be worse."""
    return [
        f"{'loses to' if it.quality_gain_ci[1] < 0 else 'not shown to beat'} {it.name}:"
        f" {_points(it.quality_gain)} points"
        f" [{_points(it.quality_gain_ci[0])}, {_points(it.quality_gain_ci[1])}]"
        f" at {it.usd_per_1k:.4g} USD per 1,000 requests"
        for it in test.baselines
        if it.name in RIVALS and it.quality_gain_ci[0] <= 0 and it.quality_gain != 0
    ]


def _points(quality: float) -> str:
    """A difference in quality, in points of 1/100."""
    return f"{100 * quality:+.2f}"
