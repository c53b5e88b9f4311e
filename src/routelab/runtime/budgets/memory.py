"""Accounts in this process: for one process, and for simulations."""

from __future__ import annotations

from itertools import count

from routelab.runtime.budgets.account import Balance, BudgetLine, Reservation, Tell, reached

_KEPT = 3
"""Days and months of which the accounts are kept."""


class _Account:
    __slots__ = ("reserved", "spent", "told")

    def __init__(self) -> None:
        self.spent = self.reserved = self.told = 0


class MemoryStore:
    """Keeps the accounts of the last periods, and older ones while calls are open on them."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._periods: dict[str, None] = {}
        self._ids = count()
        self._open: set[int] = set()
        self._tell: Tell | None = None

    def listen(self, tell: Tell) -> None:
        self._tell = tell

    async def reserve(self, lines: tuple[BudgetLine, ...], amount: int) -> Reservation | Balance:
        accounts = [self._account(line) for line in lines]
        for line, it in zip(lines, accounts, strict=True):
            if it.spent + it.reserved + amount > line.ceiling:
                self._note(line, it, refused=True)
                return _balance(line, it)
        for it in accounts:
            it.reserved += amount
        hold = Reservation(next(self._ids), lines, amount)
        self._open.add(hold.id)
        return hold

    def settle(self, hold: Reservation, amount: int) -> None:
        if hold.id not in self._open:
            return
        self._open.remove(hold.id)
        for line in hold.lines:
            it = self._accounts[line.account, line.period]
            it.reserved -= hold.amount
            it.spent += amount
            self._note(line, it)

    async def kept(self) -> None:
        """Nothing outlives the process, so there is nothing to wait for."""

    async def balances(self, periods: tuple[str, ...]) -> tuple[Balance, ...]:
        return tuple(
            Balance(account, period, it.spent, it.reserved, it.told)
            for (account, period), it in self._accounts.items()
            if period in periods
        )

    async def aclose(self) -> None:
        """Nothing outlives the process."""

    def _account(self, line: BudgetLine) -> _Account:
        key = (line.account, line.period)
        found = self._accounts.get(key)
        if found is None:
            if line.period not in self._periods:
                self._forget(line.period)
            found = self._accounts[key] = _Account()
        return found

    def _forget(self, begun: str) -> None:
        """A period begins: the last few of its kind are kept, for clocks that step back."""
        alike = [it for it in (*self._periods, begun) if len(it) == len(begun)]
        gone = set(alike[:-_KEPT])
        self._periods = dict.fromkeys(it for it in (*self._periods, begun) if it not in gone)
        self._accounts = {
            key: it for key, it in self._accounts.items() if key[1] not in gone or it.reserved
        }

    def _note(self, line: BudgetLine, it: _Account, refused: bool = False) -> None:
        now = reached(line.marks, it.spent, it.told, refused)
        told, it.told = it.told, now
        if self._tell is not None:
            for mark in range(told, now):
                self._tell(_balance(line, it), mark, len(line.marks))


def _balance(line: BudgetLine, it: _Account) -> Balance:
    return Balance(line.account, line.period, it.spent, it.reserved, it.told)
