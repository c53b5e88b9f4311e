"""What a policy may look at while it decides."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeVar

from routelab.core.admission import Admission
from routelab.core.decision import Choice, Score, Step
from routelab.core.draw import pick, uniform
from routelab.core.protocol import Feedback
from routelab.core.request import Request
from routelab.core.scoring import Scoring, reads_of
from routelab.errors import NoModelError, PolicyError

T = TypeVar("T")


class Context:
    """One request in one policy's hands.

    The driver owns it: it sets `allowed`, `called`, `spent_usd` and `elapsed_s` before
    every call; a policy only reads.

    Attributes:
        request: with its messages where the policy reads them; `text_of` of the features gives
            what is read of them.
        allowed: models that may be called now.
        spent_usd, elapsed_s: USD and seconds so far; NaN once a call's are not known.
        steps: taken so far.
        margin: smallest distance of anything compared from what would have decided otherwise.
        reasons: what the policy says of its choices; None if nobody is going to read it.
        propensity: probability of the calls under way, given those before; NaN if not known.
        end_propensity: probability of having ended here, given all calls; NaN before the end.
        ambiguous: several ways of drawing may have led here, so that draws do not tell how
            probable the calls were.
    """

    __slots__ = (
        "_admission",
        "_drawn",
        "_scoring",
        "allowed",
        "ambiguous",
        "called",
        "choices",
        "elapsed_s",
        "end_propensity",
        "margin",
        "propensity",
        "reasons",
        "request",
        "scores",
        "seed",
        "spent_usd",
        "steps",
        "threshold",
    )

    def __init__(
        self,
        request: Request,
        allowed: Collection[str],
        *,
        seed: int = 0,
        scoring: Scoring | None = None,
        admission: Admission | None = None,
        explained: bool = False,
    ) -> None:
        self.request = request.reading(reads_of(scoring))
        self.allowed = frozenset(allowed)
        self.seed = seed
        self.steps: list[Step] = []
        self.called: tuple[str, ...] = ()
        self.spent_usd = 0.0
        self.elapsed_s = 0.0
        self.choices: list[Choice] = []
        self.scores: list[Score] = []
        self.threshold: float | None = None
        self.margin = math.inf
        self.reasons: list[str] | None = [] if explained else None
        self.propensity = 1.0
        self.end_propensity = math.nan
        self.ambiguous = self._drawn = False
        self._scoring = scoring
        self._admission = admission

    def twin(self, kind: Callable[..., T], **options: Any) -> T:
        """The same request from its beginning, in a context of another kind.

        Args:
            kind: makes it, from what a context is made from.
            options: further ones.
        """
        return kind(
            self.request,
            self.allowed,
            seed=self.seed,
            scoring=self._scoring,
            admission=self._admission,
            **options,
        )

    def admit(self) -> None:
        """Compute `allowed` anew; money and time may have run out."""
        if self._admission is not None and (not self.called or self.request.bounded):
            self.allowed = self._admission.allowed(self)

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

    def left(self, models: Sequence[str]) -> list[str]:
        """Those of the models that are allowed and were not called yet, at least one.

        Raises:
            NoModelError: none is left; the driver then delivers the best earlier answer.
        """
        left = [name for name in models if name in self.allowed and name not in self.called]
        if not left:
            why = self._admission.why_not(self, models) if self._admission else ""
            raise NoModelError(
                f"request {self.request.id!r}: none of {', '.join(models)} is allowed"
                + (f": {why}" if why else "")
            )
        return left

    def unasked(self) -> str:
        """What ruled out which model that was not called; empty if nothing did."""
        if self._admission is None:
            return ""
        left = (name for name in self._admission.models if name not in self.called)
        return self._admission.why_not(self, left)

    def last(self, models: Sequence[str]) -> str:
        """The last of these models that is allowed and was not called yet.

        Raises:
            NoModelError: none is left; the driver then delivers the best earlier answer.
        """
        return self.left(models)[-1]

    def score(self, name: str, seen: Feedback | None = None) -> tuple[float, ...]:
        """(k,) what a scorer predicts, before or after an answer.

        Raises:
            PolicyError: the driver was given no scorers.
        """
        if self._scoring is None:
            raise PolicyError(
                f"request {self.request.id!r}: the policy reads scorer {name!r}, and no scorers"
                " were given; load the policy's directory, or pass its `scoring`"
            )
        values = self._scoring.score(name, self.request, seen)
        outputs = tuple(zip(self._scoring.outputs(name), values, strict=True))
        self.scores.append(Score(name, None if seen is None else seen.model, outputs))
        return values

    def predictions(self, name: str, seen: Feedback | None = None) -> dict[str, float]:
        """What a scorer predicts, by output.

        Raises:
            PolicyError: the driver was given no scorers.
        """
        self.score(name, seen)
        return dict(self.scores[-1].values)

    def near(self, distance: float) -> None:
        """Note how far a compared value was from deciding otherwise."""
        self.margin = min(self.margin, abs(distance))

    def because(self, reason: Callable[..., str], *about: object) -> None:
        """Say why the policy goes on as it does, if anyone is going to read `reason(*about)`."""
        if self.reasons is not None:
            self.reasons.append(reason(*about))

    def choose(self, name: str, probabilities: Sequence[float], *, all_differ: bool = False) -> int:
        """Draw an index with these probabilities; the same request draws the same again.

        Args:
            name: of the draw; draws of one name fall from one uniform number.
            probabilities: of the options; they sum to 1.
            all_differ: every option calls another model next, whoever follows this policy. The
                draw's probability is then the call's; else all other ways that the draws could
                have gone are run beside the request to find it.
        """
        index = pick(uniform(self.seed, self.request.id, name), probabilities)
        chance = float(probabilities[index])
        self.choices.append(Choice(name, index, chance))
        if chance < 1.0:
            self.ambiguous = self.ambiguous or self._drawn or not all_differ
            self._drawn = True
        return index

    def take_threshold(self) -> float | None:
        """The threshold that the coming call will be held to, for the trace."""
        threshold, self.threshold = self.threshold, None
        return threshold
