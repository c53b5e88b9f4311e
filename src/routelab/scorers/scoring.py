"""The scorers of a policy, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from routelab.core import Feedback, Floats, Request
from routelab.core.messages import one_line
from routelab.errors import PolicyError
from routelab.scorers.scorer import Scorer
from routelab.scorers.views import LoadedScorers, ManyView, Memo, OneView

_BLOCK = 2048
"""Requests whose features are held at once."""


def reached(name: str, specs: Mapping[str, Scorer]) -> list[Scorer]:
    """A scorer and all that it asks, directly or not, each once.

    Args:
        name: of the scorer.
        specs: all scorers, by name.
    """
    found, waiting = dict[str, Scorer](), [name]
    while waiting:
        if (here := waiting.pop()) not in found:
            found[here] = specs[here]
            waiting += specs[here].asks
    return [*found.values()]


class ScorerSet:
    """Scores requests, one at a time or many at once, to the same bits.

    The features of the request asked about last are kept, so that asking for several
    scores, or again after an answer, reads it once.

    Attributes:
        reads: which of a request's messages are looked at; None for all (see
            `routelab.core.reads_of`).
    """

    def __init__(self, ready: LoadedScorers, reads: str | None = None) -> None:
        self._ready = ready
        self.reads = reads
        self._last = OneView(ready, Request(""), None, Memo({}, {}))

    def __repr__(self) -> str:
        return one_line(f"<ScorerSet of {len(self.names)}: {', '.join(self.names) or 'none'}>")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._ready.specs)

    def spec(self, name: str) -> Scorer:
        """The description of a scorer.

        Raises:
            PolicyError: there is none of this name.
        """
        try:
            return self._ready.specs[name]
        except KeyError:
            there = ", ".join(self.names) or "none"
            raise PolicyError(f"no scorer {name!r}; there are: {there}") from None

    def outputs(self, name: str) -> tuple[str, ...]:
        """What the scores of `name` are about: models, or "score"."""
        return self.spec(name).outputs

    def target(self, name: str) -> str:
        """What a scorer predicts."""
        return self.spec(name).target

    def kind(self, name: str) -> str:
        """The kind of a scorer, as `policy.json` calls it."""
        return str(self.spec(name).__struct_config__.tag)

    def reads_answer(self, name: str) -> bool:
        """Whether a scorer needs `seen`."""
        self.spec(name)
        return name in self._ready.answered

    def reads_text(self, name: str) -> bool:
        """Whether a scorer needs the request's messages."""
        self.spec(name)
        features = self._ready.features
        return any(
            features[feature].reads_text
            for part in reached(name, self._ready.specs)
            for feature in part.features
        )

    def asks(self, name: str) -> tuple[str, ...]:
        """The scorers that a scorer asks in its turn."""
        return self.spec(name).asks

    def metadata_used(self, name: str) -> frozenset[str]:
        """What a scorer, or one that it asks, reads of a request besides its messages."""
        self.spec(name)
        parts = reached(name, self._ready.specs)
        return frozenset[str]().union(*(part.metadata_used for part in parts))

    def score(self, name: str, request: Request, seen: Feedback | None = None) -> tuple[float, ...]:
        """Scores of one request, before or after an answer.

        Args:
            name: of the scorer.
            request: with its messages where the scorer reads them.
            seen: the answer that the scores are about; None before any.
        Returns:
            (outputs,) quality and complexity in [0, 1], cost in USD, latency in seconds, gain in
            units of quality.
        Raises:
            PolicyError: no such scorer; or no messages, or no answer, where one is read.
        """
        view, request = self._last, request.reading(self.reads)
        if view.request is not request or view.seen is not seen:
            before = view.before if view.request is request else Memo({}, {})
            view = self._last = OneView(self._ready, request, seen, before)
        if name not in self._ready.specs:
            self.spec(name)
        return view.score(name)

    def score_batch(
        self, name: str, requests: Sequence[Request], seen: Sequence[Feedback] | None = None
    ) -> Floats:
        """(n, outputs) scores of many requests, to the same bits as `score` gives.

        Args:
            name: of the scorer.
            requests: (n,) with their messages where the scorer reads them.
            seen: (n,) one answer for each request.
        Raises:
            PolicyError: as `score`.
        """
        requests = [request.reading(self.reads) for request in requests]
        scores = np.empty((len(requests), len(self.outputs(name))))
        for start in range(0, len(requests), _BLOCK):
            block = slice(start, start + _BLOCK)
            answers = None if seen is None else seen[block]
            scores[block] = ManyView(self._ready, requests[block], answers).score(name)
        return scores
