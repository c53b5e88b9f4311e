"""Faults of deployments. A new fault is a class here and a name in `FAULTS`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from routelab.core.catalogue import Deployment
from routelab.runtime.engine import Bucket
from routelab.simulate.attempt_plan import AttemptPlan

REJECT_S = 0.02
"""A deployment that turns a request away does so in this time."""


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True
):
    """Something that goes wrong for a while.

    Attributes:
        from_s, to_s: virtual seconds from the first arrival; an attempt is struck that reaches the
            deployment in [from_s, to_s).
        model, provider, deployment: where, `deployment` by its address; all that are given must
            fit, and without any it is everywhere.
    """

    from_s: float
    to_s: float
    model: str = ""
    provider: str = ""
    deployment: str = ""

    def strikes(self, model: str, at: Deployment, now_s: float) -> bool:
        """Whether an attempt of a model at a deployment is struck."""
        return (
            self.from_s <= now_s < self.to_s
            and self.model in ("", model)
            and self.provider in ("", at.provider)
            and (not self.deployment or self.deployment == at.public_url)
        )

    def alter(self, course: AttemptPlan, name: str, granted: dict[str, Bucket]) -> None:
        """Change how an attempt goes.

        Args:
            name: of this fault, for draws.
            granted: what rate limits still grant, by fault and deployment.
        """
        raise TypeError(f"{type(self).__name__} does not define alter")

    def problems(self) -> Iterator[str]:
        """A sentence for every value out of range."""
        if not 0.0 <= self.from_s < self.to_s < math.inf:
            yield (
                f"from_s = {self.from_s:g} and to_s = {self.to_s:g}: it must begin at 0 or later"
                " and end after that"
            )


class Partial(Fault, frozen=True, kw_only=True):
    """A fault that strikes a share of the attempts.

    Attributes:
        share: of the attempts in its time and place.
    """

    share: float = 1.0

    def alter(self, course: AttemptPlan, name: str, granted: dict[str, Bucket]) -> None:
        if course.draw(name) < self.share:
            self.strike(course, name)

    def strike(self, course: AttemptPlan, name: str) -> None:
        """Change how an attempt goes that is struck."""
        raise TypeError(f"{type(self).__name__} does not define strike")

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not 0.0 < self.share <= 1.0:
            yield f"share = {self.share:g}: it is above 0 and at most 1"


class Outage(Partial, frozen=True, kw_only=True, tag="outage"):
    """Connections are refused."""

    def strike(self, course: AttemptPlan, name: str) -> None:
        course.refused = True


class Blackhole(Partial, frozen=True, kw_only=True, tag="blackhole"):
    """Requests are taken and never answered."""

    def strike(self, course: AttemptPlan, name: str) -> None:
        course.silent_after = 0.0


class Errors(Partial, frozen=True, kw_only=True, tag="errors"):
    """Requests are answered by an HTTP error.

    Attributes:
        retry_after_s: seconds, sent with the reply; None sends none.
    """

    status: int = 500
    retry_after_s: float | None = None

    def strike(self, course: AttemptPlan, name: str) -> None:
        course.status, course.retry_after_s = self.status, self.retry_after_s

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not 400 <= self.status <= 599:
            yield f"status = {self.status}: an error is 400 to 599"
        if self.retry_after_s is not None and not 0.0 <= self.retry_after_s < math.inf:
            yield f"retry_after_s = {self.retry_after_s:g}: it is finite and not negative"


class RateLimit(Fault, frozen=True, kw_only=True, tag="rate-limit"):
    """A deployment grants fewer requests than before, and answers the others by 429.

    Attributes:
        requests_per_minute: granted by each deployment that is struck.
        burst_s: seconds of the limit that may be used at once.
        retry_after_s: seconds, sent with the reply; None sends when the next one is granted.
    """

    requests_per_minute: float
    burst_s: float = 1.0
    retry_after_s: float | None = None

    def alter(self, course: AttemptPlan, name: str, granted: dict[str, Bucket]) -> None:
        key = f"{name} {course.deployment}"
        bucket = granted.setdefault(key, Bucket(self.requests_per_minute, self.burst_s))
        ready = bucket.ready_at(1.0, course.now_s)
        if ready <= course.now_s:
            bucket.take(1.0, course.now_s)
            return
        wait_s = ready - course.now_s
        course.status = 429
        course.retry_after_s = wait_s if self.retry_after_s is None else self.retry_after_s

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not 0.0 < self.requests_per_minute < math.inf:
            yield f"requests_per_minute = {self.requests_per_minute:g}: it is positive"


class Slow(Partial, frozen=True, kw_only=True, tag="slow"):
    """Everything takes `factor` times as long."""

    factor: float

    def strike(self, course: AttemptPlan, name: str) -> None:
        course.first_token_s *= self.factor
        course.between_tokens_s *= self.factor

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not 0.0 < self.factor < math.inf:
            yield f"factor = {self.factor:g}: it is positive"


class SlowStart(Partial, frozen=True, kw_only=True, tag="slow-start"):
    """The first token comes `extra_s` seconds later."""

    extra_s: float

    def strike(self, course: AttemptPlan, name: str) -> None:
        course.first_token_s += self.extra_s

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not 0.0 < self.extra_s < math.inf:
            yield f"extra_s = {self.extra_s:g}: it is positive"


class CutStream(Partial, frozen=True, kw_only=True, tag="cut"):
    """The connection breaks after some tokens of the answer."""

    after_tokens: float = 40.0

    def strike(self, course: AttemptPlan, name: str) -> None:
        if self.after_tokens < course.tokens:
            course.cut_after = self.after_tokens

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from _impossible(self.after_tokens)


class Stall(Partial, frozen=True, kw_only=True, tag="stall"):
    """Nothing more comes after some tokens of the answer, and the connection stays open."""

    after_tokens: float = 20.0

    def strike(self, course: AttemptPlan, name: str) -> None:
        if self.after_tokens < course.tokens:
            course.silent_after = max(1.0, self.after_tokens)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from _impossible(self.after_tokens)


def _impossible(after_tokens: float) -> Iterator[str]:
    if not 0.0 <= after_tokens < math.inf:
        yield f"after_tokens = {after_tokens:g}: it is 0 or more"


class Malformed(Partial, frozen=True, kw_only=True, tag="malformed"):
    """Answers cannot be read."""

    def strike(self, course: AttemptPlan, name: str) -> None:
        course.malformed = True


class Price(Fault, frozen=True, kw_only=True, tag="price"):
    """Answers cost `factor` times as much."""

    factor: float

    def alter(self, course: AttemptPlan, name: str, granted: dict[str, Bucket]) -> None:
        course.price *= self.factor

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not 0.0 <= self.factor < math.inf:
            yield f"factor = {self.factor:g}: it is finite and not negative"


class QualityDrop(Partial, frozen=True, kw_only=True, tag="quality"):
    """Answers are worth `factor` times as much; their confidence does not show it."""

    factor: float

    def strike(self, course: AttemptPlan, name: str) -> None:
        course.quality *= self.factor

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not 0.0 <= self.factor <= 1.0:
            yield f"factor = {self.factor:g}: it lies in [0, 1]"


AnyFault: TypeAlias = (
    Outage
    | Blackhole
    | Errors
    | RateLimit
    | Slow
    | SlowStart
    | CutStream
    | Stall
    | Malformed
    | Price
    | QualityDrop
)

FAULTS: tuple[type[Fault], ...] = (
    Outage,
    Blackhole,
    Errors,
    RateLimit,
    Slow,
    SlowStart,
    CutStream,
    Stall,
    Malformed,
    Price,
    QualityDrop,
)
