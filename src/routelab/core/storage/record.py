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
    """One attempt at a deployment, as `routelab.core.Attempt` has it; null is not known.

    Attributes:
        model: that was asked.
        deployment: the endpoint, without credentials.
        provider: who runs it.
        sample: which of the call's samples the attempt belongs to, from 0.
        status: of HTTP; null without a reply.
        error: why this is no answer.
        queued_s: seconds that it waited for a free place.
        latency_s: seconds from sending to the end of the reply or its failure.
        first_token_s: seconds from sending to the first piece of the answer.
        prompt_tokens, completion_tokens: as reported.
        cost_usd: USD of this attempt.
        failure: its class, by which metrics count it; empty for an answer.
    """

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
    failure: str = ""


class StepRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call of a decision and what came back.

    Attributes:
        turn: calls of one turn were made together.
        model: that was asked.
        answered_by: the model that served the call, where that was a fallback of `model`.
        signals: confidence by name; null where it could not be had.
        threshold: that the signal was held to.
        propensity: probability of the call, given the calls before it; null if it is not known.
        cost_usd, latency_s: USD and seconds of the call with all its attempts; null if not known.
        rejected: why gates refused the answer.
        response: text of the answer, where texts are logged.
    """

    turn: int
    model: str
    answered_by: str | None = None
    final: bool = False
    signals: Mapping[str, float | None] = {}
    threshold: float | None = None
    propensity: float | None = 1.0
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
    """A random decision: which of its options was drawn, and how probable that was.

    Attributes:
        name: of the decision.
        index: of the option that was drawn, from 0.
        propensity: its probability, in (0, 1].
    """

    name: str
    index: int
    propensity: float


class ScoreRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a scorer said, before any answer or after that of a model.

    Attributes:
        name: of the scorer.
        values: by output; null where it said NaN.
        after: the model whose answer it was told of; null before any.
    """

    name: str
    values: Mapping[str, float | None]
    after: str | None = None


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One request and everything it went through.

    Attributes:
        request_id: the key of the policy's random draws.
        timestamp_s: Unix seconds at which it ended.
        status: how it ended.
        policy: SHA-256 of the policy that decided.
        degraded: a budget had it decided by the cheaper policy.
        prompt_hash: `sha256:` or, with a key, `hmac-sha256:` of the prompt's text.
        model, deployment: that gave the answer delivered.
        cost_usd: USD of all calls, also where nothing was delivered; null if one is unknown.
        latency_s: seconds from asking to the end.
        error: why nothing was delivered.
        steps, choices, scores: what the policy did, in order.
        messages: of the request, where texts are logged.
        propensity_of: what the steps' propensities are of: calls, over all that the policy might
            have drawn; or the draws that were made, as in older logs and where nothing was drawn.
        end_propensity: probability of no further call, given all calls; null if it is not known,
            and where nothing was drawn.
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
    propensity_of: Literal["draws", "calls"] = "draws"
    end_propensity: float | None = None


class FeedbackRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an answer turned out to be worth.

    Attributes:
        request_id: of the request that was answered.
        model: that gave it; null for the one whose answer was delivered.
        quality: in [0, 1].
        source: of the judgement, for people.
        timestamp_s: Unix seconds of the judgement.
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
        share: that was reached, in (0, 1].
        spent_usd, limit_usd: of the account in this period.
        timestamp_s: Unix seconds of the alert.
    """

    schema: Literal["routelab.alert/1"]
    account: str
    period: str
    share: float
    spent_usd: float
    limit_usd: float
    timestamp_s: float
