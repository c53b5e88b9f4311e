"""Which models may still be called: capabilities, context windows, budget and deadline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import msgspec

from routelab.core.catalogue import Catalogue
from routelab.core.request import Request
from routelab.core.scoring import Scoring
from routelab.core.tokens import estimated_tokens


class CallEstimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one call of a model is expected to take; None if unknown.

    Attributes:
        cost_usd: USD of the answer alone, without any confidence signal.
        latency_s: seconds to the complete answer.
    """

    cost_usd: float | None = None
    latency_s: float | None = None


class RequestState(Protocol):
    """A request on its way: what it asks for, and how much of it is used up.

    Attributes:
        spent_usd: NaN once a call's cost is not known; elapsed_s: likewise of its latency.
    """

    @property
    def request(self) -> Request: ...

    @property
    def spent_usd(self) -> float: ...

    @property
    def elapsed_s(self) -> float: ...


_NOTHING: Mapping[str, CallEstimate] = MappingProxyType({})


class Admission:
    """Rules out models that a request must not be sent to.

    Bounds are kept by prediction. A model whose cost nothing predicts is ruled out where money
    is limited; one whose latency nothing predicts may be called until the deadline, since what
    still runs then is cut off.

    Attributes:
        models: of the policy.
        scorers: that predict cost or latency.
        shortest_window: tokens that the shortest context window has for a request's messages,
            beside what a candidate puts before them; infinite if none is known.

    Args:
        models: that may be called, those of a policy.
        catalogue: capabilities and context windows.
        scoring: the policy's scorers, for those of cost and latency.
        estimates: by model, for models that no scorer of cost or latency speaks of.
    """

    def __init__(
        self,
        models: Sequence[str],
        catalogue: Catalogue,
        scoring: Scoring | None = None,
        estimates: Mapping[str, CallEstimate] | None = None,
    ) -> None:
        self.models = tuple(models)
        self._all = frozenset(self.models)
        self.catalogue = catalogue
        self._scoring = scoring
        self._estimates = estimates or _NOTHING
        self._scorers = {
            target: tuple(predictors(scoring, target)) for target in ("cost", "latency")
        }
        self.scorers = tuple(name for names in self._scorers.values() for name in names)
        behind = (other for name in models for other in catalogue.model(name).fallbacks)
        windows = (catalogue.model(name).prompt_window for name in (*models, *behind))
        self.shortest_window = min((it for it in windows if it is not None), default=math.inf)

    def allowed(self, x: RequestState) -> frozenset[str]:
        """The models that may be called now."""
        request, tokens = x.request, self._tokens(x.request)
        if tokens <= self.shortest_window and not (request.needs or request.bounded):
            return self._all  # as most requests go
        return frozenset(
            name for name in self.models if next(self._obstacles(x, name, tokens), None) is None
        )

    def admits(self, x: RequestState, name: str) -> bool:
        """Whether a model may be called now, also one that the policy does not name."""
        return next(self._obstacles(x, name, self._tokens(x.request)), None) is None

    def why_not(self, x: RequestState, models: Iterable[str]) -> str:
        """What rules out which of the models, for an error message; empty if nothing does."""
        tokens = self._tokens(x.request)
        found = ((name, ", ".join(self._obstacles(x, name, tokens))) for name in models)
        return "; ".join(f"{name} {obstacles}" for name, obstacles in found if obstacles)

    def _tokens(self, request: Request) -> int:
        """Estimated, where a context window may matter."""
        if self.shortest_window == math.inf or request.messages is None:
            return 0
        return estimated_tokens(request.messages)

    def _obstacles(self, x: RequestState, name: str, tokens: int) -> Iterator[str]:
        model, request = self.catalogue.model(name), x.request
        if missing := model.missing(request.needs):
            yield f"lacks {', '.join(missing)}"
        if (window := model.prompt_window) is not None and tokens > window:
            before = model.prefix_tokens
            prefix = f", about {before} of them for its prompt_prefix," if before else ""
            yield f"holds {model.context_window} tokens{prefix} and the request has about {tokens}"
        if (limit := request.max_cost_usd) is not None:
            cost = self.predicted(request, "cost", name)
            if not x.spent_usd + cost <= limit:
                yield _over(f"{limit:.6g} USD", cost, x.spent_usd, "cost_usd")
        if (limit := request.deadline_s) is not None:
            latency = self.predicted(request, "latency", name)
            if math.isnan(latency):
                if x.elapsed_s >= limit:
                    yield f"cannot answer within {limit:.6g} s: they are over"
            elif not x.elapsed_s + latency <= limit:
                yield _over(f"{limit:.6g} s", latency, x.elapsed_s, "latency_s")

    def predicts(self, target: str, name: str) -> bool:
        """Whether anything is known of what a model's calls will cost or take."""
        scored = (self._outputs(scorer) for scorer in self._scorers[target])
        estimate = self._estimates.get(name, CallEstimate())
        known = estimate.cost_usd if target == "cost" else estimate.latency_s
        return known is not None or any(name in outputs for outputs in scored)

    def _outputs(self, scorer: str) -> Sequence[str]:
        assert self._scoring is not None  # it named the scorer
        return self._scoring.outputs(scorer)

    def predicted(self, request: Request, target: str, name: str) -> float:
        """What one call of a model is predicted to cost or to take.

        Args:
            request: whose prompt scorers may read.
            target: "cost" or "latency".
            name: of the model.
        Returns:
            USD or seconds; NaN if nothing is known.
        """
        for scorer in self._scorers[target]:
            assert self._scoring is not None  # it named the scorer
            outputs = self._scoring.outputs(scorer)
            if name in outputs:
                return max(0.0, self._scoring.score(scorer, request)[outputs.index(name)])
        estimate = self._estimates.get(name, CallEstimate())
        known = estimate.cost_usd if target == "cost" else estimate.latency_s
        return math.nan if known is None else known


def predictors(scoring: Scoring | None, target: str) -> Sequence[str]:
    """Scorers of a target that need no answer and are no part of another."""
    if scoring is None:
        return ()
    fit = [
        name
        for name in scoring.names
        if scoring.target(name) == target and not scoring.reads_answer(name)
    ]
    parts = {part for name in fit for part in scoring.asks(name)}
    return [name for name in fit if name not in parts]


def _over(limit: str, predicted: float, spent: float, field: str) -> str:
    if math.isnan(predicted):
        return f"has no known {field} to keep within {limit}: give it in the policy's `estimates`"
    if math.isnan(spent):
        return f"may exceed {limit}: the {field} of an earlier call is not known"
    return f"would exceed {limit}: {spent:.6g} are used and {predicted:.6g} predicted"
