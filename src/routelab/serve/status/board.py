"""Observes a gateway's routers, and says what its status is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from routelab.runtime import FinishedRequest
from routelab.runtime.budgets import Alert
from routelab.runtime.metrics import Snapshot
from routelab.serve.peers import SpendingCounter
from routelab.serve.status.attribution import Attribution
from routelab.serve.status.recent_decisions import RecentDecisions
from routelab.serve.status.report import PolicyStatus, SpendTotals, StatusReport
from routelab.version import __version__

if TYPE_CHECKING:
    from routelab.serve.gateway import Gateway
    from routelab.serve.roster import Roster

_FORMER = 200
"""Policies that were replaced and whose names are still known."""


class StatusBoard:
    """An observer of all routers of a gateway; its totals go on when files change.

    Attributes:
        spending: what requests cost by policy and tenant, for collectors.

    Args:
        decisions: the latest that are kept.
        redact: takes out of errors what identifies people, as models may quote requests.
    """

    def __init__(self, decisions: int, redact: Callable[[str], str] = str) -> None:
        self._attribution = Attribution()
        self._recent = RecentDecisions(decisions, redact)
        self._policies: dict[tuple[str, str], PolicyStatus] = {}
        self.spending = SpendingCounter(self.policy_name)

    def taken(self, roster: Roster, at_s: float) -> None:
        """Policies are served from now on, in place of those before.

        Args:
            at_s: Unix seconds.
        """
        former = {
            key: PolicyStatus(it.name, it.digest, it.since_s, False, it.model, it.kind)
            for key, it in self._policies.items()
        }
        served = {}
        for it in roster:
            key = it.name, it.file.digest
            known = self._policies.get(key)
            since_s = known.since_s if known is not None and known.served else at_s
            kind = type(it.file.policy).__name__
            model = it.name in roster.models
            served[key] = PolicyStatus(it.name, it.file.digest, since_s, True, model, kind)
        kept = list({**former, **served}.items())[-_FORMER - len(served) :]
        self._policies = dict(kept)

    def policy_name(self, digest: str) -> str:
        """The name of a policy by its SHA-256; the hash in short where nobody gave one."""
        for it in self._policies.values():
            if it.digest == digest:
                return it.name
        return digest[:12]

    def finished(self, finished: FinishedRequest) -> None:
        """Count a request, and keep what was decided."""
        self._attribution.finished(finished)
        self.spending.finished(finished)
        self._recent.finished(finished)

    def feedback(self, request_id: str, quality: float, model: str | None) -> None:
        """Judgements are for the log and the metrics.

        Args:
            request_id: of the request that it answered.
            quality: in [0, 1].
            model: that gave the answer; None for the one that was delivered.
        """

    def alert(self, alert: Alert) -> None:
        """So are alerts."""

    def report(self, gateway: Gateway, metrics: Snapshot) -> StatusReport:
        """The gateway's status.

        Args:
            gateway: whose routers are observed.
            metrics: of its routers.
        """
        totals = self._attribution.totals()
        return StatusReport(
            version=__version__,
            draining=gateway.draining,
            under_way=len(gateway.under_way),
            metrics=metrics,
            policies=tuple(self._shown({policy for policy, _ in totals})),
            spending=tuple(SpendTotals(*key, it) for key, it in totals.items()),
            counts=tuple(sorted(gateway.totals.items())),
            decisions=self._recent.latest(),
        )

    def _shown(self, used: set[str]) -> Iterable[PolicyStatus]:
        return (it for it in self._policies.values() if it.served or it.digest in used)
