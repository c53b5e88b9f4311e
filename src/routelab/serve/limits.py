"""Rate limits, and money by the day, of each key, tenant and priority."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NoReturn, Protocol

from routelab.serve.callers import Identity
from routelab.serve.config import GatewayLimits, LimitRule
from routelab.serve.refusal import RefusedError

_REMEMBERED = 20_000
"""Keys, tenants and priorities whose use is known; the longest unused are forgotten first."""
_DAY_S = 86_400.0

_KEPT = 2
"""Days of which it is known what was spent, besides the one that is."""


class Use(Protocol):
    """What somebody asked for lately.

    Attributes:
        room: requests that may be let in now.
        at_s: when it was last seen.
        spent_usd: on the day that it is turned to.
        under_way: requests.
    """

    room: float
    at_s: float
    spent_usd: float
    under_way: int

    @property
    def day(self) -> int:
        """That it is turned to."""
        ...

    def turn_to(self, day: int) -> None:
        """Count what is spent on this day, which may be one before, as clocks step back."""
        ...


class LimitUse:
    """What somebody asked this process for lately."""

    __slots__ = ("_others", "at_s", "day", "room", "spent_usd", "under_way")

    def __init__(self, room: float, at_s: float) -> None:
        self.room = room
        self.at_s = at_s
        self.day = -1
        self.spent_usd = 0.0
        self.under_way = 0
        self._others: dict[int, float] = {}

    def turn_to(self, day: int) -> None:
        """Count what is spent on this day, which may be one before, as clocks step back."""
        self._others[self.day] = self.spent_usd
        self.day, self.spent_usd = day, self._others.pop(day, 0.0)
        while len(self._others) > _KEPT:
            del self._others[next(iter(self._others))]


class LimitKeeper:
    """Lets requests in as far as the limits allow.

    Args:
        limits: of everybody, and of each.
        clock: seconds that only go on.
        wall_clock: Unix seconds, for days.
    """

    def __init__(
        self, limits: GatewayLimits, clock: Callable[[], float], wall_clock: Callable[[], float]
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._wall_clock = wall_clock
        self._uses: OrderedDict[tuple[str, str], LimitUse] = OrderedDict()

    def enter(self, caller: Identity, priority: str) -> tuple[Use, ...]:
        """Let a request in; what is given is to be left when it is over.

        Raises:
            RefusedError: a limit is reached, of which the first is named; nothing is counted.
        """
        rules = tuple(self._rules(caller, priority))
        if not rules:
            return ()
        now_s, day = self._clock(), int(self._wall_clock() // _DAY_S)
        uses = [self._use(scope, name, rule, now_s) for scope, name, rule in rules]
        for (scope, name, rule), use in zip(rules, uses, strict=True):
            _refill(use, rule, now_s, day)
            self._check(use, rule, scope, name)
        for (_, _, rule), use in zip(rules, uses, strict=True):
            use.room -= rule.requests_per_minute is not None
            use.under_way += 1
        return tuple(uses)

    def leave(self, entered: tuple[Use, ...], cost_usd: float) -> None:
        """A request is over, and has cost so much; NaN, which nobody knows, is charged nothing."""
        usd = 0.0 if math.isnan(cost_usd) else cost_usd
        for use in entered:
            use.under_way -= 1
            use.spent_usd += usd

    def _rules(self, caller: Identity, priority: str) -> Iterator[tuple[str, str, LimitRule]]:
        limits = self._limits
        found = (
            ("all", "", limits.all),
            ("key", caller.key, (caller.limits or limits.key) if caller.key else None),
            ("tenant", caller.tenant, limits.tenants.get(caller.tenant, limits.tenant)),
            ("priority", priority, limits.priorities.get(priority)),
        )
        return ((scope, name, rule) for scope, name, rule in found if rule is not None)

    def _use(self, scope: str, name: str, rule: LimitRule, now_s: float) -> Use:
        use = self._uses.get((scope, name))
        if use is None:
            use = self._uses[scope, name] = LimitUse(self._first_room(rule), now_s)
            self._forget()
        else:
            self._uses.move_to_end((scope, name))
        return use

    def _first_room(self, rule: LimitRule) -> float:
        """Of somebody who comes for the first time."""
        return _burst(rule)

    def _forget(self) -> None:
        """Drop who was not seen for longest; those with requests under way stay."""
        for _ in range(min(2, len(self._uses) - _REMEMBERED)):  # each time one comes
            name, use = self._uses.popitem(last=False)
            if use.under_way:
                self._uses[name] = use

    def _check(self, use: Use, rule: LimitRule, scope: str, name: str) -> None:
        full = rule.at_once is not None and use.under_way >= rule.at_once
        dry = rule.requests_per_minute is not None and use.room < 1.0
        spent = rule.usd_per_day is not None and use.spent_usd >= rule.usd_per_day
        if full or dry or spent:
            self._refuse(use, rule, f"{scope} {name!r}" if name else "everybody together")

    def _refuse(self, use: Use, rule: LimitRule, who: str) -> NoReturn:
        """Say which limit is reached, the first of them."""
        if rule.at_once is not None and use.under_way >= rule.at_once:
            raise _limited(
                f"{who} has {use.under_way} requests under way, and may have {rule.at_once} at"
                " once: wait for one to end",
                "too_many_at_once",
                1.0,
            )
        if rule.requests_per_minute is not None and use.room < 1.0:
            rate = rule.requests_per_minute / 60.0
            wait_s = (1.0 - use.room) / rate if rate else None
            again = f"come back in {wait_s:.2g} s" if wait_s else "none is let in"
            raise _limited(
                f"{who} may ask {rule.requests_per_minute:g} requests a minute: {again}",
                "rate_limit_exceeded",
                wait_s,
            )
        left_s = _DAY_S - self._wall_clock() % _DAY_S
        raise RefusedError(
            429,
            f"{who} has spent {use.spent_usd:.6g} of {rule.usd_per_day:g} USD for today, which"
            " ends at midnight UTC",
            "insufficient_quota",
            kind="insufficient_quota",
            retry_after_s=left_s,
        )


def _burst(rule: LimitRule) -> float:
    if rule.requests_per_minute is None:
        return math.inf
    return rule.burst or max(1.0, rule.requests_per_minute / 6.0)


def _refill(use: Use, rule: LimitRule, now_s: float, day: int) -> None:
    """What time has given back since the last request."""
    if rule.requests_per_minute is not None:
        gained = max(0.0, now_s - use.at_s) * rule.requests_per_minute / 60.0
        use.room = min(_burst(rule), use.room + gained)
    use.at_s = now_s
    if use.day != day:
        use.turn_to(day)


def _limited(message: str, code: str, retry_after_s: float | None) -> RefusedError:
    return RefusedError(429, message, code, kind="rate_limit_error", retry_after_s=retry_after_s)
