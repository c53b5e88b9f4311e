"""How much more one policy gains than another, on the same requests."""

from __future__ import annotations

from routelab.core import Policy
from routelab.replay import baselines, figure_intervals
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.evaluate import Range, measure, zero_router
from routelab.replay.measure import Measure
from routelab.replay.result import Replay


def gain_difference(comparison: ComparisonSet, one: Policy, other: Policy) -> tuple[float, Range]:
    """Gain of one policy over the zero router minus that of another, with a 95 % interval.

    Each is compared with the zero router at its own cost, refitted in every paired resample,
    so that policies of different cost can be set against each other.

    Args:
        comparison: rows to compare on.
        one, other: the policies.
    Returns:
        Units of quality: the difference, and its interval.
    Raises:
        UncoveredError: a policy asks for what the log cannot know.
    """
    return gains_apart(comparison, comparison.replay(one), comparison.replay(other))


def gains_apart(comparison: ComparisonSet, one: Replay, other: Replay) -> tuple[float, Range]:
    """`gain_difference` of two replays of these rows, wherever they were made.

    Args:
        comparison: rows to compare on.
        one, other: replays of them all, in their order.
    Returns:
        Units of quality: the difference, and its 95 % interval.
    """
    replays = [one, other, *comparison.fixed()]
    measured = measure(comparison, dict(enumerate(map(baselines.outcome, replays))))
    mine, theirs, *models = measured.values()
    gains = [_gain(it, zero_router(models, it)) for it in (mine, theirs)]
    found = figure_intervals.quality_difference(gains[0], gains[1])
    return gains[0].quality - gains[1].quality, found.ends


def _gain(policy: Measure, zero: Measure) -> Measure:
    return policy._replace(
        quality=policy.quality - zero.quality, qualities=policy.qualities - zero.qualities
    )


def baseline_gains(comparison: ComparisonSet, cost_usd: float) -> dict[str, tuple[float, Range]]:
    """Gain of the untuned routers over the zero router at their own cost, with 95 % intervals.

    Args:
        comparison: rows to compare on.
        cost_usd: USD a request that they are to spend.
    Returns:
        Units of quality, of `ROUTERS` but for the random mix, where the log has what they need.
    """
    fixed = comparison.fixed()
    there = {name: it.at(cost_usd) for name, it in comparison.learned.by_name.items()}
    longest = baselines.prompt_length(comparison.log, fixed, cost_usd)
    if longest is not None:
        there = {baselines.PROMPT_LENGTH: longest, **there}
    models = {f"fixed:{at}": baselines.outcome(it) for at, it in enumerate(fixed)}
    measured = measure(comparison, {**there, **models})
    alone = [measured[name] for name in models]
    among = figure_intervals.cost_range(alone)
    found: dict[str, tuple[float, Range]] = {}
    for name in there:
        router, zero = measured[name], zero_router(alone, measured[name])
        gain = router.quality - zero.quality
        found[name] = gain, figure_intervals.gain(router, gain, alone, among).ends
    return found
