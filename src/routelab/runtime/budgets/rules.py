"""Budgets as data: what may be spent, by whom, in which period, and what happens then."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from routelab.core.catalogue import TomlFields, parse_tables, read_text
from routelab.errors import BudgetError

ALL = "all"
"""The account of all tenants together."""


class BudgetRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A limit on spending, in USD.

    Attributes:
        limit_usd: that may be spent in a period.
        period: a day or a month of UTC, or "total" for ever.
        at_limit: refuse further calls, or "degrade": have requests decided by the cheaper
            policy from then on.
        hard_limit_usd: at which degraded requests are refused too; None for never.
    """

    limit_usd: float
    period: Literal["day", "month", "total"] = "day"
    at_limit: Literal["refuse", "degrade"] = "refuse"
    hard_limit_usd: float | None = None

    def ceiling_usd(self, degraded: bool) -> float:
        """USD that no call may bring the spending above; infinite where nothing is refused."""
        if not (degraded and self.at_limit == "degrade"):
            return self.limit_usd
        return math.inf if self.hard_limit_usd is None else self.hard_limit_usd


class Budgets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every budget of a router; `budgets.toml` has the same fields.

    Attributes:
        request_usd: that one request may cost; the lower of this and its own bound holds.
        all: of all tenants together.
        tenant: of each tenant that has no rule of its own.
        tenants: of these tenants, by name.
        alerts: shares of a limit, in [0, 1], that are reported when reached, once in a period.
        output_tokens: assumed of a call whose request sets no `max_tokens`.
        unanswered: what an attempt is charged that was sent, and neither answered nor reported what
            it used: nothing, as providers' own errors mostly cost nothing, or what was "reserved"
            for it, as a provider may go on with an answer that nobody waits for and bill it.
        cheaper: directory of the policy that decides degraded requests; one in a file is
            relative to the file.
    Raises:
        BudgetError: a limit or a share that cannot be, or a rule that degrades to nothing.
    """

    request_usd: float | None = None
    all: BudgetRule | None = None
    tenant: BudgetRule | None = None
    tenants: Mapping[str, BudgetRule] = msgspec.field(default_factory=dict)
    alerts: tuple[float, ...] = (0.5, 0.8, 1.0)
    output_tokens: int = 2048
    unanswered: Literal["nothing", "reserved"] = "nothing"
    cheaper: str = ""

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise BudgetError(*problems)

    def rules(self, tenant: str) -> Iterator[tuple[str, BudgetRule]]:
        """The accounts that a tenant's call is charged to, each with its rule."""
        if self.all is not None:
            yield ALL, self.all
        rule = self.tenants.get(tenant, self.tenant)
        if rule is not None:
            yield f"tenant {tenant}", rule

    def _named(self) -> Iterator[tuple[str, BudgetRule]]:
        for name, rule in (("all", self.all), ("tenant", self.tenant)):
            if rule is not None:
                yield name, rule
        for name, rule in self.tenants.items():
            yield f"tenants.{name}", rule

    def _problems(self) -> Iterator[str]:
        if self.request_usd is not None and not _is_amount(self.request_usd):
            yield f"request_usd is {self.request_usd}; a limit is finite and not negative"
        for name, rule in self._named():
            if not _is_amount(rule.limit_usd):
                yield f"{name}: limit_usd is {rule.limit_usd}; a limit is finite and not negative"
            elif rule.hard_limit_usd is not None and not rule.hard_limit_usd >= rule.limit_usd:
                yield (
                    f"{name}: hard_limit_usd is {rule.hard_limit_usd}, below limit_usd"
                    f" {rule.limit_usd}; degraded requests need room above the limit"
                )
            if rule.hard_limit_usd is not None and rule.at_limit != "degrade":
                yield f'{name}: hard_limit_usd needs at_limit = "degrade"'
            if rule.at_limit == "degrade" and not self.cheaper:
                yield f'{name}: at_limit = "degrade" needs cheaper = "NAME.policy" to degrade to'
        for share in self.alerts:
            if not 0.0 < share <= 1.0:
                yield f"alerts: {share} is no share of a limit; it lies in (0, 1], such as 0.8"
        if self.output_tokens <= 0:
            yield f"output_tokens is {self.output_tokens}; it must be positive"


def read(path: str | Path) -> Budgets:
    """The budgets in a `budgets.toml`.

    Raises:
        BudgetError: the file cannot be read, has an unknown or mistyped field, or budgets that
            cannot be.
    """
    path = Path(path)
    told = parse_tables(read_text(path, "budgets", BudgetError), path.name, BudgetError)
    fields = TomlFields({"limit_usd": lambda _: 0.0, "cheaper": lambda _: "wrong"})
    problems: tuple[str, ...] = ()
    try:
        found = fields.read(told, Budgets)
    except BudgetError as error:
        problems = error.problems
    if not any(told.get(name) for name in ("all", "tenant", "tenants")) and (
        "request_usd" not in told
    ):
        problems += (
            "there is no budget; give request_usd, or limit_usd in a table [all], [tenant] or"
            " [tenants.NAME]",
        )
    if problems := (*fields.problems, *problems):
        raise BudgetError(*(f"{path.name}: {problem}" for problem in problems))
    if not found.cheaper:
        return found
    return msgspec.structs.replace(found, cheaper=str(path.parent / found.cheaper))


def _is_amount(usd: float) -> bool:
    return math.isfinite(usd) and usd >= 0.0
