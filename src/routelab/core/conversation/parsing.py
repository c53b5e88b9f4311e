"""Messages as files hold them: which texts are conversations, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from routelab.core.conversation.reading import content_text
from routelab.core.protocol import Message

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
"""Who may speak, as chat endpoints know it."""
_MEANT = {
    "human": "user",
    "customer": "user",
    "gpt": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "model": "assistant",
}
_SAID = ("parts", "text", "value", "message")
"""What other projects call a message's content."""
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode


def messages_in(text: str) -> tuple[Message, ...]:
    """The messages of a conversation that a text holds as JSON, or of a prompt that it is.

    Read are a list of messages, an object with `messages`, and one message; any other text is a
    prompt, which is one message of the user.
    """
    found = conversation(text)
    return prompted(text) if found is None else found


def prompted(prompt: str) -> tuple[Message, ...]:
    """A prompt as the only message of the user."""
    return ({"role": "user", "content": prompt},)


def conversation(text: str) -> tuple[Message, ...] | None:
    """The messages that a text holds as JSON; None where it holds none, or what is none."""
    if not looks_like_one(text):
        return None
    try:
        messages = unwrapped(_value(text))
    except ValueError:
        return None
    return None if messages is None or [*misfits(messages)] else tuple(messages)


def beyond_prompt(messages: tuple[Message, ...], prompt: str) -> str | None:
    """Messages as JSON, to be written beside a prompt; None where the prompt says it all.

    Args:
        messages: of a request.
        prompt: what the user says in them.
    """
    return None if is_prompt(messages, prompt) else msgspec.json.encode(messages).decode()


def is_prompt(messages: tuple[Message, ...], prompt: str) -> bool:
    """Whether messages are what a file's reader makes of a prompt."""
    return messages == prompted(prompt) and conversation(prompt) is None


def looks_like_one(text: str) -> bool:
    """Whether a text may be a conversation: a question that is cheap to ask of every prompt."""
    start = text[:1] if text[:1] in "[{" else text[:256].lstrip()[:1]
    return start in ("[", "{") and "role" in text and ("content" in text or "tool_calls" in text)


def checked_messages(text: str) -> tuple[Message, ...]:
    """The messages of a cell that is there for them; a text that is no JSON is a prompt.

    Raises:
        ValueError: it is JSON, or begins like it, and holds no messages; says why.
    """
    if text.lstrip()[:1] not in ("[", "{"):
        return prompted(text)
    try:
        value = _value(text)
    except ValueError as error:
        raise ValueError(f"is not valid JSON: {error}") from None
    messages = unwrapped(value)
    if messages is None:
        raise ValueError("is no list of messages, and no object that holds one as 'messages'")
    if problem := next(misfits(messages), None):
        raise ValueError(problem)
    return tuple(messages)


def unwrapped(value: object) -> Sequence[Any] | None:
    """The list of messages in a value: itself, under `messages`, or one message alone."""
    if isinstance(value, Mapping):
        if "messages" in value:
            value = value["messages"]
        elif "role" in value:
            value = [value]
    return value if isinstance(value, list | tuple) else None


def misfits(messages: Sequence[Any]) -> Iterator[str]:
    """Why a list is none of messages."""
    if not messages:
        yield "has no message"
    for at, message in enumerate(messages):
        if not isinstance(message, Mapping):
            yield f"message {at} is {_shown(message)}; a message is an object with role and content"
            continue
        role = message.get("role")
        if role not in ROLES:
            yield f"message {at} has {_role(message)}"
        content = message.get("content")
        if not isinstance(content, str | list | tuple | None):
            yield f"message {at} has content {_shown(content)}; it is a text or a list of parts"
        if content is None and (meant := next((it for it in _SAID if message.get(it)), None)):
            yield f"message {at} has no content; call its {meant!r} content"
        for part in content if isinstance(content, list | tuple) else ():
            if not isinstance(part, Mapping):
                yield f"message {at} has a part {_shown(part)}; a part is an object with a type"


def oddities(messages: Sequence[Message]) -> Iterator[str]:
    """What is unusual about messages and changes nothing about how they are read."""
    roles = [str(message.get("role")) for message in messages]
    spoken = [role for role in roles if role not in ("system", "developer")]
    if "user" not in spoken:
        yield "have no message of the user, so that nothing is read of them"
    elif not any(message.get("content") for message in messages if message["role"] == "user"):
        yield "have no word of the user, so that nothing is read of them"
    elif spoken[0] == "assistant":
        yield "begin with the assistant"
    if spoken and spoken[-1] == "assistant":
        yield "end with the assistant: what it says there may be the very answer that is judged"
    if [*_uncalled(messages)]:
        yield "have a tool's result without the call before it, which endpoints refuse"


def key_text(messages: Sequence[Message]) -> bytes:
    """Messages as bytes that are the same for the same messages, whoever wrote them."""
    try:
        return _encode([_without_null(message) for message in messages])
    except (UnicodeEncodeError, TypeError, RecursionError):
        # half a surrogate pair, what JSON does not know, or nested too deep: what they say
        said = [f"{it.get('role')}: {content_text(it.get('content'))}" for it in messages]
        return "\n".join(said).encode("utf-8", "surrogatepass")


def _uncalled(messages: Sequence[Message]) -> Iterator[object]:
    called: set[object] = set()
    for message in messages:
        for call in message.get("tool_calls") or ():
            if isinstance(call, Mapping):
                called.add(call.get("id"))
        if message.get("role") == "tool" and message.get("tool_call_id") not in called:
            yield message.get("tool_call_id")


def _value(text: str) -> Any:
    """A value of JSON, or of Python as pandas writes a list into a CSV file."""
    try:
        return _decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if "'role'" in text or "'messages'" in text:
            import ast  # slow to import, and hardly ever needed

            try:
                return ast.literal_eval(text.strip())
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                pass
        raise ValueError(str(error)) from None


def _role(message: Mapping[str, Any]) -> str:
    if "role" not in message:
        hint = "; call its 'from' role, and its 'value' content" if "from" in message else ""
        return f"no role{hint}"
    role = message["role"]
    meant = _MEANT.get(role) if isinstance(role, str) else None
    hint = f"; write {meant}" if meant else ""
    return f"the role {_shown(role)}, which is none of {', '.join(ROLES)}{hint}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _without_null(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_null(it) for name, it in value.items() if it is not None}
    return [*map(_without_null, value)] if isinstance(value, list | tuple) else value
