"""One call of a model, as another program wrote it down, in the columns of a log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class LoggedCall(msgspec.Struct, kw_only=True):
    """What is known of one call; None is not known, and never zero.

    Attributes:
        request_id: of what was asked.
        model: that was asked for.
        messages: that were sent, in the OpenAI form, or the text of one.
        response: the answer's text.
        task, session_id, tenant: of the request; empty for none.
        timestamp: Unix seconds of its beginning.
        quality: a grade in [0, 1].
        cost_usd: as recorded.
        latency_s: from sending to the end.
        prompt_tokens: with those that a cache held or took.
        completion_tokens: with those thought.
        cached_tokens, cache_write_tokens, cache_write_1h_tokens: of the prompt's.
        reasoning_tokens: of the completion's.
        service_tier: of the provider.
        served_model: that answered.
        error: why there is no answer; empty for an answer.
        attempt: which sample of this model on this request it is; None where it is traffic.
        step: place in the decision; None where every model was asked on purpose.
        propensity: probability of the call given those before it.
        numbers: further columns, such as grades of people and of judges.
        texts: further columns of text, such as how an answer ended.
    """

    request_id: str
    model: str
    messages: Any = None
    response: str | None = None
    task: str = ""
    session_id: str = ""
    tenant: str = ""
    timestamp: float | None = None
    quality: float | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    cached_tokens: float | None = None
    cache_write_tokens: float | None = None
    cache_write_1h_tokens: float | None = None
    reasoning_tokens: float | None = None
    service_tier: str = ""
    served_model: str = ""
    error: str = ""
    attempt: int | None = None
    step: int | None = None
    propensity: float | None = None
    numbers: Mapping[str, float] = {}
    texts: Mapping[str, str] = {}
