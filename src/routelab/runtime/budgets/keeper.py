"""Holds calls to the budgets: the rules, the clock and the store together."""

from __future__ import annotations

import contextlib
import datetime as dt
import math
from collections.abc import Callable

import msgspec

from routelab.errors import BudgetError
from routelab.runtime.budgets.account import NANO, Balance, BudgetLine, Reservation, Store, nano
from routelab.runtime.budgets.alert import Alert
from routelab.runtime.budgets.periods import ends_s, period
from routelab.runtime.budgets.rules import BudgetRule, Budgets

_REMEMBERED = 10_000
"""Tenants whose accounts are worked out once a day."""


class OverBudgetError(BudgetError):
    """An account has no room for a call.

    Attributes:
        degrades: its rule has the cheaper policy decide from here on.
    """

    degrades = False


class BudgetBalance(msgspec.Struct, frozen=True):
    """What is left of a budget in the current period.

    Attributes:
        account: "all", or "tenant" and the tenant's name.
        period: "2026-11-24", "2026-11" or "total".
        limit_usd: that may be spent in the period.
        spent_usd: settled so far.
        reserved_usd: for calls under way.
        left_usd: neither spent nor reserved.
        resets_at_s: Unix seconds; None for a budget that never is full again.
    """

    account: str
    period: str
    limit_usd: float
    spent_usd: float
    reserved_usd: float
    left_usd: float
    resets_at_s: float | None


class BudgetKeeper:
    """Reserves and settles the money of calls.

    Args:
        alert: called when a share of a budget is spent.
    """

    def __init__(
        self,
        budgets: Budgets,
        store: Store,
        wall_clock: Callable[[], float],
        alert: Callable[[Alert], None],
    ) -> None:
        self.budgets = budgets
        self._store = store
        self._wall_clock = wall_clock
        self._alert = alert
        self._shares = tuple(sorted({*budgets.alerts, 1.0}))
        self._since_s = self._until_s = -math.inf
        self._lines: dict[tuple[str, bool, bool], tuple[BudgetLine, ...]] = {}
        store.listen(self._report)

    async def reserve(
        self, tenant: str, usd: float, degraded: bool = False, *, streams: bool = False
    ) -> Reservation:
        """Reserve what a call may cost.

        Args:
            tenant: who asks; empty for nobody in particular.
            usd: upper cost of the call.
            degraded: the cheaper policy decides already, so that only hard limits hold.
            streams: the caller reads the answer while it comes.
        Raises:
            OverBudgetError: an account has no room for it.
            BudgetError: the store cannot be used.
        """
        now_s = self._wall_clock()
        if not self._since_s <= now_s < self._until_s:
            self._begin(now_s)
        lines = self._lines.get((tenant, degraded, streams))
        if lines is None:
            lines = self._remembered(tenant, degraded, streams)
        found = await self._store.reserve(lines, nano(usd))
        if isinstance(found, Reservation):
            return found
        raise _over(found, dict(self.budgets.rules(tenant))[found.account], usd, now_s)

    def settle(self, hold: Reservation, usd: float) -> None:
        """Charge what a call cost in USD; where that is NaN, what was reserved for it."""
        self._store.settle(hold, hold.amount if math.isnan(usd) else nano(usd))

    async def kept(self) -> None:
        """Once what was settled before would survive the end of this process, if it can be kept."""
        with contextlib.suppress(BudgetError):  # the file cannot be written, and the answer is paid
            await self._store.kept()

    async def left(self) -> tuple[BudgetBalance, ...]:
        """Every budget in its current period, the total first."""
        now_s = self._wall_clock()
        kinds = {it.period for it in self._all_rules()}
        found = await self._store.balances(tuple(period(kind, now_s) for kind in sorted(kinds)))
        balances = [self._left(it, rule, now_s) for it in found if (rule := self._rule(it.account))]
        return tuple(sorted(balances, key=lambda it: it.account))

    async def aclose(self) -> None:
        await self._store.aclose()

    def _begin(self, now_s: float) -> None:
        """A day begins: what was worked out for the last one is forgotten."""
        self._since_s, self._until_s = now_s, ends_s("day", now_s) or math.inf
        self._lines.clear()

    def _remembered(self, tenant: str, degraded: bool, streams: bool) -> tuple[BudgetLine, ...]:
        """The accounts of a tenant's calls today, worked out once."""
        if len(self._lines) >= _REMEMBERED:
            self._lines.clear()
        rules = self.budgets.rules(tenant)
        lines = tuple([self._line(name, rule, degraded, streams) for name, rule in rules])
        self._lines[tenant, degraded, streams] = lines
        return lines

    def _line(self, account: str, rule: BudgetRule, degraded: bool, streams: bool) -> BudgetLine:
        marks = tuple([nano(share * rule.limit_usd) for share in self._shares])
        ceiling = nano(rule.ceiling_usd(degraded))
        return BudgetLine(account, period(rule.period, self._since_s), ceiling, marks, streams)

    def _report(self, balance: Balance, mark: int, of: int) -> None:
        rule, share = self._rule(balance.account), self._shares[mark - of]
        if rule is not None and share in self.budgets.alerts:
            spent_usd = balance.spent / NANO
            self._alert(Alert(balance.account, balance.period, share, spent_usd, rule.limit_usd))

    def _rule(self, account: str) -> BudgetRule | None:
        if account == "all":
            return self.budgets.all
        name = account.removeprefix("tenant ")
        return self.budgets.tenants.get(name, self.budgets.tenant)

    def _all_rules(self) -> list[BudgetRule]:
        budgets = self.budgets
        some = (budgets.all, budgets.tenant, *budgets.tenants.values())
        return [rule for rule in some if rule is not None]

    def _left(self, it: Balance, rule: BudgetRule, now_s: float) -> BudgetBalance:
        taken = (it.spent + it.reserved) / NANO
        return BudgetBalance(
            account=it.account,
            period=it.period,
            limit_usd=rule.limit_usd,
            spent_usd=it.spent / NANO,
            reserved_usd=it.reserved / NANO,
            left_usd=max(0.0, rule.limit_usd - taken),
            resets_at_s=ends_s(rule.period, now_s),
        )


def _over(full: Balance, rule: BudgetRule, usd: float, now_s: float) -> OverBudgetError:
    ends = ends_s(rule.period, now_s)
    when = "and never resets" if ends is None else f"and resets at {_utc(ends)}"
    error = OverBudgetError(
        f"the budget of {full.account} for {full.period} has no room for a call of up to"
        f" {usd:.6g} USD: of {rule.limit_usd:.6g} USD {full.spent / NANO:.6g} are spent and"
        f" {full.reserved / NANO:.6g} reserved, {when}",
        resets_at_s=ends,
        retry_after_s=None if ends is None else ends - now_s,
    )
    error.degrades = rule.at_limit == "degrade"
    return error


def _utc(moment_s: float) -> str:
    return f"{dt.datetime.fromtimestamp(moment_s, dt.UTC):%Y-%m-%d %H:%M} UTC"
