"""Failures by what they mean: whose fault, who may do better, what they say of a deployment.

One table for a status, a JSON body, an error event and a finish by an error alike. The numbers and
words that providers use as codes decide first. A failure's sentence decides only where they leave
it open, and never against a deployment: it may quote what one caller wrote, and no caller's words
may take a deployment from the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from routelab.runtime.upstream import Kind


class Failure(NamedTuple):
    """A class of failures.

    Attributes:
        name: in figures and docs.
        fault: whose it is.
        means: in a sentence.
        elsewhere: another deployment or model may answer all the same.
        again: so may the same one, a moment later.
        against: it speaks against the deployment's health.
        rests: the deployment is left alone for as long as it asks.
        warns: an operator has something to mend.
        codes: words of providers for it, lower case, without white space and dashes.
        says: a pattern of sentences for it.
    """

    name: str
    fault: str
    means: str
    elsewhere: bool = True
    again: bool = False
    against: bool = False
    rests: bool = False
    warns: bool = False
    codes: frozenset[str] = frozenset()
    says: str = ""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FILTERED = Failure(
    "filtered",
    "caller",
    "the provider's content filter refuses the request",
    codes=_words(
        "content_filter contentfilter content_policy_violation responsibleaipolicyviolation"
        " moderation_blocked moderation_error data_inspection_failed datainspectionfailed safety"
        " prohibited_content sensitive input_flagged invalid_prompt guardrail_intervened"
        " cyber_policy_violation image_content_policy_violation"
    ),
    says=r"content (filter|policy|management)|moderat|flagged|safety|prohibited|responsible ai",
)
TOO_LONG = Failure(
    "too_long",
    "caller",
    "the request is larger than this deployment takes",
    codes=_words(
        "context_length_exceeded string_above_max_length model_context_window_exceeded"
        " prompt_too_long context_window_exceeded request_too_large max_context_length_exceeded"
    ),
    says=r"context (length|window)|(prompt|input|request|message)s? (is|are)? ?too (long|large)"
    r"|too many (input |prompt )?tokens|input token count|maximum (number of )?tokens"
    r"|fewer max_tokens|can only afford",
)
CREDIT = Failure(
    "credit",
    "account",
    "the account has no credit or quota left",
    against=True,
    warns=True,
    codes=_words(
        "insufficient_quota billing_hard_limit_reached billing_not_active insufficient_balance"
        " insufficient_credits insufficient_credit credit_balance_too_low payment_required"
        " exceeded_current_quota_error arrearage billing_error quota_exceeded out_of_credits"
    ),
    says=r"credit balance|insufficient (balance|credits?|quota|funds)|out of credits"
    r"|exceeded your current quota|payment required|billing",
)
KEY = Failure(
    "key",
    "account",
    "the key is missing, wrong or not allowed to do this",
    against=True,
    warns=True,
    codes=_words(
        "invalid_api_key api_key_invalid api_key_expired api_key_service_blocked"
        " authentication_error authenticationerror invalid_authentication_error unauthenticated"
        " unauthorized account_deactivated invalid_organization invalid_token"
        " access_terminated_error incorrect_api_key unrecognizedclientexception"
    ),
    says=r"api[ _-]?key|authenticat|unauthori[sz]ed",
)
DENIED = Failure(
    "denied",
    "account",
    "the account may not do this, or not from here",
    warns=True,
    codes=_words(
        "permission_denied permission_error permissiondenied permissiondeniederror access_denied"
        " accessdenied accessdeniedexception forbidden unsupported_country_region_territory"
    ),
    says=r"not (authori[sz]ed|allowed)|permission|(location|country|region).{0,20}not supported",
)
RATE = Failure(
    "rate",
    "account",
    "the deployment is called too often",
    again=True,
    rests=True,
    codes=_words(
        "rate_limit_exceeded rate_limit_error rate_limited rate_limit_reached_error ratelimiterror"
        " too_many_requests toomanyrequests resource_exhausted throttlingexception throttled"
        " throttling tokens requests concurrency_limit_exceeded ratelimitexceeded"
    ),
    says=r"rate.?limit|too many requests|(tokens|requests) per (second|minute|hour|day)"
    r"|\b(tpm|rpm)\b|quota",
)
UNSUPPORTED = Failure(
    "unsupported",
    "deployment",
    "the deployment does not know a field or a value of the request",
    codes=_words(
        "unsupported_parameter unsupported_value unknown_parameter extra_forbidden"
        " unsupported_model unsupported_media_type unsupported_feature unsupported_operation"
        " unimplemented not_implemented"
    ),
    says=r"unsupported|(not|n't|no longer) (currently )?support"
    r"|un(known|recogni[sz]ed|expected) (request )?(parameter|field|name|arg|key|property)"
    r"|extra (input|field)s?|not permitted"
    r"|no endpoints? found",
)
MODEL = Failure(
    "model",
    "deployment",
    "the deployment has no model of this name",
    against=True,
    warns=True,
    codes=_words(
        "model_not_found deploymentnotfound deployment_not_found model_not_available"
        " model_decommissioned model_deprecated unknown_model invalid_model"
    ),
    says=r"model.{0,80}(not found|not exist|decommissioned|deprecated|not available)",
)
OVERLOADED = Failure(
    "overloaded",
    "provider",
    "the provider has no room at the moment",
    again=True,
    against=True,
    rests=True,
    codes=_words(
        "overloaded_error overloaded engine_overloaded_error engine_overloaded service_unavailable"
        " serviceunavailable serviceunavailableexception unavailable model_overloaded slow_down"
        " server_is_busy capacity_exceeded modelnotreadyexception no_capacity"
    ),
    says=r"overloaded|(at|over|no) capacity|service.{0,12}unavailable|server is busy",
)
SERVER = Failure(
    "server",
    "deployment",
    "the deployment failed",
    again=True,
    against=True,
    rests=True,
    codes=_words(
        "server_error servererror internal_error internal_server_error internalservererror"
        " internalserverexception api_error internal bad_gateway upstream_error engine_error"
        " modelerrorexception timeout timeout_error deadline_exceeded gateway_timeout"
        " request_timeout network_error modeltimeoutexception aborted"
    ),
)
REQUEST = Failure(
    "request",
    "caller",
    "the request makes no sense to the provider",
    elsewhere=False,
    codes=_words(
        "invalid_request_error invalid_request bad_request badrequest badrequesterror"
        " invalid_argument validation_error validationexception invalid_type invalid_value"
        " missing_required_parameter unprocessable_entity invalid_parameter failed_precondition"
        " invalid_image invalid_json parse_error out_of_range"
    ),
)
REFUSED = Failure(
    "refused",
    "unknown",
    "the deployment refuses and does not say in known words why",
    warns=True,
)
CONNECT = Failure("connect", "deployment", "there is no connection", again=True, against=True)
BUSY = Failure("busy", "here", "no connection of the router's client was free", again=True)
TIMEOUT = Failure(
    "timeout", "deployment", "no answer, or no more of it, in time", again=True, against=True
)
CUT = Failure("cut", "deployment", "the answer broke off", again=True, against=True)
MALFORMED = Failure("malformed", "deployment", "the reply is no chat completion", against=True)
EMPTY = Failure("empty", "unknown", "the reply has no choices and does not say why", again=True)
STOPPED = Failure("stopped", "caller", "the caller wants no more of it", elsewhere=False)

BY_CODE = (
    FILTERED,
    TOO_LONG,
    CREDIT,
    KEY,
    DENIED,
    MODEL,
    RATE,
    UNSUPPORTED,
    OVERLOADED,
    SERVER,
    REQUEST,
)
"""Those with words of their own; what is special before what is general, as providers say both."""

FAILURES = (*BY_CODE, REFUSED, CONNECT, BUSY, TIMEOUT, CUT, MALFORMED, EMPTY, STOPPED)
"""All there are."""

_BY_NAME: Mapping[str, Failure] = {it.name: it for it in FAILURES}


def failure_classes() -> Mapping[str, Failure]:
    """Every class of failures by its name, as metrics and records have it."""
    return _BY_NAME


OF_KIND: Mapping[Kind, Failure] = {
    "connect": CONNECT,
    "busy": BUSY,
    "timeout": TIMEOUT,
    "cut": CUT,
    "malformed": MALFORMED,
    "key": KEY,
    "stopped": STOPPED,
    "status": SERVER,
}
"""What a failure is of which only the kind is known."""

STATUSES: Mapping[int, Failure] = {
    400: REQUEST,
    401: KEY,
    402: CREDIT,
    408: SERVER,
    409: SERVER._replace(against=False),
    413: TOO_LONG,
    422: REQUEST,
    425: SERVER._replace(against=False),
    429: RATE,
    451: FILTERED,
    503: OVERLOADED,
    529: OVERLOADED,
}
"""What a status means by itself; other 4xx are refusals, and 5xx failures of the deployment."""

_OPEN = frozenset((400, 401, 402, 403, 404, 405, 406, 410, 413, 415, 422, 451))
"""Statuses that a sentence explains."""

_SAYS = [(failure, re.compile(failure.says)) for failure in BY_CODE if failure.says]

_READ = 2_000
"""Characters of a sentence that are looked at."""


class JudgedFailure(NamedTuple):
    """What a failure was found to be.

    Attributes:
        failure: its class, as far as it goes for this one.
        status: of HTTP, or that the body gives in its place.
        said: the words of a code named it.
    """

    failure: Failure
    status: int | None
    said: bool


def judged(status: int | None, body: object) -> JudgedFailure:
    """The class of a failure.

    Args:
        status: of HTTP; None of an event.
        body: JSON that came with it: an object, a list of one, or anything else.
    """
    error = error_of(body) or (body[0] if isinstance(body, list) and body else body)
    codes = list(_codes(error))
    number = next((it for it in map(_status, codes) if it is not None), None)
    if number is not None and (status is None or status < 400 or status == 400):
        status = number
    words = {_word(it) for it in codes if isinstance(it, str)}
    found = next((it for it in BY_CODE if words & it.codes), None)
    text = sentence_of(error).lower()[:_READ]
    if found is not None and found is not REQUEST:
        if found is RATE and status == 413:  # a request of its own that is larger than the limit
            found = TOO_LONG
        return JudgedFailure(found, status, said=True)
    if found is REQUEST or status is None or status < 400 or status in _OPEN:
        said = next((it for it, pattern in _SAYS if pattern.search(text)), None)
        usual = by_status(status)
        if said is not None and said is not usual:
            return JudgedFailure(said._replace(against=False, rests=False), status, said=True)
        if found is REQUEST and (status is None or status < 400 or status in (400, 422)):
            return JudgedFailure(REQUEST, status, said=True)
    usual = by_status(status)
    if found is not None and usual is not RATE:  # the request, says the provider
        usual = usual._replace(against=False, rests=False)
    return JudgedFailure(usual, status, said=False)


def by_status(status: int | None) -> Failure:
    """What a status means by itself.

    Args:
        status: of HTTP; None, or a good one, where there was none that says anything.
    """
    if status is None or status < 400:
        return EMPTY
    return STATUSES.get(status) or (SERVER if status >= 500 else REFUSED)


_FAILED_FINISHES = frozenset(("error", "network_error"))


def error_of(body: object) -> object:
    """What a body of an answer, or a piece of one, says went wrong; None if nothing did.

    An error beside a choice that ended well is none.

    Args:
        body: as decoded.
    """
    if isinstance(body, list):
        body = body[0] if body else None
    if type(body) is not dict and not isinstance(body, Mapping):
        return None
    choices = body.get("choices")
    ends: list[object] = []
    for choice in choices if isinstance(choices, list) else ():
        if type(choice) is not dict and not isinstance(choice, Mapping):
            continue
        finish = choice.get("finish_reason")
        if choice.get("error"):
            return choice["error"]
        if isinstance(finish, str) and finish in _FAILED_FINISHES:
            return body.get("error") or {"message": f"the answer ended with {finish!r}"}
        ends.append(finish)
    if ends and all(ends):
        return None
    error = body.get("error")
    if not error and (body.get("object") == "error" or body.get("type") == "error"):
        return body
    return error or None


def _codes(error: object) -> Iterator[object]:
    """Whatever in an error is a code, and not a sentence."""
    if not isinstance(error, Mapping):
        return
    for name in ("code", "type", "status", "reason", "status_code", "error_type"):
        yield error.get(name)
    for name in ("innererror", "inner_error", "error"):
        yield from _codes(error.get(name))
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping):
            yield detail.get("reason")
    detail = error.get("detail")
    for part in detail if isinstance(detail, list) else ():
        if isinstance(part, Mapping):
            yield part.get("type")


def _status(code: object) -> int | None:
    """A code that is a status, as a number or in digits."""
    if isinstance(code, str) and len(code) == 3 and code.isascii() and code.isdigit():
        code = int(code)
    return code if isinstance(code, int) and 400 <= code <= 599 else None


def _word(code: str) -> str:
    return code.strip().lower().replace("-", "_").replace(" ", "_")


def sentence_of(error: object) -> str:
    """What an error says to people; empty where it says nothing.

    Args:
        error: a body or a part of one.
    """
    for _ in range(4):
        if isinstance(error, str):
            return error
        if isinstance(error, list):
            error = error[0] if error else None
        if not isinstance(error, Mapping):
            return ""
        error = next(
            (error[it] for it in ("message", "msg", "error", "detail") if error.get(it)), None
        )
    return error if isinstance(error, str) else ""
