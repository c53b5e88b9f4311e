"""Training examples of a scorer: requests, answers seen before, and labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from routelab.core import Feedback, Floats, Ints, Request
from routelab.logs.model import Log, split

Target: TypeAlias = Literal["complexity", "quality", "cost", "latency", "gain"]
"""What a scorer predicts; its units are those of `Examples.target`."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows to learn from (n) with labels of one target (k outputs).

    Attributes:
        target: what is predicted: "complexity" in [0, 1], "quality" and "gain" in units of quality,
            "cost" in USD, "latency" in seconds.
        outputs: (k,) names: of models, or "score" for complexity.
        requests: distinct ones, fewer than the rows where each has many answers.
        request_of: (n,) index of each row's request.
        seen: (n,) the answer that was there before; None where nothing was.
        labels: (n, k); NaN = not observed, or not asked for.
        groups: (n,) rows of one group are never both learned from and judged on.
        tasks: (n,) names; empty where unknown.
        signals: confidence signals that `seen` may hold.
        has_text: whether the requests carry their prompts.
    """

    target: Target
    outputs: tuple[str, ...]
    requests: tuple[Request, ...]
    request_of: Ints
    seen: tuple[Feedback, ...] | None
    labels: Floats
    groups: Ints
    tasks: tuple[str, ...]
    signals: tuple[str, ...] = ()
    has_text: bool = True

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Ints) -> Examples:
        """The examples at these indices (rows,); requests stay, and so do features made of them."""
        return replace(
            self,
            request_of=self.request_of[rows],
            seen=None if self.seen is None else tuple(self.seen[row] for row in rows),
            labels=self.labels[rows],
            groups=self.groups[rows],
            tasks=tuple(self.tasks[row] for row in rows),
        )

    def dealt(self, field: str, order: Ints) -> Examples:
        """The same rows, with a field of the requests in another order, as if shuffled.

        Args:
            field: "task" or "tenant".
            order: (requests,) index of the request that each one takes its value from.
        """
        values = [getattr(self.requests[index], field) for index in order]
        requests = tuple(
            msgspec.structs.replace(request, **{field: value})
            for request, value in zip(self.requests, values, strict=True)
        )
        return replace(self, requests=requests)


def requests_of(log: Log, rows: Ints | None = None) -> tuple[Request, ...]:
    """The requests of a log as a policy sees them live, with what is read of their messages.

    Args:
        log: (n, m) outcomes.
        rows: (rows,) indices; None for all.
    """
    chosen = np.arange(len(log)) if rows is None else rows
    plain = [log.requests.request(int(row)) for row in chosen]
    if log.texts is None:
        return tuple(plain)
    pairs = zip(plain, log.texts.messages(chosen), strict=True)
    return tuple(request.saying(messages).reading(log.reads) for request, messages in pairs)


def groups_of(log: Log) -> Ints:
    """(n,) what must stay together: the log's group, else the prompt, else the request."""
    return split(log, need_all_parts=False).groups


def tasks_of(log: Log) -> tuple[str, ...]:
    """(n,) task names; empty strings for a log without tasks."""
    if log.requests.task is None:
        return ("",) * len(log)
    return tuple(str(task) for task in log.requests.task)
