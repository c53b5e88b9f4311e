"""Earlier turns of a conversation, where a file holds each turn's prompt alone."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from routelab.collect.prompts.prompt_rows import PromptRow
from routelab.core import Message


class SessionTurns:
    """Puts the turns of a session before each of its later prompts.

    Attributes:
        unanswered: turns whose answer the file does not have, so that the user's words stand alone.
        backward: places of rows whose turn comes before one that was read already.
    """

    def __init__(self) -> None:
        self.unanswered = 0
        self.backward: list[str] = []
        self.counts: Counter[str] = Counter()
        self._said: dict[str, tuple[Message, ...]] = {}
        self._last: dict[str, tuple[float | None, str]] = {}

    def whole(self, row: PromptRow) -> PromptRow:
        """The row with what was said before it in its session.

        Args:
            row: of the file, in its order.
        """
        session = row.request.session_id
        if not (session and row.plain):
            return row
        turn, id_ = row.turn, row.request.id
        before, last = self._last.get(session, (None, ""))
        if session in self._last and id_ and id_ == last:
            return row  # another model's answer to the same turn, whose messages are known
        if turn is not None and before is not None and turn <= before:
            self.backward.append(row.place)
        earlier = self._said.get(session, ())
        if earlier:
            self.counts["continued"] += 1
        messages = (*earlier, *row.request.messages)
        self._last[session] = (turn, id_)
        if row.response:
            self._said[session] = (*messages, {"role": "assistant", "content": row.response})
        else:
            self.unanswered += 1
            self._said[session] = messages
        return row._replace(request=replace(row.request, messages=messages))
