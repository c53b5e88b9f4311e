"""What is written down of one routed request: the decision log's line.

Numbers that are not known are null. A field that a reader does not know is skipped, so that an
older reader takes a newer log of the same schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from routelab.core.protocol import Message

Status: TypeAlias = Literal["answered", "failed", "refused", "shed", "cancelled", "broken"]
"""How a request ended.

answered; failed: no model answered; refused: a budget, or what it needs, ruled out every model;
shed: there was no room, so that nothing was sent; cancelled: the caller went away; broken: a
bug stopped it.
"""


class AttemptRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt at a deployment; fields as in `routelab.core.protocol.Attempt`."""

    model: str
    deployment: str
    provider: str = ""
    sample: int = 0
    status: int | None = None
    error: str | None = None
    queued_s: float = 0.0
    latency_s: float | None = None
    first_token_s: float | None = None
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    cost_usd: float | None = None


class StepRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call of a decision and what came back.

    Attributes:
        turn: calls of one turn were made together.
        answered_by: the model that served the call, where that was a fallback of `model`.
        signals: confidence by name; null where it could not be had.
        threshold: that the signal was held to.
        propensity: probability of the call, given the calls before it.
        rejected: why gates refused the answer.
        response: text of the answer, where texts are logged.
    """

    turn: int
    model: str
    answered_by: str | None = None
    final: bool = False
    signals: Mapping[str, float | None] = {}
    threshold: float | None = None
    propensity: float = 1.0
    cost_usd: float | None = None
    latency_s: float | None = None
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    error: str | None = None
    deployment: str | None = None
    notes: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    attempts: tuple[AttemptRecord, ...] = ()
    response: str | None = None


class ChoiceRecord(msgspec.Struct, frozen=True):
    """A random decision: which of its options was drawn, and how probable that was."""

    name: str
    index: int
    propensity: float


class ScoreRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a scorer said, before any answer or after that of a model."""

    name: str
    values: Mapping[str, float | None]
    after: str | None = None


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One request and everything it went through.

    Attributes:
        timestamp_s: Unix seconds at which it ended.
        policy: SHA-256 of the policy that decided.
        degraded: a budget had it decided by the cheaper policy.
        prompt_hash: `sha256:` or, with a key, `hmac-sha256:` of the prompt's text.
        model, deployment: that gave the answer delivered.
        cost_usd: of all calls, also where nothing was delivered.
        messages: of the request, where texts are logged.
    """

    schema: Literal["routelab.decision/1"]
    request_id: str
    timestamp_s: float
    status: Status
    policy: str
    degraded: bool = False
    task: str = ""
    group: str = ""
    tenant: str = ""
    priority: str = ""
    needs: tuple[str, ...] = ()
    max_cost_usd: float | None = None
    deadline_s: float | None = None
    prompt_hash: str = ""
    model: str | None = None
    deployment: str | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    error: str | None = None
    steps: tuple[StepRecord, ...] = ()
    choices: tuple[ChoiceRecord, ...] = ()
    scores: tuple[ScoreRecord, ...] = ()
    messages: tuple[Message, ...] | None = None


class FeedbackRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an answer turned out to be worth.

    Attributes:
        model: that gave it; null for the one whose answer was delivered.
        quality: in [0, 1].
        source: of the judgement, for people.
    """

    schema: Literal["routelab.feedback/1"]
    request_id: str
    quality: float
    model: str | None = None
    source: str = ""
    timestamp_s: float | None = None


class AlertRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A share of a budget was spent; told once in its period.

    Attributes:
        account: "all", or "tenant" and the tenant's name.
        period: "2026-11-24", "2026-11" or "total".
    """

    schema: Literal["routelab.alert/1"]
    account: str
    period: str
    share: float
    spent_usd: float
    limit_usd: float
    timestamp_s: float
