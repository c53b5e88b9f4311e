"""A policy's draws by a script, so that all of them can be followed one after another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from routelab.core.context import Context
from routelab.core.decision import Choice, Score
from routelab.core.protocol import Feedback
from routelab.core.request import Request


class ScriptedContext(Context):
    """A context whose draws follow a script, and that notes what else could be drawn.

    Draws of one name fall from one uniform number, as in production: what an earlier draw says of
    that number rules out options of a later one.

    Attributes:
        open: scripts of the ways not taken, met beyond the end of the given one.
        chance: probability of the draws so far.

    Args:
        script: for each draw with more than one option left, which of those is taken, from 0;
            beyond its end the first.
        scored: what scorers are known to say of the request, so that they need not be asked again.
        options: of `Context`.
    """

    __slots__ = ("_known", "_script", "_spans", "_taken", "chance", "open")

    def __init__(
        self,
        request: Request,
        allowed: Collection[str],
        *,
        script: tuple[int, ...] = (),
        scored: Sequence[Score] = (),
        **options: Any,
    ) -> None:
        super().__init__(request, allowed, **options)
        self.open: list[tuple[int, ...]] = []
        self.chance = 1.0
        self._script = script
        self._taken: tuple[int, ...] = ()
        self._spans: dict[str, tuple[float, float]] = {}
        self._known = {it.name: it for it in scored if it.after is None}

    def choose(self, name: str, probabilities: Sequence[float], *, all_differ: bool = False) -> int:
        options = list(_options(probabilities, self._spans.get(name)))
        at, place = 0, len(self._taken)
        if len(options) > 1:
            if place < len(self._script):
                at = self._script[place]
            else:
                self.open += [(*self._taken, other) for other in range(1, len(options))]
            self._taken = (*self._taken, at)
        taken = options[at]
        self._spans[name] = taken.span
        self.chance *= taken.share
        self.choices.append(Choice(name, taken.place, taken.share))
        return taken.place

    def score(self, name: str, seen: Feedback | None = None) -> tuple[float, ...]:
        if seen is None and name in self._known:
            self.scores.append(self._known[name])
            return tuple(value for _, value in self._known[name].values)
        return super().score(name, seen)


class _Option(NamedTuple):
    """An option of a draw: its place, where its numbers lie, and how probable it is now."""

    place: int
    span: tuple[float, float]
    share: float


def _options(probabilities: Sequence[float], span: tuple[float, float] | None) -> Iterator[_Option]:
    """The options that a uniform number in a span may fall on, as `pick` decides."""
    low, high = span or (0.0, 1.0)
    last = max(index for index, p in enumerate(probabilities) if p > 0.0)
    start = 0.0
    for index, edge in enumerate(accumulate(probabilities)):
        end = 1.0 if index == last else edge
        inside = max(start, low), min(end, high)
        start = max(start, edge)
        if inside[0] < inside[1]:
            share = (inside[1] - inside[0]) / (high - low)
            yield _Option(index, inside, share if span else float(probabilities[index]))
        if index == last:
            return
