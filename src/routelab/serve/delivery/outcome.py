"""What came of a request, as it is delivered and kept."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from routelab.runtime import decode_json, encode_json

ANSWER = "routelab.answer"
FAILURE = "routelab.failure"
"""Types of events: CloudEvents' `type`, and that of webhooks."""


class DeliveredOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer, or why there is none.

    Attributes:
        id: of the request and its decision.
        entry: by which it came.
        outcome: which of the two it is.
        status, code: of the failure, as HTTP has them; of an answer 200 and empty.
        content: JSON, a chat completion or an error object, each with what it cost.
        at_s: Unix seconds.
        tenant, task, policy, model: of the request, and who answered.
        subject: of the message that asked.
    """

    id: str
    entry: str
    outcome: Literal["answered", "failed"]
    status: int
    content: bytes
    at_s: float
    code: str = ""
    tenant: str = ""
    task: str = ""
    policy: str = ""
    model: str = ""
    subject: str = ""

    @property
    def event_type(self) -> str:
        """What kind of event it is."""
        return ANSWER if self.outcome == "answered" else FAILURE

    @property
    def time(self) -> str:
        """When it was, as RFC 3339 has it."""
        return dt.datetime.fromtimestamp(self.at_s, dt.UTC).isoformat().replace("+00:00", "Z")

    def attributes(self, source: str) -> dict[str, str]:
        """As attributes of CloudEvents, without prefixes.

        Args:
            source: who says so.
        """
        found = {
            "specversion": "1.0",
            "id": self.id,
            "source": source,
            "type": self.event_type,
            "time": self.time,
            "outcome": self.outcome,
            "status": str(self.status),
        }
        named = ("subject", "code", "tenant", "task", "policy", "model")
        return found | {name: value for name in named if (value := getattr(self, name))}

    def envelope(self) -> dict[str, Any]:
        """As one object of JSON, in the form that Standard Webhooks wants."""
        named = ("id", "entry", "outcome", "status", "code", "tenant", "task", "policy", "model")
        data = {name: value for name in named if (value := getattr(self, name))}
        return {
            "type": self.event_type,
            "timestamp": self.time,
            "data": {**data, "body": msgspec.Raw(self.content)},
        }


def answered(body: Mapping[str, Any], model: str, **more: Any) -> DeliveredOutcome:
    """The outcome of a request that has an answer.

    Args:
        body: of the answer.
        model: that gave it.
        more: of the request.
    """
    return DeliveredOutcome(
        outcome="answered", status=200, content=encode_json(body), model=model, **more
    )


def failed(body: Mapping[str, Any], status: int, code: str, **more: Any) -> DeliveredOutcome:
    """The outcome of a request that has none.

    Args:
        body: an error object.
        status, code: of the error.
        more: of the request.
    """
    return DeliveredOutcome(
        outcome="failed", status=status, code=code, content=encode_json(body), **more
    )


def request_key(tenant: str, *parts: str) -> str:
    """Where what is known of a request is kept: another tenant's id is another request.

    Args:
        tenant: who asks.
        parts: the id, and what else tells it from others.
    """
    text = "\0".join((tenant, *parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(DeliveredOutcome)


def packed(outcome: DeliveredOutcome) -> bytes:
    """As it is kept."""
    return _ENCODER.encode(outcome)


def unpacked(content: bytes) -> DeliveredOutcome:
    """What was kept."""
    return _DECODER.decode(content)


def told_body(outcome: DeliveredOutcome) -> Any:
    """The body as an object."""
    return decode_json(outcome.content)
