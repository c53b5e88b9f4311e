"""Fitted predictors, as drivers hand them to policies and as policies name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from routelab.core.protocol import Feedback
from routelab.core.request import Request

if TYPE_CHECKING:
    import numpy.typing as npt


class Scoring(Protocol):
    """Scorers by name. One request scored alone gives the very bits that a batch gives."""

    @property
    def names(self) -> Sequence[str]:
        """Of all scorers."""
        ...

    def outputs(self, name: str) -> tuple[str, ...]:
        """What the columns of a scorer stand for: models, or ("score",)."""
        ...

    def target(self, name: str) -> str:
        """What a scorer predicts: complexity, quality, cost, latency or gain."""
        ...

    def reads_text(self, name: str) -> bool:
        """Whether a scorer needs the request's messages."""
        ...

    def reads_answer(self, name: str) -> bool:
        """Whether a scorer needs the feedback of a call."""
        ...

    def asks(self, name: str) -> Sequence[str]:
        """The scorers that a scorer asks in its turn."""
        ...

    def metadata_used(self, name: str) -> frozenset[str]:
        """What a scorer reads of a request besides its messages: "task", "tenant"."""
        ...

    def score(self, name: str, request: Request, seen: Feedback | None = None) -> tuple[float, ...]:
        """Predictions for one request.

        Args:
            name: of the scorer.
            request: with its messages where `reads_text`.
            seen: the answer that it is about, where `reads_answer`.
        Returns:
            (k,) one for each output: quality and complexity in [0, 1], cost in USD, latency in
            seconds, gain in units of quality.
        Raises:
            PolicyError: no such scorer, or it lacks what it reads.
        """
        ...

    def score_batch(
        self, name: str, requests: Sequence[Request], seen: Sequence[Feedback] | None = None
    ) -> npt.NDArray[np.float64]:
        """Predictions for many requests, to the same bits as `score` gives.

        Args:
            name: of the scorer.
            requests: (n,) with their messages where `reads_text`.
            seen: (n,) an answer for each, where `reads_answer`.
        Returns:
            (n, k) in the units of `score`.
        Raises:
            PolicyError: no such scorer, or it lacks what it reads.
        """
        ...


def reads_of(scoring: Scoring | None) -> str | None:
    """Which of a request's messages scorers look at, one of `routelab.core.conversation.READS`.

    Args:
        scoring: says so as its attribute `reads`; None, and one without it, for all messages.
    """
    reads: str | None = getattr(scoring, "reads", None)
    return reads


class ScorerUse(NamedTuple):
    """A scorer that a policy names, and what it must be.

    Attributes:
        name: of the scorer.
        target: what it must predict.
        outputs: columns it must have.
        after: it is asked after an answer, with that answer.
        kind: its kind must be this one; empty for any.
    """

    name: str
    target: str
    outputs: tuple[str, ...]
    after: bool = False
    kind: str = ""


def scorer_misfits(uses: Iterable[ScorerUse], scoring: Scoring | None) -> list[str]:
    """A sentence for everything that a policy expects of its scorers and does not find."""
    return [problem for use in uses for problem in _misfits(use, scoring)]


def _misfits(use: ScorerUse, scoring: Scoring | None) -> list[str]:
    if scoring is None or use.name not in scoring.names:
        there = ", ".join(scoring.names) if scoring is not None else ""
        return [f"the policy reads scorer {use.name!r}; the scorers are {there or 'none'}"]
    problems = []
    if (target := scoring.target(use.name)) != use.target:
        problems.append(f"scorer {use.name!r} predicts {target}; the policy needs {use.target}")
    outputs = scoring.outputs(use.name)
    if lacking := [name for name in use.outputs if name not in outputs]:
        problems.append(
            f"scorer {use.name!r} says nothing of {', '.join(lacking)}: it was fitted for"
            f" {', '.join(outputs)}"
        )
    if scoring.reads_answer(use.name) and not use.after:
        problems.append(f"scorer {use.name!r} reads an answer; the policy asks it before any")
    return problems
