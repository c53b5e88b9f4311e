"""What calls are expected to cost or to take, for one request or for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Predictor(Protocol):
    """One request or a table of them: what scorers predict, a number or (n,) by output."""

    def predictions(self, name: str) -> Mapping[str, Any]:
        """What a scorer predicts before any answer."""
        ...


def expected(
    x: Predictor, models: Sequence[str], scorer: str, constants: Sequence[float]
) -> Sequence[Any]:
    """(m,) USD or seconds of one call of each model, from the scorer if one is named."""
    if not scorer:
        return constants or [0.0] * len(models)
    found = x.predictions(scorer)
    return [found[name] for name in models]
