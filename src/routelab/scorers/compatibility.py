"""Whether features, scorers and models know each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from routelab.scorers.scorer import Scorer
from routelab.signals.features import FeatureProvider

SCORE = "score"
"""Output of a scorer that says one thing about a request, whatever the model."""


def misfits(
    features: Mapping[str, FeatureProvider],
    scorers: Mapping[str, Scorer],
    models: Sequence[str] | None,
) -> list[str]:
    """Names that nothing answers to, and circles.

    Args:
        models: the policy's candidates; None does not check.
    """
    problems = [
        f"features.{name}: {problem}"
        for name, provider in features.items()
        for problem in _strangers(provider.models_used, models)
    ]
    for name, scorer in scorers.items():
        outputs = () if scorer.outputs == (SCORE,) else scorer.outputs
        found = [
            *_unknown("feature", scorer.features, features),
            *_unknown("scorer", scorer.asks, scorers),
            *_strangers(outputs, models),
            *_at_odds(scorer, scorers),
        ]
        problems += [f"scorers.{name}: {problem}" for problem in found]
    if circle := _circle(scorers):
        problems.append(f"scorers ask each other in a circle: {', '.join(circle)}")
    return problems


def _unknown(what: str, names: Sequence[str], there: Mapping[str, object]) -> Iterator[str]:
    listed = ", ".join(there) or "none"
    return (f"no {what} {name!r}; there are: {listed}" for name in names if name not in there)


def _strangers(names: Sequence[str], models: Sequence[str] | None) -> Iterator[str]:
    if models is None:
        return
    for name in names:
        if name not in models:
            yield (
                f"was fitted for model {name!r}, which is not among the policy's candidates"
                f" ({', '.join(models)}); fit it for these"
            )


def _at_odds(scorer: Scorer, scorers: Mapping[str, Scorer]) -> Iterator[str]:
    for part in scorer.asks:
        if part in scorers and scorers[part].outputs != scorer.outputs:
            yield (
                f"outputs are {', '.join(scorer.outputs)}, but those of {part!r} are"
                f" {', '.join(scorers[part].outputs)}"
            )


def _circle(scorers: Mapping[str, Scorer]) -> list[str]:
    """Scorers that cannot be put after all those they ask."""
    waiting = {name: {*scorer.asks} & {*scorers} for name, scorer in scorers.items()}
    while free := [name for name, parts in waiting.items() if not parts & {*waiting}]:
        for name in free:
            del waiting[name]
    return [*waiting]
