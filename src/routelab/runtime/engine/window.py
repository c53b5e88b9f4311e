"""The last calls of a deployment, and how many of them went wrong."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable


class OutcomeWindow:
    """Counts over the last `calls` calls, none of them older than `seconds`.

    Attributes:
        failed, slow: calls that were.
        doubted: failures that may lie in what was asked, by who asked.
    """

    __slots__ = ("_calls", "_kept", "_seconds", "doubted", "failed", "slow")

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds
        self._kept: deque[tuple[float, bool, bool, Hashable]] = deque()
        self.failed = 0
        self.slow = 0
        self.doubted: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def repeated(self) -> int:
        """Doubtful failures beyond the first of whoever asked."""
        return self.doubted.total() - len(self.doubted) if self.doubted else 0

    def add(self, now: float, *, failed: bool, slow: bool, asker: Hashable = None) -> None:
        """Count a call that ended now, and forget those that are out.

        Args:
            asker: of a failure that may lie in what was asked; None of any other call.
        """
        self._kept.append((now, failed, slow, asker))
        self.failed += failed
        self.slow += slow
        if asker is not None:
            self.doubted[asker] += 1
        while len(self._kept) > self._calls or self._kept[0][0] < now - self._seconds:
            _, was_failed, was_slow, was_asker = self._kept.popleft()
            self.failed -= was_failed
            self.slow -= was_slow
            if was_asker is not None:
                self.doubted[was_asker] -= 1
                if not self.doubted[was_asker]:
                    del self.doubted[was_asker]

    def clear(self) -> None:
        """Forget every call."""
        self._kept.clear()
        self.doubted.clear()
        self.failed = self.slow = 0
