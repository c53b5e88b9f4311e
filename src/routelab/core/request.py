"""One request, logged or live, as far as a policy may look at it."""

from __future__ import annotations

import msgspec

from routelab.core.protocol import Message


class Request(msgspec.Struct, frozen=True):
    """A request and its metadata.

    Attributes:
        id: unique in its log; also the key of every random draw.
        messages: None in a replay of a policy that does not read them.
        task: a benchmark, use case or route; empty if unknown.
        group: what must stay together in a split (conversation, user).
        tenant, priority: who asks, and how urgently.
        needs: capabilities that the answering model must have, for example "tools".
        max_cost_usd: no call is made that is predicted to bring the cost above it; None for
            no limit.
        deadline_s: no call is made that is predicted to end later than this many seconds
            after the first one began; None for no limit.
    """

    id: str
    messages: tuple[Message, ...] | None = None
    task: str = ""
    group: str = ""
    tenant: str = ""
    priority: str = ""
    needs: tuple[str, ...] = ()
    max_cost_usd: float | None = None
    deadline_s: float | None = None

    def asking(self, prompt: str) -> Request:
        """The same with this prompt as its only message."""
        return msgspec.structs.replace(self, messages=({"role": "user", "content": prompt},))

    @property
    def bounded(self) -> bool:
        """Whether money or time is limited."""
        return self.max_cost_usd is not None or self.deadline_s is not None
