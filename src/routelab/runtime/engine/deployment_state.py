"""The state of a deployment: calls under way, limits left, breaker and latency."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable

import msgspec

from routelab.core.catalogue import Deployment, EngineRules
from routelab.runtime.engine.asker import Asker
from routelab.runtime.engine.breaker import Breaker
from routelab.runtime.engine.bucket import Bucket
from routelab.runtime.engine.host import Host
from routelab.runtime.engine.latency import PeakEwma
from routelab.runtime.engine.limit_share import LimitShare
from routelab.runtime.upstream import deployment_label


class Permit(msgspec.Struct, frozen=True):
    """Room for one call at a deployment; whoever has it gives it back.

    Attributes:
        epoch: of the breaker when the call was let through.
        tokens: taken from the deployment's limit for it.
        asker: whose call it is.
    """

    state: DeploymentState
    epoch: int
    tokens: float
    asker: Asker | None = None


class AttemptReport(msgspec.Struct, frozen=True):
    """What a call says of the deployment it was at.

    Attributes:
        ok: whether the deployment did its part; None if the call does not tell.
        took_s: how long the call lasted; NaN if it did not tell.
        felt_s: what the caller of a good one waited for; None of any other.
        used: tokens; None if that is not known, so that what was taken stays taken.
        doubtful: that it failed may lie in what was asked.
    """

    ok: bool | None = None
    took_s: float = math.nan
    felt_s: float | None = None
    used: float | None = None
    doubtful: bool = False


UNSENT = AttemptReport(used=0.0)
"""Of a permit that was not used."""

_RESTS = 1_000
"""Callers that one deployment is left alone for, each for itself."""


class DeploymentState:
    """A deployment with its slots, rate limits, breaker and latency.

    Attributes:
        slots: calls that may be under way at once.
        in_flight: calls under way.
        rest_until: the deployment asked not to be called before.
        refused: fields of ours that it was found to refuse.
        refusals: how often it said in a row that it is called too often.
        trouble: what the last failed call said.
        freed: called whenever a place may have become free.
    """

    __slots__ = (
        "_host",
        "_requests",
        "_rest_s",
        "_rests",
        "_tokens",
        "breaker",
        "deployment",
        "freed",
        "in_flight",
        "latency",
        "name",
        "refusals",
        "refused",
        "rest_until",
        "slots",
        "trouble",
        "weight",
    )

    def __init__(
        self,
        deployment: Deployment,
        rules: EngineRules,
        host: Host | None = None,
        share: LimitShare = LimitShare(),  # noqa: B008  (it never changes)
    ) -> None:
        self.deployment = deployment
        self.name = deployment_label(deployment)
        self.weight = deployment.weight
        self.in_flight = 0
        self.rest_until, self._rest_s = -math.inf, 0.0
        self._rests: dict[Hashable, float] = {}
        self.refusals = 0
        self.refused: frozenset[str] = frozenset()
        self.trouble = ""
        self.latency = PeakEwma()
        self.breaker = Breaker(rules.breaker)
        self.freed: list[Callable[[], None]] = []
        self.slots = share.slots(deployment, rules)
        self._host = Host(math.inf) if host is None else host
        self._host.freed.append(self.freed)
        self._requests, self._tokens = (
            None if limit is None else Bucket(share.rate(limit), rules.burst_s)
            for limit in (deployment.requests_per_minute, deployment.tokens_per_minute)
        )

    @property
    def counts_tokens(self) -> bool:
        return self._tokens is not None

    def free_at(self, tokens: float, now: float) -> float:
        """When its limits leave room for a call; infinite until one of those under way ends."""
        host = self._host
        if self.in_flight >= self.slots or host.in_flight >= host.limit:  # asked for every call
            return math.inf
        ready = now
        if self._requests is not None:
            ready = self._requests.ready_at(1.0, now)
        if self._tokens is not None:
            ready = max(ready, self._tokens.ready_at(tokens, now))
        return ready

    def ready_at(self, tokens: float, now: float, asker: Asker | None = None) -> float:
        """When a call may be sent, as far as time alone decides; not after `now` if it may."""
        away = max(self.resting_until(asker), self.breaker.closed_until(now, asker))
        return max(away, self.free_at(tokens, now))

    def stepped_back(self, now: float) -> None:
        """The clock went back: nothing lasts longer than it was to last."""
        self.rest_until = min(self.rest_until, now + self._rest_s)
        self._rests.clear()  # of one caller each, and short
        self.breaker.stepped_back(now)

    def rest(self, seconds: float, now: float, asker: Asker | None = None) -> None:
        """Leave it alone for so long, as it asked.

        Args:
            asker: for whom alone, where it may have been for what was asked; None for all.
        """
        if asker is None:
            if now + seconds >= self.rest_until:
                self.rest_until, self._rest_s = now + seconds, seconds
            return
        if len(self._rests) >= _RESTS:
            self._rests = {who: at for who, at in self._rests.items() if at > now}
        if len(self._rests) < _RESTS:
            self._rests[asker.identity] = now + seconds

    def resting_until(self, asker: Asker | None) -> float:
        """When whoever asks may call it again, as it asked itself."""
        if not self._rests or asker is None:
            return self.rest_until
        return max(self.rest_until, self._rests.get(asker.identity, -math.inf))

    def take(self, tokens: float, now: float, asker: Asker | None = None) -> Permit:
        """Room for a call, where there is."""
        self.in_flight += 1
        self._host.in_flight += 1
        if self._requests is not None:
            self._requests.take(1.0, now)
        if self._tokens is not None:
            self._tokens.take(tokens, now)
        return Permit(self, self.breaker.enter(now, asker), tokens, asker)

    def give_back(self, permit: Permit, report: AttemptReport, now: float) -> None:
        """The call ended, or was never sent."""
        self.in_flight -= 1
        told = self._host.leave(self.freed)
        if self._tokens is not None and report.used is not None:
            self._tokens.give_back(permit.tokens - report.used, now)
        if report.felt_s is not None:
            self.latency.observe(report.felt_s, now)
        elif report.ok is False:
            self.latency.failed(report.took_s, now)
        was = self.breaker.state(now)
        self.breaker.leave(
            permit.epoch,
            now,
            ok=report.ok,
            latency_s=report.took_s,
            asker=permit.asker,
            doubtful=report.doubtful,
        )
        if was != "closed" and self.breaker.state(now) == "closed":
            self.latency = PeakEwma()  # it is well again, and how slow it was while ill is past
        for listeners in told:
            for listener in listeners:
                listener()
