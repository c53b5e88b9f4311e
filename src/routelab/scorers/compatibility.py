"""Whether features, scorers and models know each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from routelab.core.messages import first
from routelab.core.storage import limits, raised
from routelab.scorers.scorer import Scorer
from routelab.signals.features import FeatureProvider

_TOLD = 20
"""Names of a file that a sentence lists."""

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
    circle, deepest = _order(scorers)
    if circle:
        problems.append(f"scorers ask each other in a circle: {first(circle, _TOLD)}")
    if deepest > (most := limits().nesting):
        problems.append(
            f"scorers ask each other {deepest} deep, and {most} is the most; ask fewer, or"
            f" {raised('nesting')}"
        )
    return problems


def _unknown(what: str, names: Sequence[str], there: Mapping[str, object]) -> Iterator[str]:
    listed = first(list(there), _TOLD) if there else "none"
    return (f"no {what} {name!r}; there are: {listed}" for name in names if name not in there)


def _strangers(names: Sequence[str], models: Sequence[str] | None) -> Iterator[str]:
    if models is None:
        return
    for name in names:
        if name not in models:
            yield (
                f"was fitted for model {name!r}, which is not among the policy's candidates"
                f" ({first(list(models), _TOLD)}); fit it for these"
            )


def _at_odds(scorer: Scorer, scorers: Mapping[str, Scorer]) -> Iterator[str]:
    for part in scorer.asks:
        if part in scorers and scorers[part].outputs != scorer.outputs:
            yield (
                f"outputs are {', '.join(scorer.outputs)}, but those of {part!r} are"
                f" {', '.join(scorers[part].outputs)}"
            )


def _order(scorers: Mapping[str, Scorer]) -> tuple[list[str], int]:
    """Scorers that cannot be put after all those they ask, and how deep the others go."""
    waiting = {name: {*scorer.asks} & scorers.keys() for name, scorer in scorers.items()}
    askers: dict[str, list[str]] = {name: [] for name in scorers}
    for name, parts in waiting.items():
        for part in parts:
            askers[part].append(name)
    free, deepest = [name for name, parts in waiting.items() if not parts], 0
    while free:
        deepest += 1
        ready = []
        for name in free:
            del waiting[name]
            for asker in askers[name]:
                waiting[asker].discard(name)
                if not waiting[asker]:
                    ready.append(asker)
        free = ready
    return [*waiting], deepest
