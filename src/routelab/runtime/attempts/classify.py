"""Classification of one attempt's result: an answer, or a failure of some kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

import msgspec

from routelab.core.catalogue import Deployment
from routelab.core.messages import brief
from routelab.runtime.attempts.assembly import CONTENT, are_objects
from routelab.runtime.attempts.failures import (
    EMPTY,
    MALFORMED,
    OF_KIND,
    OUTPUT,
    STOPPED,
    UNSUPPORTED,
    Failure,
    JudgedFailure,
    error_of,
    judged,
    sentence_of,
)
from routelab.runtime.attempts.finishes import GOOD_ENDS, bad_end
from routelab.runtime.attempts.growing import ENTRIES, PARTS
from routelab.runtime.attempts.retry_after import retry_after_s
from routelab.runtime.attempts.usage import NOTHING_SENT, Exchange, usage_of
from routelab.runtime.large_json import decode_anywhere
from routelab.runtime.upstream import Kind, OutgoingRequest, Reply, deployment_label
from routelab.runtime.wire import LARGE, SHOULD_RETRY, VALUES, TooDeepError, decode_bounded
from routelab.signals import answer_text

_SHOWN = 200
"""Characters of a body that an error message quotes."""

MOST_CHOICES = 1_024
"""Of one answer, whatever was asked for."""

_CALLS = 5 * ENTRIES
"""Tool calls of all choices of one answer."""

_READ = 4_000
"""Characters of an objection that are looked at."""


class AttemptResult(msgspec.Struct, frozen=True):
    """The result of one attempt at a deployment.

    Attributes:
        deployment: for people, without credentials.
        body: the response; of a failure only what it is known to have used; None if nothing is.
        error: why this is no answer, or None.
        status: of HTTP, or what a body gives in its place; None without a reply.
        kind: of failure; empty for an answer.
        failure: what it means; of an answer nothing that matters.
        retry_after_s: seconds after which the deployment says it may be asked again.
        latency_s: from sending to the end of the reply or its failure.
        first_token_s: from sending to the first piece of the answer; NaN if it did not stream.
        delivered: a piece went to the sink, so that no other attempt may follow.
        objection: all that the endpoint says of a request that it refuses.
        told: `error` as a caller may read it, without addresses and deployments.
        exchange: what was asked, and in how many pieces it was answered.
    """

    deployment: str
    body: Mapping[str, Any] | None = None
    error: str | None = None
    status: int | None = None
    kind: Kind = ""
    failure: Failure = STOPPED
    retry_after_s: float | None = None
    latency_s: float = math.nan
    first_token_s: float = math.nan
    delivered: bool = False
    objection: str = ""
    told: str = ""
    exchange: Exchange = NOTHING_SENT

    @property
    def answer(self) -> Mapping[str, Any] | None:
        """The response, if it is an answer."""
        return self.body if self.error is None else None


def failed(deployment: Deployment, error: str, kind: Kind) -> AttemptResult:
    """An attempt without a reply that could be judged."""
    where = deployment_label(deployment)
    return AttemptResult(where, error=error, kind=kind, failure=OF_KIND[kind])


def too_few(missing: int) -> str:
    """That an endpoint left out choices that were asked for."""
    return f"answered {missing} fewer choices than were asked for"


def late(outgoing: OutgoingRequest, reason: str) -> AttemptResult:
    """An attempt whose time was over before its reply began."""
    if outgoing.progress.waits:
        return failed(outgoing.deployment, f"no connection was free here, so {reason}", "busy")
    if outgoing.progress.connecting:
        return failed(outgoing.deployment, f"no connection yet, so {reason}", "connect")
    return failed(outgoing.deployment, reason, "timeout")


async def classify_in_turns(
    deployment: Deployment, reply: Reply, now: float, asked: int = 1
) -> AttemptResult:
    """As `classify`; while a reply of megabytes is read, others have their turns.

    Args:
        deployment: that was asked.
        reply: of it.
        now: Unix time in seconds.
        asked: how many choices were asked for.
    """
    body = reply.body
    if type(body) is bytes and len(body) > LARGE:
        try:
            read = await decode_anywhere(body), ""
        except ValueError as error:
            read = None, _unread(body, error)
        return _classified(deployment, reply, read, now, asked)
    return classify(deployment, reply, now, asked)


def classify(deployment: Deployment, reply: Reply, now: float, asked: int = 1) -> AttemptResult:
    """What a complete reply is worth.

    Args:
        now: Unix time in seconds.
        asked: how many choices were asked for.
    """
    if 200 <= reply.status < 300 and is_plain_answer(reply.body, asked):
        return AttemptResult(deployment_label(deployment), reply.body, status=reply.status)
    return _classified(deployment, reply, _read(reply), now, asked)


def _classified(
    deployment: Deployment, reply: Reply, read: tuple[object, str], now: float, asked: int
) -> AttemptResult:
    said, why = read
    body = said if isinstance(said, Mapping) else None
    good = 200 <= reply.status < 300
    if good and body is not None and error_of(body) is None and answer_text(body) is not None:
        if _formed(body["choices"]):
            return _judged_answer(deployment, body, reply.status, asked)
        error = "answered choices that are none"
        formless = OUTPUT if _calls_alone_are_wrong(body["choices"]) else MALFORMED
        return failed_with(deployment, _used(body), error, "malformed", formless, reply.status)
    if good and body is None and error_of(said) is None:
        error = f"answered {why or 'no JSON object'}: {_quote(reply)}"
        return failed_with(deployment, None, error, "malformed", MALFORMED, reply.status)
    verdict = judged(reply.status, said)
    failure = _asked_not_to_retry(verdict, reply.headers)
    if good and verdict.failure is EMPTY:
        choices = (body or {}).get("choices")
        kind: Kind = "malformed"
        wrong = error_of(said)
        what = "without choices" if wrong is None or not choices else "with an error"
        error = f"answered {what}{'' if wrong is None else ': ' + _message(wrong, reply)}"
    else:
        kind, error = "status", f"answered {verdict.status}: {_message(said, reply)}"
    result = failed_with(deployment, _used(body), error, kind, failure, verdict.status)
    limited = failure.name in ("rate", "overloaded")
    after_s = retry_after_s(reply.headers, now, said, limited=limited)
    objection = objection_of(_quote(reply) if said is None else said)
    return msgspec.structs.replace(result, retry_after_s=after_s, objection=objection)


def is_plain_answer(body: object, asked: int) -> TypeGuard[dict[str, Any]]:
    """Whether this is what most endpoints answer, about which nothing else need be looked at.

    Args:
        body: as decoded.
        asked: how many choices were asked for.
    """
    if type(body) is not dict or body.get("error"):
        return False
    choices = body.get("choices")
    if type(choices) is not list or not max(asked, 1) <= len(choices) <= MOST_CHOICES:
        return False
    for choice in choices:
        if type(choice) is not dict or choice.get("error"):
            return False
        message, finish = choice.get("message"), choice.get("finish_reason")
        if type(finish) is not str or finish not in GOOD_ENDS or type(message) is not dict:
            return False
        if type(message.get("content")) is not str or message.get("tool_calls"):
            return False
    return True


def _judged_answer(
    deployment: Deployment, body: Mapping[str, Any], status: int, asked: int
) -> AttemptResult:
    """A chat completion in its form, unless its own words or their number make it none."""
    if (end := bad_end(body)) is not None:
        return failed_with(deployment, _used(body), end.says, "status", end.failure, status)
    if (missing := asked - len(body["choices"])) > 0:
        error = too_few(missing)
        return failed_with(deployment, _used(body), error, "status", UNSUPPORTED, status)
    return AttemptResult(deployment_label(deployment), body, status=status)


def choices_asked(body: Mapping[str, Any]) -> int:
    """How many choices a request asks for."""
    n = body.get("n")
    return n if isinstance(n, int) and n > 0 else 1


def objection_of(said: object) -> str:
    """What an endpoint says of a request that it refuses, as `AttemptResult` keeps it.

    Args:
        said: text, or JSON.
    """
    return said[:_READ] if isinstance(said, str) else brief(said, _READ)


def _formed(choices: list[Any]) -> bool:
    """Whether each choice has a message, content and tool calls in their form; none too many."""
    if len(choices) > MOST_CHOICES:
        return False
    called = 0
    for choice in choices:
        message = choice.get("message") if isinstance(choice, Mapping) else None
        if not isinstance(message, Mapping) or not _is_content(message.get("content")):
            return False
        calls = message.get("tool_calls")
        if calls and not (isinstance(calls, list) and len(calls) <= ENTRIES and are_objects(calls)):
            return False
        called += len(calls or ())
    return called <= _CALLS


def _is_content(content: object) -> bool:
    return isinstance(content, CONTENT) and (type(content) is not list or len(content) <= PARTS)


def _calls_alone_are_wrong(choices: list[Any]) -> bool:
    """Whether choices, no more than any answer has, lack form only in calls that a model writes."""
    if len(choices) > MOST_CHOICES:
        return False
    messages = [it.get("message") for it in choices if isinstance(it, Mapping)]
    texts = [it.get("content") for it in messages if isinstance(it, Mapping)]
    return len(texts) == len(choices) and all(isinstance(it, str | list | None) for it in texts)


def failed_with(
    deployment: Deployment,
    body: Mapping[str, Any] | None,
    error: str,
    kind: Kind,
    failure: Failure,
    status: int | None,
) -> AttemptResult:
    """An attempt whose failure was judged."""
    where = deployment_label(deployment)
    return AttemptResult(where, body, error, status=status, kind=kind, failure=failure)


def _asked_not_to_retry(verdict: JudgedFailure, headers: Mapping[str, str]) -> Failure:
    """The class of a failure, for a reply that says that asking again would change nothing."""
    if headers.get(SHOULD_RETRY) != "false":
        return verdict.failure
    if verdict.said:
        return verdict.failure._replace(again=False)
    return verdict.failure._replace(again=False, elsewhere=False, against=False)


def _read(reply: Reply) -> tuple[object, str]:
    """The JSON of a reply, None if it is none that is read, and why it is not."""
    if not isinstance(reply.body, bytes):
        return reply.body, ""
    try:
        return decode_bounded(reply.body), ""
    except ValueError as error:
        return None, _unread(reply.body, error)


def _unread(body: bytes, error: ValueError) -> str:
    """Why a body is not read; empty where it is no JSON."""
    if isinstance(error, TooDeepError):
        return f"JSON that is {error}"
    return f"JSON that is not read ({error})" if len(body) > VALUES else ""


def _used(body: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What a failure cost, without what it says, which may quote a key."""
    return None if body is None else {"usage": usage_of(body)}


def _message(body: object, reply: Reply) -> str:
    """What the endpoint says went wrong."""
    return sentence_of(body)[:_SHOWN] or _quote(reply)


def _quote(reply: Reply) -> str:
    body = reply.body if isinstance(reply.body, bytes) else brief(reply.body, 4 * _SHOWN).encode()
    text = body[: 4 * _SHOWN].decode(errors="replace")[:_SHOWN]
    return " ".join(text.split()) or "an empty body"
