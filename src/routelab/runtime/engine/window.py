"""The last calls of a deployment, and how many of them went wrong."""

from __future__ import annotations

from collections import deque


class OutcomeWindow:
    """Counts over the last `calls` calls, none of them older than `seconds`."""

    __slots__ = ("_calls", "_kept", "_seconds", "failed", "slow")

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds
        self._kept: deque[tuple[float, bool, bool]] = deque()
        self.failed = 0
        self.slow = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, now: float, *, failed: bool, slow: bool) -> None:
        """Count a call that ended now, and forget those that are out."""
        self._kept.append((now, failed, slow))
        self.failed += failed
        self.slow += slow
        while len(self._kept) > self._calls or self._kept[0][0] < now - self._seconds:
            _, was_failed, was_slow = self._kept.popleft()
            self.failed -= was_failed
            self.slow -= was_slow

    def clear(self) -> None:
        """Forget every call."""
        self._kept.clear()
        self.failed = self.slow = 0
