"""From the wire forms of a policy to scorers at work, with every problem named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from routelab.errors import MissingExtraError, PolicyError, PolicyFileError
from routelab.scorers.compatibility import misfits
from routelab.scorers.scorer import Scorer
from routelab.scorers.scoring import ScorerSet, reached
from routelab.scorers.views import LoadedScorers
from routelab.signals.features import BoundProvider, Tensors

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def load_scorers(
    features: Mapping[str, Any],
    scorers: Mapping[str, Any],
    tensors: Tensors,
    *,
    models: Sequence[str] | None = None,
    reads: str | None = None,
) -> ScorerSet:
    """The scorers of a policy, ready to score.

    Args:
        features, scorers: wire forms by name, as in `policy.json`.
        models: the policy's candidates, which outputs must be among; None does not check.
        reads: which of a request's messages they look at, one of
            `routelab.core.conversation.READS`; None for all.
    Raises:
        PolicyFileError: anything is unknown, missing, malformed or goes in a circle.
        MissingExtraError: a feature needs a package that is not installed.
    """
    if not (features or scorers):
        return ScorerSet(LoadedScorers({}, {}, {}, frozenset()), reads)
    from routelab.scorers import registry  # all kinds, for a policy that has some
    from routelab.signals.features import registry as kinds

    problems: list[str] = []
    providers = _each("features", features, kinds.from_wire, problems)
    specs = _each("scorers", scorers, registry.from_wire, problems)
    _stop(problems)
    _stop(misfits(providers, specs, models))
    bound = _each("features", providers, lambda it: it.bind(tensors), problems)
    _stop(problems)
    ready = _each("scorers", specs, lambda it: it.bind(_widths(it, bound), tensors), problems)
    _stop(problems)
    answered = _reading_answers(specs, bound)
    return ScorerSet(LoadedScorers(bound, specs, ready, answered), reads)


_TOLD = 8
"""Problems after which no others are looked for: what a file gets wrong may be all of it."""


def _each(
    where: str, given: Mapping[str, _In], make: Callable[[_In], _Out], problems: list[str]
) -> dict[str, _Out]:
    """What can be made of each; what is wrong with the others goes to `problems`."""
    made = {}
    for name, it in given.items():
        try:
            made[name] = make(it)
        except PolicyError as error:
            if len(problems) >= _TOLD:
                problems.append(f"{where}: and maybe more")
                break
            problems += [f"{where}.{name}: {problem}" for problem in error.problems]
        except MissingExtraError as error:
            raise MissingExtraError(f"{where}.{name}: {error}") from error
    return made


def _stop(problems: Sequence[str]) -> None:
    if problems:
        raise PolicyFileError(*problems)


def _widths(spec: Scorer, bound: Mapping[str, BoundProvider]) -> list[int]:
    return [bound[name].width for name in spec.features]


def _reading_answers(
    specs: Mapping[str, Scorer], bound: Mapping[str, BoundProvider]
) -> frozenset[str]:
    """The scorers that read an answer, themselves or through one that they ask."""
    return frozenset(
        name
        for name in specs
        if any(bound[it].reads_answer for part in reached(name, specs) for it in part.features)
    )
