"""What a caller asks for, checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from routelab.core.protocol import Message
from routelab.core.request import Request
from routelab.errors import RouteError
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
        RouteError: it is malformed.
    """
    _check(messages, fields, max_cost_usd=max_cost_usd, deadline_s=deadline_s)
    request = Request(
        id=os.urandom(16).hex() if id is None else id,
        messages=_messages(messages),
        task=task,
        tenant=tenant,
        priority=priority,
        needs=tuple(needs),
        max_cost_usd=max_cost_usd,
        deadline_s=deadline_s,
    )
    return Sending(request, fields, {} if id is None else {REQUEST_ID: header_value(id)})


def _messages(messages: Messages) -> tuple[Message, ...]:
    if isinstance(messages, str):
        return ({"role": "user", "content": messages},)
    return tuple(messages)


def _check(messages: Messages, fields: Mapping[str, Any], **bounds: float | None) -> None:
    problems = [
        f"{name}={limit!r}: a bound is a number and not negative; leave it out for none"
        for name, limit in bounds.items()
        if limit is not None and not limit >= 0.0
    ]
    if not isinstance(messages, str) and (isinstance(messages, Mapping) or not messages):
        problems.append("messages must be a prompt or a list with at least one message")
    if "model" in fields:
        problems.append(f"model={fields['model']!r}: the policy chooses the model; leave it out")
    if fields.get("stream"):
        problems.append("stream=True: leave it out and use router.stream(...)")
    if problems:
        raise RouteError(*problems)
