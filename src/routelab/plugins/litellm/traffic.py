"""What LiteLLM says of a request, as a finished request of ours.

Source: `StandardLoggingPayload` of litellm 1.110.2, which 1.108 has likewise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from routelab.core import Attempt, Call, Choice, Feedback, Request, Score, Step
from routelab.core.messages import is_number
from routelab.plugins.litellm.first_call import OURS, FirstCall
from routelab.runtime import FinishedRequest
from routelab.signals import answer_text

CHATS = frozenset({"completion", "acompletion", "responses", "aresponses", "anthropic_messages"})
"""Kinds of calls that are requests of ours."""
_REDACTED = "redacted-by-litellm"
_OTHERS = "litellm"
"""Decides where no policy of ours did."""
_DRAWN = frozenset({"bandit"})
"""Causes that were drawn, with a probability that is not told."""
_SECRETLY = "shadow traffic"


class UnfitTrafficError(Exception):
    """A record of LiteLLM that is no request of a decision log, or one that would mislead."""


def answered_request(
    payload: Mapping[str, Any],
    metadata: Mapping[str, Any],
    names: Mapping[str, str] | None = None,
) -> FinishedRequest:
    """A request that LiteLLM got an answer for.

    Args:
        payload: the `standard_logging_object`.
        metadata: of the request, where the router notes what it did.
        names: what LiteLLM calls a model, with the policy's name for it.
    Raises:
        UnfitTrafficError: it is no chat, was answered by a cache, was shadow traffic, or was
            drawn with a probability that nobody tells.
    """
    _check(payload)
    named = dict(names or {})
    group = metadata.get("deployment_model_name") or payload.get("model_group")
    answered_by = _named(str(group or payload.get("model") or ""), named)
    decision = payload["metadata"].get("routing_decision") or {}
    if decision.get("cause") in _DRAWN:
        raise UnfitTrafficError("drawn with a probability that is not told")
    first = first_call(decision)
    asked = first.model if first is not None else _asked(decision, metadata, answered_by, named)
    feedback = _feedback(payload, metadata, answered_by, named)
    return FinishedRequest(
        request=_request(payload, metadata, first),
        policy=first.policy_sha256 if first is not None else _policy(decision),
        status="answered",
        timestamp_s=float(payload["endTime"]),
        latency_s=feedback.latency_s,
        cost_usd=feedback.cost_usd,
        steps=(Step(Call(asked, final=True), feedback, propensity=_propensity(first)),),
        end_propensity=1.0,
        choices=_choices(first),
        scores=_scores(first),
        answer=feedback,
    )


def failed_request(
    data: Mapping[str, Any],
    error: BaseException,
    timestamp_s: float,
    names: Mapping[str, str] | None = None,
) -> FinishedRequest:
    """A request that the proxy gave up on.

    Args:
        data: of the request, as the proxy's hook has it.
        error: with which it ended; its words may quote the request, so only its class is kept.
        timestamp_s: Unix seconds of the end.
        names: what LiteLLM calls a model, with the policy's name for it.
    Raises:
        UnfitTrafficError: it never came to a model.
    """
    named = dict(names or {})
    metadata = data.get("metadata") or data.get("litellm_metadata") or {}
    decision = metadata.get("routing_decision") or {}
    first = first_call(decision)
    attempts = tuple(_failed_attempts(metadata, named))
    model = first.model if first is not None else _named(str(metadata.get("model_group")), named)
    if first is None and not attempts:
        raise UnfitTrafficError("it never came to a model")
    reason = type(error).__name__
    feedback = Feedback(model=model, error=reason, attempts=attempts)
    return FinishedRequest(
        request=_request({**data, "metadata": {}}, metadata, first),
        policy=first.policy_sha256 if first is not None else _policy(decision),
        status="failed",
        timestamp_s=timestamp_s,
        latency_s=math.nan,
        cost_usd=0.0,
        steps=(
            Step(
                Call(model, final=True),
                feedback,
                propensity=_propensity(first),
            ),
        ),
        choices=_choices(first),
        scores=_scores(first),
        error=reason,
        end_propensity=1.0,
    )


def first_call(decision: Mapping[str, Any]) -> FirstCall | None:
    """The call of a policy of ours that a routing decision tells of, if it does."""
    try:
        return msgspec.convert(decision.get(OURS), FirstCall)
    except msgspec.ValidationError:
        return None


def _feedback(
    payload: Mapping[str, Any],
    metadata: Mapping[str, Any],
    answered_by: str,
    names: Mapping[str, str],
) -> Feedback:
    """The answer, with the attempts before it."""
    latency_s = _seconds(payload.get("startTime"), payload.get("endTime"))
    first_s = _seconds(payload.get("startTime"), payload.get("completionStartTime"))
    cost_usd = _cost(payload)
    completion = _tokens(payload, "completion_tokens")
    deployment = str(payload.get("model_id") or payload.get("model") or "")
    last = Attempt(
        model=answered_by,
        deployment=deployment,
        provider=str(payload.get("custom_llm_provider") or ""),
        status=200,
        latency_s=latency_s,
        first_token_s=first_s if payload.get("stream") else math.nan,
        prompt_tokens=_tokens(payload, "prompt_tokens"),
        completion_tokens=completion,
        cost_usd=cost_usd,
    )
    response = payload.get("response")
    return Feedback(
        model=answered_by,
        cost_usd=cost_usd,
        latency_s=latency_s,
        text=answer_text(response) if isinstance(response, dict) else None,
        deployment=deployment,
        completion_tokens=completion,
        attempts=(*_failed_attempts(metadata, names), last),
        notes=() if not math.isnan(cost_usd) else ("LiteLLM knows no price of this model",),
    )


def _check(payload: Mapping[str, Any]) -> None:
    if payload.get("call_type") not in CHATS:
        raise UnfitTrafficError("no chat")
    if payload.get("cache_hit") in (True, "True"):
        raise UnfitTrafficError("answered by a cache")
    if payload["metadata"].get("is_silent_experiment"):
        raise UnfitTrafficError(_SECRETLY)


def _asked(
    decision: Mapping[str, Any],
    metadata: Mapping[str, Any],
    answered_by: str,
    names: Mapping[str, str],
) -> str:
    """The model that was to answer, which a fallback may have replaced."""
    if routed := decision.get("routed_model"):
        return _named(str(routed), names)
    original = metadata.get("original_model_group")
    if original and metadata.get("attempted_fallbacks"):
        return _named(str(original), names)
    return answered_by


def _policy(decision: Mapping[str, Any]) -> str:
    router = decision.get("router_model_name")
    return f"{_OTHERS}/{router}" if router else _OTHERS


def _request(
    payload: Mapping[str, Any], metadata: Mapping[str, Any], first: FirstCall | None
) -> Request:
    said = {**metadata, **(payload["metadata"] or {})}
    own = said.get("requester_metadata") or {}
    task = own.get("task", metadata.get("task"))
    tenant = said.get("user_api_key_team_alias") or said.get("user_api_key_team_id")
    return Request(
        id=first.request_id if first is not None else str(payload.get("litellm_call_id")),
        messages=_messages(payload.get("messages")),
        task=task if isinstance(task, str) else "",
        group=str(payload.get("session_id") or ""),
        tenant=str(tenant or said.get("user_api_key_alias") or ""),
    )


def _messages(given: object) -> tuple[Mapping[str, Any], ...] | None:
    """Chat messages; None where they were redacted, or are of another form."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}] if given != _REDACTED else None
    if not isinstance(given, Sequence) or not all(isinstance(it, Mapping) for it in given):
        return None
    if not given or any(it.get("content") == _REDACTED for it in given):
        return None
    return tuple(given)


