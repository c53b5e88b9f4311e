"""The table of failures: what each means, whose fault it is, and the words that tell of it.

What is asked of a class is in `Failure`; the order in which statuses, words and sentences decide
is that of `judgement`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
        doubtful: it may lie in what was asked, so that the same caller's failures speak against
            the deployment once, however many they are.
        rests: the deployment is left alone for as long as it asks; for one caller where doubtful.
        warns: an operator has something to mend.
        codes: words of providers for it, lower case.
        says: a pattern of sentences for it, read without what they quote unless `quotes`.
        quotes: its sentences are read whole: a caller who writes one into them gains nothing.
        alarms: a pattern of whole phrases for it, with which a sentence begins.
    """

    name: str
    fault: str
    means: str
    elsewhere: bool = True
    again: bool = False
    against: bool = False
    doubtful: bool = False
    rests: bool = False
    warns: bool = False
    codes: frozenset[str] = frozenset()
    says: str = ""
    quotes: bool = False
    alarms: str = ""

    def harmless(self) -> Failure:
        """The class where only a sentence tells of it, which may be made of a caller's words."""
        return self._replace(against=False, rests=False, warns=False)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FILTERED = Failure(
    "filtered",
    "caller",
    "the provider's content filter refuses the request",
    codes=_words(
        "content_filter content_filtered content_policy_violation responsible_ai_policy_violation"
        " moderation_blocked moderation data_inspection_failed data_inspection safety"
        " blocklist recitation spii"
        " prohibited_content sensitive input_flagged invalid_prompt guardrail_intervened 1301"
        " cyber_policy_violation image_content_policy_violation image_safety content_blocked"
    ),
    says=r"content (filter|polic|management)|moderat|flagged|safety|prohibited|responsible ai"
    r"|content exists risk|high risk|inappropriate|usage polic|guardrail"
    r"|sensitive (content|word|information)|(input|output) new_sensitive"
    r"|\u654f\u611f|\u4e0d\u5b89\u5168",
    quotes=True,
)
TOO_LONG = Failure(
    "too_long",
    "caller",
    "the request is larger than this deployment takes",
    codes=_words(
        "context_length_exceeded string_above_max_length model_context_window_exceeded 1261"
        " prompt_too_long context_window_exceeded request_too_large max_context_length_exceeded"
        " exceed_context_size context_size_exceeded input_too_long max_tokens_exceeded"
        " payload_too_large token_limit_exceeded tokens_limit_reached prompt_too_large"
    ),
    says=r"context.{0,3}(length|window|size|limit)|(prompt|input|request|message|image|file|body"
    r"|payload|audio)s?( tokens| body| size| length)? (is |are )?"
    r"(too (long|large|big|many)|exceeds?\b)"
    r"|too many (input |prompt )?tokens|input token count"
    r"|maximum (allowed )?(number of )?(\w+ )?tokens"
    r"|maximum model length|max_model_len|longer than the (max|model)|max_tokens: \d+ > \d+"
    r"|fewer max_tokens|can only afford|(exceed|longer than|greater than).{0,40}\btokens"
    r"|\btokens.{0,60}(exceed|must be (<|less|at most|under)|is longer|longer than)"
    r"|must have (less|fewer) than \d+ tokens"
    r"|max_(new_|completion_|output_)?tokens\b.{0,60}(too large|exceed|at least 1, got -|range"
    r"|must be (<|less|at most|under|between)|greater than|higher than)"
    r"|at most \d+ (completion |output )?tokens|range of input length|input length"
    r"|reduce (the|your) (length|size|number)|token limit|requested \d+, (limit|maximum) \d+",
    quotes=True,
)
UNSUPPORTED = Failure(
    "unsupported",
    "deployment",
    "the deployment does not know a field or a value of the request",
    codes=_words(
        "unsupported_parameter unsupported_value unknown_parameter extra_forbidden not_supported"
        " unsupported_model unsupported_media_type unsupported_feature unsupported_operation"
        " unimplemented not_implemented operation_not_supported unsupported_params unsupported"
        " unknown_field unrecognized_parameter model_not_supported invalid_model_for_operation"
    ),
    says=r"unsupported|(not|n't|no longer|only) (currently |yet )?(be )?support"
    r"|additional propert|not available (for|with|on|in) this (model|endpoint|region|api)"
    r"|no (allowed |available )?providers?\b|cannot be used with"
    r"|un(known|recogni[sz]ed|expected) (request )?(parameter|field|name|arg|key|property)"
    r"|extra (input|field)s?|not permitted|no endpoints? found"
    r"|supports? (at most|only|up to)|only supports?|at most \d+ (image|audio|video|file|document)"
    r"|tool.?choice.{0,3} requires|requires --|not (a )?multi-?modal"
    r"|(not|n't) (work|compatible) with|unavailable now|(is|are) (disabled|not enabled)"
    r"|not allowed to (request|use)|must be verified to|(not|n't) accept (image|audio|tool|file)"
    r"|max(imum)? allowed|no (vision|image|audio|tool) (support|encoder)|mmproj"
    r"|(does not|doesn't|don't|not) have (vision|multimodal|tool)",
    quotes=True,
)
OUTPUT = Failure(
    "output",
    "model",
    "what the model wrote did not have the form that was asked for",
    codes=_words(
        "tool_use_failed json_validate_failed malformed_function_call malformed_tool_call"
        " output_parse_failed structured_output_failed invalid_model_output tool_call_parse_failed"
        " model_output json_generation_failed invalid_generation"
        " function_call_failed unexpected_tool_call"
    ),
    says=r"failed to (call a function|generate (valid )?json|parse (the )?(tool|function) calls?\b"
    r"|generate a valid)|failed_generation|malformed (function|tool) call"
    r"|model (output|generated|produced|returned).{0,40}(invalid|malformed|not (valid|parse|match))"
    r"|(tool|function) call validation failed|could not parse (the )?(model|output|tool call)",
    quotes=True,
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
        " exceeded_current_quota arrearage billing quota_exceeded out_of_credits budget_exceeded"
        " credit_limit credit_limit_exceeded blocked_api_access spend_limit_reached 1113"
        " spending_limit_exceeded usage_limit_reached insufficient_user_quota account_overdue"
        " insufficient_funds no_credits key_limit_exceeded 1110 1111 1112"
    ),
    says=r"credit balance|insufficient (balance|credits?|quota|funds)|out of credits"
    r"|exceeded your current quota|payment (method )?required|spend(ing)? limit|have any credits"
    r"|(api )?usage limits|budget has been exceeded|credits? (limit )?(exceeded|expired)"
    r"|key limit exceeded|over budget",
    alarms=r"(your )?credit balance (is|was) too low"
    r"|insufficient (account )?(balance|credits?|quota|funds)|(you )?exceeded your current quota"
    r"|you have (reached|exceeded) your (specified |current |monthly )*(api )?(usage|quota|spend)"
    r"|budget has been exceeded|(credit|key) limit exceeded|blocked: spend limit"
    r"|your (newly created )?(team|account|organization)s? (does not|doesn't) have any credits"
    r"|(your )?account .{0,60}(is|has been) suspended",
)
KEY = Failure(
    "key",
    "account",
    "the key is missing, wrong or not allowed to do this",
    against=True,
    warns=True,
    codes=_words(
        "invalid_api_key api_key_invalid api_key_expired api_key_service_blocked authentication"
        " invalid_authentication unauthenticated unauthorized account_deactivated"
        " invalid_organization invalid_token access_terminated incorrect_api_key expired_token"
        " unrecognized_client invalid_signature missing_authentication_token authentication_failed"
        " invalid_client_token_id incomplete_signature expired_api_key missing_api_key"
    ),
    says=r"api[ _-]?(key|token)|authenticat|unauthori[sz]ed|auth credentials"
    r"|security token .{0,40}(expired|invalid)|subscription key",
    alarms=r"(the |your )?(incorrect|invalid|missing|expired|no) (x-)?api[ _-]?(key|token)"
    r"|(the |your )?api[ _-]?(key|token) (is |was )?(not valid|invalid|expired|missing|reported)"
    r"|authentication (error|fails|failed|required)|no auth credentials",
)
DENIED = Failure(
    "denied",
    "account",
    "the account may not do this, or not from here",
    warns=True,
    codes=_words(
        "permission_denied permission access_denied forbidden unsupported_country_region_territory"
        " organization_restricted model_terms_required iam_permission_denied service_disabled"
        " ip_not_allowed region_not_supported account_suspended organization_suspended"
    ),
    says=r"not (authori[sz]ed|allowed)|permission|(location|country|region).{0,20}not supported"
    r"|((have|has) (no )?|no )access to|has been restricted|terms acceptance",
    alarms=r"(your )?(organi[sz]ation|account|team) has been restricted"
    r"|user location is not supported|(country, )?region.{0,20} not supported"
    r"|the model .{0,80}requires terms",
)
MODEL = Failure(
    "model",
    "deployment",
    "the deployment has no model of this name",
    against=True,
    doubtful=True,
    warns=True,
    codes=_words(
        "model_not_found deployment_not_found model_not_available model_decommissioned 1211"
        " model_deprecated unknown_model invalid_model model_not_exist model_not_loaded"
        " unavailable_model resource_does_not_exist endpoint_not_found resource_not_found"
    ),
    says=r"model.{0,80}(not found|not exist|decommissioned|deprecated|not available|was removed"
    r"|retired|inaccessible)|model (identifier|id|name) (is )?(invalid|not)"
    r"|^(invalid|unknown) model"
    r"|not a valid model|unable to access .{0,20}model|access to the model|^model: \S+$"
    r"|(deployment|function).{0,80}(not found|not exist)|not found the model|invalid model name"
    r"|no access to model|no models? (is |are )?loaded"
    r"|model (is |has |was )?(been )?(unloaded|crashed|not loaded|failed to load)",
)
RATE = Failure(
    "rate",
    "account",
    "the deployment is called too often",
    again=True,
    rests=True,
    codes=_words(
        "rate_limit_exceeded rate_limit rate_limited rate_limit_reached 1302 1303 1304 1305"
        " too_many_requests resource_exhausted throttling throttled request_limit_exceeded"
        " tokens requests concurrency_limit_exceeded queue_exceeded rate_exceeded"
        " tokens_limit_exceeded service_quota_exceeded"
    ),
    says=r"rate.?(limit|exceeded)|too many requests|(tokens|requests) per (second|minute|hour|day)"
    r"|\b(tpm|rpm)\b|quota",
)
OVERLOADED = Failure(
    "overloaded",
    "provider",
    "the provider has no room at the moment",
    again=True,
    against=True,
    rests=True,
    codes=_words(
        "overloaded engine_overloaded service_unavailable unavailable model_overloaded slow_down"
        " server_is_busy capacity_exceeded model_not_ready no_capacity server_overloaded"
        " insufficient_system_resource"
    ),
    says=r"overloaded|(at|over|no) capacity|capacity .{0,20}exceeded"
    r"|service.{0,12}unavailable|server (is )?busy",
)
SERVER = Failure(
    "server",
    "deployment",
    "the deployment failed",
    again=True,
    against=True,
    doubtful=True,
    rests=True,
    codes=_words(
        "server_error internal_error internal_server internal_failure api_error internal"
        " bad_gateway upstream_error engine_error model_error timeout deadline_exceeded"
        " gateway_timeout request_timeout network_error model_timeout aborted"
    ),
)
REQUEST = Failure(
    "request",
    "caller",
    "the request makes no sense to the provider",
    elsewhere=False,
    codes=_words(
        "invalid_request bad_request invalid_argument validation invalid_type invalid_value"
        " missing_required_parameter unprocessable_entity invalid_parameter failed_precondition"
        " invalid_image invalid_image_url invalid_json parse_error out_of_range missing"
        " invalid_input value_error invalid_base64 image_parse_error"
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
CUT = Failure("cut", "deployment", "the answer broke off", again=True, against=True, doubtful=True)
MALFORMED = Failure(
    "malformed", "deployment", "the reply is no chat completion", against=True, doubtful=True
)
EMPTY = Failure("empty", "unknown", "the reply has no choices and does not say why", again=True)
STOPPED = Failure("stopped", "caller", "the caller wants no more of it", elsewhere=False)

BY_CODE = (
    FILTERED,
    TOO_LONG,
    OUTPUT,
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

GENERAL = (SERVER, REQUEST)
"""Those that say least: any other word, a status and a sentence go before them."""

FAILURES = (*BY_CODE, REFUSED, CONNECT, BUSY, TIMEOUT, CUT, MALFORMED, EMPTY, STOPPED)
"""All there are."""

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

SERVERS = frozenset((401, 402, 403, 404, 408, 409, 425, 429))
"""The 4xx that may be the deployment's or its account's fault; no other 4xx ever is."""

SHAPE = (
    r"(decode|process|load|read|download|fetch|open) (the )?(image|audio|file|input|media)"
    r"|roles must alternate|chat template|jinja|context shift|conversation roles"
    r"|(invalid|malformed|bad|illegal) (image|base64|json|argument|parameter|input|request|value"
    r"|messages?|schema|tool|grammar|url|utf)|input validation|validation error"
    r"|(failed|unable) to parse|json.?schema|grammar"
)
"""Sentences with which servers that answer 5xx to anything blame the request."""

_BY_NAME: Mapping[str, Failure] = {it.name: it for it in FAILURES}


def failure_classes() -> Mapping[str, Failure]:
    """Every class of failures by its name, as metrics and records have it."""
    return _BY_NAME


def plain_word(code: str) -> str:
    """A part of a code as it is compared: `Rate-Limit Error` as `RateLimitException`.

    Args:
        code: as a provider writes it, or as it stands in the table.
    """
    word = re.sub(r"[^a-z0-9]", "", code.lower())
    return re.sub(r"(?<=.)(error|exception|fault)+$", "", word)


BY_WORD: Mapping[str, Failure] = {
    plain_word(code): it for it in reversed(BY_CODE) for code in it.codes
}
"""The class of each plain word."""


def class_of(code: str) -> Failure | None:
    """The class that a code names, as a whole or by its last or first part; None of any other.

    Args:
        code: as a provider writes it, such as `Throttling.RateQuota`, `a.b#InvalidApiKey` or
            `ThrottlingException:http://internal.example/`.
    """
    parts = [it for it in re.split(r"[#/.]", code.split(":", 1)[0].strip()) if it] or [code]
    found = (BY_WORD.get(plain_word(it)) for it in (code, parts[-1], parts[0]))
    known = [it for it in found if it is not None]
    return next((it for it in known if it not in GENERAL), known[0] if known else None)
