"""What a caller asks for, checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from routelab.core.protocol import Message
from routelab.core.request import Request
from routelab.errors import RequestError
from routelab.runtime.caller import Sending
from routelab.runtime.wire import REQUEST_ID, header_value

Messages: TypeAlias = str | Sequence[Message]
"""A prompt, or chat messages in the OpenAI form."""


def sending(
    messages: Messages,
    *,
    id: str | None = None,  # noqa: A002  (the word of logs and of `Request`)
    task: str = "",
    tenant: str = "",
    priority: str = "",
    needs: Sequence[str] = (),
    max_cost_usd: float | None = None,
    deadline_s: float | None = None,
    **fields: Any,
) -> Sending:
    """A request as `AsyncRouter.route` takes it.

    Raises:
        RequestError: it is malformed; names everything that is.
    """
    problems: list[str] = []  # each check after a question that most requests pass
    texts = isinstance(task, str) and isinstance(tenant, str) and isinstance(priority, str)
    if not texts or not (id is None or isinstance(id, str)):
        problems += _of_texts(
            id="" if id is None else id, task=task, tenant=tenant, priority=priority
        )
    if needs != ():
        problems += _of_needs(needs)
    if max_cost_usd is not None or deadline_s is not None:
        problems += _of_bounds(max_cost_usd=max_cost_usd, deadline_s=deadline_s)
    if not isinstance(messages, str):
        problems += _of_messages(messages)
    if fields:
        problems += _of_fields(fields)
    if problems:
        raise RequestError(*problems)
    request = Request(
        id=id or os.urandom(16).hex(),
        messages=_messages(messages),
        task=task,
        tenant=tenant,
        priority=priority,
        needs=tuple(needs),
        max_cost_usd=max_cost_usd,
        deadline_s=deadline_s,
    )
    return Sending(request, fields, {REQUEST_ID: header_value(id)} if id else {})


def options_of(request: Request) -> dict[str, Any]:
    """Everything of a logged request but its messages, as options of `sending`."""
    return {
        "id": request.id,
        "task": request.task,
        "tenant": request.tenant,
        "priority": request.priority,
        "needs": request.needs,
        "max_cost_usd": request.max_cost_usd,
        "deadline_s": request.deadline_s,
    }


def _messages(messages: Messages) -> tuple[Message, ...]:
    if isinstance(messages, str):
        return ({"role": "user", "content": messages},)
    return tuple(messages)


def _of_texts(**texts: object) -> Iterator[str]:
    for name, text in texts.items():
        if not isinstance(text, str):
            yield f"{name}={text!r}: write a text, or leave it out"


def _of_needs(needs: object) -> Iterator[str]:
    if (
        isinstance(needs, str)
        or not isinstance(needs, Sequence)
        or not all(isinstance(need, str) for need in needs)
    ):
        yield f'needs={needs!r}: write a list of capabilities, such as ["tools"]'


def _of_bounds(**bounds: object) -> Iterator[str]:
    for name, limit in bounds.items():
        if limit is not None and not (isinstance(limit, int | float) and limit >= 0.0):
            yield f"{name}={limit!r}: a bound is a number and not negative; leave it out for none"


def _of_messages(messages: object) -> Iterator[str]:
    if not isinstance(messages, Sequence) or not messages:
        yield "messages must be a prompt or a list with at least one message"
        return
    for at, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            yield (
                f"messages[{at}]={message!r:.80}: a message is an object with a role,"
                ' such as {"role": "user", "content": "..."}'
            )


_SLIPS = {
    "deadline": "deadline_s",
    "max_cost": "max_cost_usd",
    "need": "needs",
}
"""What is no field of a request, and the option that was meant."""


def _of_fields(fields: Mapping[str, Any]) -> Iterator[str]:
    for slip, meant in _SLIPS.items():
        if slip in fields:
            yield f"{slip}={fields[slip]!r:.80}: there is no such option; it is called {meant}"
    if "model" in fields:
        yield f"model={fields['model']!r}: the policy chooses the model; leave it out"
    if not isinstance(options := fields.get("stream_options", {}), Mapping | None):
        yield f"stream_options={options!r:.80}: write an object, or leave it out"
    if fields.get("stream"):
        yield "stream=True: leave it out and use router.stream(...)"
