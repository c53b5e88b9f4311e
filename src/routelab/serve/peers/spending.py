"""What requests cost by policy and tenant, as counters that go on when files change."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from routelab.runtime import FinishedRequest

OTHER = "other"
"""Stands for the policies and the tenants beyond the caps."""
_POLICIES, _TENANTS = 100, 100
"""With totals of their own. A tenant that a proxy names may be anybody; collectors keep a series
for each pair for as long as they remember."""


class SpendingCount(msgspec.Struct, frozen=True):
    """Requests of a tenant that a policy decided.

    Attributes:
        policy, tenant: by name; an empty tenant is nobody.
        requests: that are over, however they ended.
        cost_usd: known costs.
        unknown: requests whose cost is not known.
    """

    policy: str
    tenant: str
    requests: int
    cost_usd: float
    unknown: int


class SpendingCounter:
    """Adds finished requests up; of so many policies and tenants each, the others as one.

    Args:
        policy_name: of a policy's SHA-256.
        policies, tenants: with totals of their own, those that come first.
    """

    def __init__(
        self,
        policy_name: Callable[[str], str],
        policies: int = _POLICIES,
        tenants: int = _TENANTS,
    ) -> None:
        self._policy_name = policy_name
        self._policies = _KnownNames(policies)
        self._tenants = _KnownNames(tenants)
        self._counts: dict[tuple[str, str], SpendingCount] = {}

    def finished(self, finished: FinishedRequest) -> None:
        """Count a request."""
        policy = self._policies.name(self._policy_name(finished.policy))
        key = policy, self._tenants.name(finished.request.tenant)
        known = finished.cost_usd == finished.cost_usd
        one = SpendingCount(*key, 1, finished.cost_usd if known else 0.0, 0 if known else 1)
        before = self._counts.get(key)
        self._counts[key] = one if before is None else _added(before, one)

    def counts(self) -> tuple[SpendingCount, ...]:
        """As they are now, in order of their names."""
        return tuple(it for _, it in sorted(self._counts.items()))


class _KnownNames:
    """The first names that come; all later ones are the same."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()

    def name(self, given: str) -> str:
        if given not in self._names:
            if len(self._names) >= self._most:
                return OTHER
            self._names.add(given)
        return given


def summed_spending(parts: Iterable[Iterable[SpendingCount]]) -> tuple[SpendingCount, ...]:
    """The counts of several processes as those of one."""
    found: dict[tuple[str, str], SpendingCount] = {}
    for part in parts:
        for it in part:
            key = it.policy, it.tenant
            found[key] = _added(found[key], it) if key in found else it
    return tuple(it for _, it in sorted(found.items()))


def _added(one: SpendingCount, other: SpendingCount) -> SpendingCount:
    return SpendingCount(
        one.policy,
        one.tenant,
        one.requests + other.requests,
        one.cost_usd + other.cost_usd,
        one.unknown + other.unknown,
    )
