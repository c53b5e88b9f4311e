"""What several kinds of policy check about their fields, each problem as a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from routelab.core.messages import counted


def models_problems(kind: str, models: Sequence[str], least: int) -> Iterator[str]:
    """Too few models, or one of them twice."""
    if len(models) < least:
        yield f"{kind} needs {counted(least, 'model')} or more, got {len(models)}"
    if len(set(models)) < len(models):
        yield f"{kind} names a model twice: {', '.join(models)}"


def weight_problems(kind: str, **weights: float) -> Iterator[str]:
    """A weight that is negative or not finite."""
    for name, value in weights.items():
        if not (math.isfinite(value) and value >= 0.0):
            yield f"{name} of {kind} is {value}; it is finite and not negative"


def constants_problems(
    kind: str, field: str, constants: Sequence[float], models: Sequence[str]
) -> Iterator[str]:
    """Constants that are not one for each model, or are negative or not finite."""
    if constants and len(constants) != len(models):
        yield f"{kind} of {len(models)} models needs {len(models)} {field}, got {len(constants)}"
    for index, value in enumerate(constants):
        if not (math.isfinite(value) and value >= 0.0):
            yield f"{field} {index} of {kind} is {value}; they are finite and not negative"


def price_problems(
    kind: str,
    field: str,
    weight: float,
    scorer: str,
    constants: Sequence[float],
    models: Sequence[str],
) -> Iterator[str]:
    """A weighted cost or latency that is told by nothing, or by a scorer and constants at once."""
    yield from weight_problems(kind, **{f"{field}_weight": weight})
    yield from constants_problems(kind, _plural(field), constants, models)
    if scorer and constants:
        yield f"{kind} has a {field} scorer {scorer!r} and constant {_plural(field)}; give one"
    if weight and not scorer and not constants:
        yield (
            f"{field}_weight of {kind} is {weight}, and nothing tells the {field}: name a scorer"
            f" as `{field}`, or give `{_plural(field)}`, one for each model"
        )


def _plural(field: str) -> str:
    return {"latency": "latencies"}.get(field, f"{field}s")
