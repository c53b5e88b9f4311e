"""A message of whichever broker, and the request it makes.

Attributes are those of CloudEvents 1.0; each broker has its own way to write them: `ce-id` (NATS),
`ce_id` (Kafka, Redis), `cloudEvents:id` (AMQP). All of them are read from every broker, as is an
event that is whole in the body. A message without any is a request too.

Source: CloudEvents 1.0.2, its JSON format and its bindings of NATS, Kafka and AMQP.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from routelab.core.messages import value_text
from routelab.serve.chat_request import decode_body
from routelab.serve.config import GatewayLimits
from routelab.serve.delivery import request_key
from routelab.serve.refusal import RefusedError
from routelab.serve.settings import QueueRules

_PREFIXES = ("ce-", "ce_", "cloudevents:", "cloudevents_")
_REPLY = ("replyto", "reply-to", "reply_to")
_ID = ("id", "x-request-id", "nats-msg-id", "message-id", "message_id")
_CORRELATION = ("correlationid", "correlation-id", "correlation_id")
EVENT = "application/cloudevents+json"
_EVENTS = "application/cloudevents-batch+json"
_LONGEST_ID = 256
SECRETS = ("authorization", "api-key")
"""Attributes that hold a key, and go nowhere."""


class QueueMessage(NamedTuple):
    """What a broker hands over.

    Attributes:
        topic: that it was in.
        body: as it was sent.
        headers: names in lower case.
        position: in the topic, the same however often it is handed over; empty where all that is
            known is that it is not handed over for the first time.
        raw: the broker's own object.
    """

    topic: str
    body: bytes
    headers: Mapping[str, str]
    position: str
    raw: Any


class Publication(NamedTuple):
    """What is put into a topic.

    Attributes:
        topic: by name.
        content: JSON.
        attributes: of CloudEvents, without prefixes.
        correlation: what the message said by which its sender knows the answer again.
        message_id: the same however often it is put there.
        optional: nobody may be there any more to take it, such as who asked.
    """

    topic: str
    content: bytes
    attributes: Mapping[str, str]
    correlation: str
    message_id: str
    optional: bool = False


class PoisonError(Exception):
    """A message that is no request, and would be none if it came again.

    Attributes:
        code: a word for programs.
        reason: for people; may quote the message.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class QueueRequest(NamedTuple):
    """The request that a message makes.

    Attributes:
        id: of the request.
        key: where what came of it is kept.
        digest: of its body.
        body: of `/v1/chat/completions`, or of `/v1/feedback`.
        attributes: of the message.
        subject: what the request is about, as its sender says.
        reply_to: topic of the answer; empty where none is wanted.
        correlation: by which its sender knows the answer again.
        tenant, priority: as the message says, where it is believed.
    """

    id: str
    key: str
    digest: str
    body: dict[str, Any]
    attributes: Mapping[str, str]
    subject: str
    reply_to: str
    correlation: str
    tenant: str
    priority: str


async def read_message(
    message: QueueMessage, rules: QueueRules, limits: GatewayLimits
) -> QueueRequest:
    """The request that a message makes.

    Args:
        message: as the broker gave it.
        rules: of its queue.
        limits: of bodies.
    Raises:
        PoisonError: it makes none.
    """
    if len(message.body) > limits.body_bytes:
        raise PoisonError(
            "body_too_large",
            f"the body has {len(message.body)} bytes, and {limits.body_bytes} are taken",
        )
    attributes = _attributes(message.headers)
    try:
        body, attributes = await _decoded(message, attributes, limits.body_depth)
    except RefusedError as refusal:
        raise PoisonError(refusal.code, refusal.message) from refusal
    if (version := attributes.get("specversion", "1.0")) != "1.0":
        raise PoisonError(
            "unknown_version", f"specversion={value_text(version)}: events of 1.0 are read"
        )
    name = _first(attributes, _ID) or message.position or os.urandom(8).hex()
    if len(name) > _LONGEST_ID:
        raise PoisonError(
            "invalid_request_id", f"the id has {len(name)} characters: give at most {_LONGEST_ID}"
        )
    tenant = rules.tenant or attributes.get(rules.tenant_attribute, "")
    if rules.tenant_attribute and not tenant:
        raise PoisonError(
            "no_tenant", f"the message says no tenant in its attribute {rules.tenant_attribute}"
        )
    return QueueRequest(
        id=name,
        key=request_key(tenant, rules.name, attributes.get("source", ""), name),
        digest=hashlib.sha256(message.body).hexdigest(),
        body=body,
        attributes=attributes,
        subject=attributes.get("subject", ""),
        reply_to=_first(attributes, _REPLY),
        correlation=_first(attributes, _CORRELATION) or name,
        tenant=tenant,
        priority=attributes.get(rules.priority_attribute, "") if rules.priority_attribute else "",
    )


def _attributes(headers: Mapping[str, str]) -> dict[str, str]:
    """Attributes without their prefixes; one with a prefix is meant before one without."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        for prefix in _PREFIXES:
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = value
                break
        else:
            found.setdefault(name, value)
    return found


async def _decoded(
    message: QueueMessage, attributes: dict[str, str], depth: int
) -> tuple[dict[str, Any], dict[str, str]]:
    """The body, and attributes; of an event that is whole in the body, its own.

    Raises:
        RefusedError: the body is no object of JSON.
        PoisonError: it is an event with no such body in it.
    """
    kind = _first(attributes, ("content-type", "content_type", "datacontenttype"))
    kind = kind.partition(";")[0].strip().lower()
    if kind == _EVENTS:
        raise PoisonError("batched_events", "the message holds many events: send each by itself")
    if kind != EVENT:
        return await decode_body(message.body, depth), attributes
    event = await decode_body(message.body, depth + 1)
    data = event.pop("data", None)
    own = {name.lower(): value for name, value in event.items() if isinstance(value, str)}
    if data is None and "data_base64" in own:
        try:
            data = await decode_body(base64.b64decode(own.pop("data_base64"), validate=True), depth)
        except binascii.Error as error:
            raise PoisonError("invalid_json", "data_base64 is no base64") from error
    if isinstance(data, str):
        data = await decode_body(data.encode(), depth)
    if not isinstance(data, dict):
        raise PoisonError("invalid_json", "data: write the chat completion that is asked for")
    return data, {**attributes, **own}


def _first(attributes: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((attributes[name] for name in names if attributes.get(name)), "")
