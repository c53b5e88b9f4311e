"""What a policy may look at while it decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from routelab.core.draw import pick, uniform
from routelab.core.request import Request
from routelab.errors import NoModelError


class Choice(msgspec.Struct, frozen=True):
    """One random decision and the probability with which it was taken."""

    name: str
    index: int
    propensity: float


class Context:
    """One request in one policy's hands.

    The driver owns it: it sets `allowed`, `called`, `spent_usd` and `elapsed_s` before
    every call; a policy only reads.
    """

    __slots__ = (
        "allowed",
        "called",
        "choices",
        "elapsed_s",
        "request",
        "seed",
        "spent_usd",
        "threshold",
    )

    def __init__(self, request: Request, allowed: Sequence[str], *, seed: int = 0) -> None:
        self.request = request
        self.allowed = frozenset(allowed)
        self.seed = seed
        self.called: tuple[str, ...] = ()
        self.spent_usd = 0.0
        self.elapsed_s = 0.0
        self.choices: list[Choice] = []
        self.threshold: float | None = None

    def stages(
        self, models: Sequence[str], thresholds: Sequence[float]
    ) -> Iterator[tuple[str, float]]:
        """The models of a cascade that may still be overruled, each with its threshold.

        A model that is not allowed is skipped and its threshold left unused; the last
        allowed model has no stage, because nothing can overrule it.
        """
        for index, (model, threshold) in enumerate(zip(models, thresholds, strict=False)):
            if model not in self.allowed:
                continue
            if self.allowed.isdisjoint(models[index + 1 :]):
                return
            self.threshold = threshold
            yield model, threshold

    def last(self, models: Sequence[str]) -> str:
        """The last of these models that is allowed and was not called yet.

        Raises:
            NoModelError: none is left; the driver then delivers the best earlier answer.
        """
        for model in reversed(models):
            if model in self.allowed and model not in self.called:
                return model
        raise NoModelError(f"request {self.request.id!r}: none of {', '.join(models)} is allowed")

    def choose(self, name: str, probabilities: Sequence[float]) -> int:
        """Draw an index with these probabilities; the same request draws the same again."""
        index = pick(uniform(self.seed, self.request.id, name), probabilities)
        self.choices.append(Choice(name, index, float(probabilities[index])))
        return index

    def take_threshold(self) -> float | None:
        """The threshold that the coming call will be held to, for the trace."""
        threshold, self.threshold = self.threshold, None
        return threshold