def _failed_attempts(metadata: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Attempt]:
    """Attempts before the last one; the router notes the last of a model twice."""
    seen = set()
    for it in metadata.get("previous_models") or ():
        key = it.get("model_group"), it.get("deployment_id"), it.get("attempted_retries")
        if key in seen:
            continue
        seen.add(key)
        yield Attempt(
            model=_named(str(it.get("model_group") or it.get("model") or ""), names),
            deployment=str(it.get("deployment_id") or ""),
            error=str(it.get("exception_type") or "it failed"),
            cost_usd=0.0,
        )


def _cost(payload: Mapping[str, Any]) -> float:
    """USD; NaN where LiteLLM knows no price, which it writes as 0."""
    cost = payload.get("response_cost")
    if not is_number(cost) or cost < 0.0:
        return math.nan
    known = (payload.get("model_map_information") or {}).get("model_map_value")
    return math.nan if cost == 0.0 and known is None else float(cost)


def _tokens(payload: Mapping[str, Any], name: str) -> float:
    value = payload.get(name)
    return float(value) if is_number(value) else math.nan


def _seconds(start: object, end: object) -> float:
    if not (is_number(start) and is_number(end)) or end < start:
        return math.nan
    return float(end) - float(start)


def _propensity(first: FirstCall | None) -> float:
    """Of the call, which is the only one; NaN if it is not known."""
    if first is None:
        return 1.0
    return math.nan if first.propensity is None else first.propensity


def _choices(first: FirstCall | None) -> tuple[Choice, ...]:
    given = first.choices if first is not None else ()
    return tuple(msgspec.convert(it, Choice) for it in given)


def _scores(first: FirstCall | None) -> tuple[Score, ...]:
    given = first.scores if first is not None else {}
    return tuple(Score(name, None, tuple(values.items())) for name, values in given.items())


def _named(group: str, names: Mapping[str, str]) -> str:
    return names.get(group, group)
