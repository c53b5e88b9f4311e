"""A retry budget: how many calls may be sent again."""

from __future__ import annotations

from routelab.core.catalogue import RetryRules


class RetryBudget:
    """Grows with every call and shrinks with every retry, so that retries cannot feed a storm.

    Of n calls at most `burst + share * n` are retried.
    """

    __slots__ = ("_balance", "_rules")

    def __init__(self, rules: RetryRules) -> None:
        self._rules = rules
        self._balance = float(rules.burst)

    @property
    def left(self) -> float:
        """Retries that are granted at once."""
        return self._balance

    def earn(self) -> None:
        """A call was made."""
        self._balance = min(max(1.0, self._rules.burst), self._balance + self._rules.share)

    def spend(self) -> bool:
        """Whether a retry is granted, which then is spent."""
        if self._balance < 1.0 - 1e-9:
            return False
        self._balance -= 1.0
        return True
