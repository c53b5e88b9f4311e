"""One request, logged or live, as far as a policy may look at it."""

from __future__ import annotations

from typing import Any

import msgspec

from routelab.core.conversation import prompted, read_messages
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

    @property
    def read(self) -> tuple[Message, ...] | None:
        """Those of the messages that scorers and policies look at."""
        return self.messages

    def asking(self, prompt: str) -> Request:
        """The same with this prompt as its only message."""
        return self.saying(prompted(prompt))

    def saying(self, messages: tuple[Message, ...]) -> Request:
        """The same with these messages."""
        return msgspec.structs.replace(self, messages=messages)

    def reading(self, reads: str | None) -> Request:
        """The same, of which scorers and policies look at what `reads` says.

        Args:
            reads: one of `routelab.core.conversation.READS`; None for all messages.
        """
        messages = self.messages
        if reads is None or messages is None:
            return self
        read = read_messages(messages, reads)
        if read is messages:
            return self
        fields: tuple[Any, ...] = (*msgspec.structs.astuple(self), read)
        return _Reading(*fields)

    @property
    def bounded(self) -> bool:
        """Whether money or time is limited."""
        return self.max_cost_usd is not None or self.deadline_s is not None


class _Reading(Request, frozen=True):
    """A request of which some messages are looked at; that is settled once."""

    looked_at: tuple[Message, ...] = ()

    @property
    def read(self) -> tuple[Message, ...]:
        return self.looked_at

    def saying(self, messages: tuple[Message, ...]) -> Request:
        return Request(*msgspec.structs.astuple(self)[:-1]).saying(messages)

    def reading(self, reads: str | None) -> Request:
        return self
