"""The verdict on saving: whether as good as the best model is had for less."""

from __future__ import annotations

from typing import Literal

import msgspec

from routelab.core.messages import bracketed, short_repr
from routelab.replay import Baseline, Figures
from routelab.stats import range_text, requests_above, requests_range

SavingWord = Literal["proven", "not proven", "quality lost"]


@short_repr
class Saving(msgspec.Struct, frozen=True):
    """What a policy saves against the best model alone, and whether at equal quality.

    Attributes:
        word: "proven" where quality is surely less than the margin below the model's and cost
            surely below its; "quality lost" where quality is surely further below; else
            "not proven".
        model: the candidate that was best on tune.
        share, share_ci: of its cost that is saved on test, with the 95 % interval.
        quality, quality_ci: the policy's less the model's, with the paired interval.
        margin: of quality that may be lost and is called equal.
        requests: of test that would prove it; None if proven, or if no number would.
        text: all of it in a sentence.
    Source: Piaggio et al. 2012, "Reporting of noninferiority and equivalence randomized trials".
    """

    word: SavingWord
    model: str
    share: float
    share_ci: tuple[float, float]
    quality: float
    quality_ci: tuple[float, float]
    margin: float
    requests: int | None
    text: str


def saving(test: Figures, best: str, margin: float) -> Saving | None:
    """The verdict on saving; None of a policy that saves nothing, or does what the model does.

    Args:
        test: figures of the policy on test.
        best: the candidate that was best on tune.
        margin: of quality, in (0, 1).
    """
    alone = test.alone(best)
    if alone.saving_share is None or alone.saving_share_ci is None:
        return None
    if not alone.saving_share > 0:
        return None
    low, high = alone.quality_gain_ci
    held, saved = low > -margin, alone.saving_share_ci[0] > 0
    word: SavingWord = "not proven"
    if held and saved:
        word = "proven"
    elif high < -margin:
        word = "quality lost"
    half = alone.quality_gain - low
    requests = None
    if word == "not proven" and not held and half >= 0:
        requests = requests_above(alone.quality_gain, half, test.n_requests, -margin)
    text = _text(best, alone, margin, word)
    if requests is not None:
        among = requests_range(alone.quality_gain, half, test.n_requests, -margin)
        assert among is not None  # as requests are a number
        text += f"; {range_text(among)} test requests would"
    return Saving(
        word,
        best,
        alone.saving_share,
        alone.saving_share_ci,
        alone.quality_gain,
        alone.quality_gain_ci,
        margin,
        requests,
        text,
    )


def _text(model: str, alone: Baseline, margin: float, word: SavingWord) -> str:
    share, ends = alone.saving_share, alone.saving_share_ci
    assert share is not None
    assert ends is not None  # else `saving` had told nothing
    ending = {
        "proven": f"proven, to {100 * margin:g} of a point",
        "not proven": f"not proven to {100 * margin:g} of a point",
        "quality lost": f"quality is lost, more than {100 * margin:g} of a point",
    }[word]
    return (
        f"saving at equal quality: {share:.1%} {bracketed(ends, '.1f', 100)} of what"
        f" {model} costs, at {100 * alone.quality_gain:+z.2f} points"
        f" {bracketed(alone.quality_gain_ci, '+.2f', 100)} of its quality: {ending}"
    )
