"""A chat completion that is asked for, checked: its model, its messages, and what else it says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from routelab.core.messages import value_text
from routelab.errors import RequestError
from routelab.runtime import TooDeepError, decode_anywhere, header_text
from routelab.runtime.redaction import RedactionError, Redactor
from routelab.runtime.requests import Messages
from routelab.serve.refusal import RefusedError, malformed

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
OPTIONS = {
    "task": str,
    "priority": str,
    "needs": list,
    "max_cost_usd": object,
    "deadline_s": object,
}
"""Fields of a body that are options of the router; of another type they are some provider's."""
_LONGEST_ID = 256
_ABOUT_CALLERS = ("user", "safety_identifier", "metadata", "prediction")
"""Fields of a body, besides its messages, that hold texts of people or about them."""
_TOLD = 20
"""Problems of messages that are told; finding out all of a thousand takes long."""

Problem = tuple[str | None, str]


class ChatRequest(NamedTuple):
    """What a body asks for.

    Attributes:
        model: as written; None where it is left out.
        messages: a prompt or chat messages.
        stream: the answer is wanted in pieces.
        options: of the router, by name.
        parameters: what goes to the model as it is.
    """

    model: str | None
    messages: Messages
    stream: bool
    options: Mapping[str, Any]
    parameters: Mapping[str, Any]


async def decode_body(content: bytes, depth: int) -> dict[str, Any]:
    """The object that a body is.

    Args:
        content: of the body.
        depth: of lists and objects in each other that is taken.
    Raises:
        RefusedError: it is none, or is nested deeper.
    """
    try:
        body = await decode_anywhere(content, depth, exact=True)
    except TooDeepError as error:
        raise RefusedError(400, f"the body is {error}: flatten it", "body_too_deep") from error
    except ValueError as error:
        raise RefusedError(400, f"the body is no JSON: {error}", "invalid_json") from error
    if not isinstance(body, dict):
        raise RefusedError(400, "the body must be an object", "invalid_json")
    return body


def read_chat(body: Mapping[str, Any]) -> ChatRequest:
    """The request that a body of `/v1/chat/completions` makes.

    Fields that are null count as left out.

    Raises:
        RefusedError: fields are of no use; names them all.
    """
    said = {name: value for name, value in body.items() if value is not None}
    model, stream = said.pop("model", None), said.pop("stream", False)
    messages = said.pop("messages", ())
    problems: list[Problem] = []
    if model is not None and not isinstance(model, str):
        problems.append(("model", f"model={value_text(model)}: write a text"))
    if not isinstance(stream, bool):
        problems.append(("stream", f"stream={value_text(stream)}: write true or false"))
    problems += islice(_of_messages(messages), _TOLD)
    if problems:
        raise malformed(problems)
    options = {
        name: said.pop(name)
        for name, kind in OPTIONS.items()
        if name in said and isinstance(said[name], kind)
    }
    return ChatRequest(model, messages, stream, options, said)


def redacted_chat(chat: ChatRequest, redactor: Redactor) -> ChatRequest:
    """The request without what is taken out of its texts.

    Raises:
        RefusedError: a redaction failed; nothing may be sent.
    """
    messages = chat.messages
    try:
        kept: Messages = (
            redactor.text(messages)
            if isinstance(messages, str)
            else list(redactor.messages(messages))
        )
        about = {name: chat.parameters[name] for name in _ABOUT_CALLERS if name in chat.parameters}
        (told,) = redactor.messages([about])
    except RedactionError as error:
        raise RefusedError(
            500,
            "what identifies people could not be taken out, and nothing was sent",
            "redaction_failed",
            kind="server_error",
        ) from error
    return chat._replace(messages=kept, parameters={**chat.parameters, **told})


def header_said(value: str) -> str:
    """The text of a header, in UTF-8 or escaped as ours are; as it is where it is neither.

    Args:
        value: each byte as a character of Latin-1, as servers give it.
    """
    if not value.isascii():
        with contextlib.suppress(UnicodeError):
            value = value.encode("latin-1").decode()
    try:
        return header_text(value)
    except UnicodeDecodeError:
        return value


def checked_id(given: str | None) -> str | None:
    """A request's id as its caller gave it.

    Raises:
        RefusedError: it is too long to keep.
    """
    if given is not None and len(given) > _LONGEST_ID:
        raise RefusedError(
            400,
            f"x-request-id has {len(given)} characters: give at most {_LONGEST_ID}",
            "invalid_request_id",
        )
    return given or None


def request_problems(error: RequestError) -> RefusedError:
    """What the runtime finds wrong with a request."""
    return malformed([(_field(problem), problem) for problem in error.problems])


def _field(problem: str) -> str | None:
    """The field that a sentence of the runtime begins with."""
    name = problem.partition("=")[0].partition("[")[0]
    return name if name.isidentifier() else None


def _of_messages(messages: object) -> Iterator[Problem]:
    if isinstance(messages, str):
        return
    if not isinstance(messages, list) or not messages:
        yield "messages", "messages must be a prompt or a list with at least one message"
        return
    for at, message in enumerate(messages):
        place = f"messages[{at}]"
        if not isinstance(message, dict):
            yield place, f"{place}: a message is an object with a role and content"
            continue
        role = message.get("role")
        if not isinstance(role, str) or role not in ROLES:
            yield (
                f"{place}.role",
                f"{place}.role={value_text(role)}: write one of {', '.join(sorted(ROLES))}",
            )
        yield from _of_content(place, message)


def _of_content(place: str, message: Mapping[str, Any]) -> Iterator[Problem]:
    content = message.get("content")
    if isinstance(content, str):
        return
    if content is None:
        if message.get("role") in ("assistant", "function"):  # which may call tools alone
            return
        yield f"{place}.content", f"{place}.content is missing: write a text or a list of parts"
    elif not isinstance(content, list):
        yield (
            f"{place}.content",
            f"{place}.content={value_text(content)}: write a text or a list of parts",
        )
    else:
        for at, part in enumerate(content):
            if not isinstance(part, dict) or not isinstance(part.get("type"), str):
                yield (
                    f"{place}.content[{at}]",
                    f"{place}.content[{at}]: a part is an object with a type, such as"
                    ' {"type": "text", "text": "..."}',
                )
