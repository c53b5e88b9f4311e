"""What is read of a request's messages: one function, for logs and live requests alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from routelab.core.protocol import Message

SYSTEM = "+system"
"""What is added to a way of reading that reads system text too."""
READS = tuple(
    f"{turns}{system}"
    for turns in ("last_turn", "user_turns", "conversation")
    for system in ("", SYSTEM)
)
"""Ways to read messages: the user's last turn, all that the user said, or the whole conversation,
each without or with the text of system messages."""
DEFAULT_READS = "user_turns"

SYSTEM_ROLES = ("system", "developer")
_ATTACHMENTS = {
    "image_url": "image",
    "input_image": "image",
    "image": "image",
    "input_audio": "audio",
    "audio": "audio",
    "file": "file",
    "input_file": "file",
    "document": "file",
    "video_url": "video",
}
ATTACHED = "attachment"
"""Type of the part that stands for one which is no text."""


def read_messages(messages: tuple[Message, ...], reads: str | None) -> tuple[Message, ...]:
    """The messages that scorers and policies look at.

    What is no text stands there as a placeholder, such as `[image]`; nothing is ever fetched.

    >>> from routelab.core.conversation import message_text, read_messages
    >>> asked = ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"})
    >>> message_text(read_messages(asked, "user_turns"))
    'Hello'
    >>> message_text(read_messages(asked, "user_turns+system"))
    'Be kind.\\nHello'

    Args:
        messages: of a request, in the OpenAI form.
        reads: one of `READS`; None for all messages as they are, without placeholders, as
            policies of version 0.1.0 read them.
    """
    if reads is None:
        return messages
    if len(messages) == 1:  # a question that most requests pass
        only = messages[0]
        if only.get("role") == "user" and type(only.get("content")) is str:
            return messages
    turns, _, system = reads.partition("+")
    first = _last_turn(messages) if turns == "last_turn" else 0
    kept = []
    for at, message in enumerate(messages):
        role = message.get("role")
        if role in SYSTEM_ROLES:
            wanted = bool(system)
        else:
            wanted = at >= first and (role == "user" or turns == "conversation")
        if wanted:
            kept.append(_readable(message))
    return tuple(kept)


def message_text(messages: Iterable[Message]) -> str:
    """What messages say, a line break between them."""
    return "\n".join([content_text(message.get("content")) for message in messages])


def content_text(content: object) -> str:
    """Text of a message's content, which is a string, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list | tuple) else []
    texts = [it.get("text") for it in parts if type(it) is dict or isinstance(it, Mapping)]
    return "".join(text for text in texts if isinstance(text, str))


def turn_starts(messages: Sequence[Message]) -> Iterator[int]:
    """Where turns of the user begin: messages of the user one after the other are one turn."""
    before = None
    for at, message in enumerate(messages):
        role = message.get("role")
        if role in SYSTEM_ROLES:
            continue
        if role == "user" != before:
            yield at
        before = role


def _last_turn(messages: Sequence[Message]) -> int:
    return max(turn_starts(messages), default=len(messages))


def opening(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The user's first turn, by which the requests of one conversation are known."""
    starts = [*turn_starts(messages)]
    end = starts[1] if len(starts) > 1 else len(messages)
    return read_messages(messages[:end], DEFAULT_READS)


def _readable(message: Message) -> Message:
    content = message.get("content")
    if isinstance(content, list | tuple):
        return {"role": message.get("role"), "content": [*map(_part, content)]}
    return message


def _part(part: Any) -> Any:
    what = attachment(part)
    return part if what is None else {"type": ATTACHED, "text": f"[{what}]"}


def attachment(part: Any) -> str | None:
    """What a part that is no text is: image, audio, file, video, or other part; None for a text."""
    if not isinstance(part, Mapping):
        return "other part"
    kind = part.get("type")
    what = _ATTACHMENTS.get(kind) if isinstance(kind, str) else None
    if what is None and not isinstance(part.get("text"), str):
        what = "other part"
    return what
