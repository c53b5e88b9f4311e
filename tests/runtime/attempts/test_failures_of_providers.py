"""Errors in the shapes that providers and gateways give them, and what each is."""

from __future__ import annotations

import json

import pytest

from routelab.runtime.attempts.failures import judged


def said(message, kind=None, code=None):
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def plain(message, **fields):
    return {"message": message, **fields}


def wrapped(raw, code=400):
    """As OpenRouter passes a provider's error on."""
    told = {"raw": raw if isinstance(raw, str) else json.dumps(raw), "provider_name": "X"}
    return {"error": {"message": "Provider returned error", "code": code, "metadata": told}}


BAD = "invalid_request_error"
TOO_LONG = [
    (400, said("the request exceeds the available context size", "exceed_context_size_error", 400)),
    (500, said("the request exceeds the available context size", "exceed_context_size_error", 500)),
    (200, said("the request exceeds the available context size", "exceed_context_size_error", 400)),
    (422, said("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193", BAD)),
    (422, {"error": "`inputs` must have less than 4096 tokens. Given: 5000"}),
    (400, plain("max_tokens must be at least 1, got -186.", type="BadRequestError", code=400)),
    (400, said("max_tokens is too large: 100000. This model supports at most 16384", BAD)),
    (400, said("Range of input length should be [1, 30720]", BAD, "invalid_parameter_error")),
    (400, plain('{"external_model_error":{"error":{"code":"context_length_exceeded"}}}')),
    (400, {"errors": [{"message": "exceeded this model context window limit", "code": 5021}]}),
    (500, said("litellm.ContextWindowExceededError: too much", None, "500")),
    (400, wrapped(said("prompt is too long: 210000 tokens > 200000 maximum", BAD))),
    (400, said('litellm.BadRequestError: X - {"error":{"code":"context_length_exceeded"}}')),
    (429, said("Request too large for gpt-x on TPM: Limit 30000, Requested 40000", "tokens")),
    (429, said("on TPM: Limit 30,000, Used 0, Requested 45,000", None, "rate_limit_exceeded")),
    (400, said("max_tokens: 100000 > 8192, which is the maximum allowed", BAD)),
    (400, said("messages.0.content.1.image.source.base64: image exceeds 5 MB maximum", BAD)),
    (400, said("The decoder prompt (length 9000) is longer than the maximum model length", BAD)),
    (200, {"error_code": 336007, "error_msg": "prompt tokens too long"}),
    (413, said("Max size: 8000 tokens.", None, "tokens_limit_reached")),
]
FILTERED = [
    (400, said("Content Exists Risk", BAD, BAD)),
    (400, said("\u7cfb\u7edf\u68c0\u6d4b\u5230\u654f\u611f\u5185\u5bb9", None, "1301")),
    (200, {"promptFeedback": {"blockReason": "SAFETY"}, "choices": None}),
    (None, said("The response was blocked", "content_filter_error")),
    (400, said("x", None, "InvalidParameter.DataInspection")),
    (200, {"base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}),
    (400, said("litellm.ContentPolicyViolationError: x", None, "400")),
]
UNSUPPORTED = [
    (400, plain('"auto" tool choice requires --enable-auto-tool-choice', type="BadRequestError")),
    (400, said("model is not a multimodal model None", "BadRequestError", 400)),
    (400, said("The chatCompletion operation does not fit", None, "OperationNotSupported")),
    (400, plain("with on-demand throughput isn\u2019t supported. Retry with an ARN")),
    (400, said("library/gemma:2b does not support tools", "api_error")),
    (None, said("gemma does not support tools", "api_error")),
    (500, said("image input is not supported - hint: provide the mmproj", "server_error", 500)),
    (501, said("This server does not do completions with images", "not_supported_error", 501)),
    (500, said("tools param requires --jinja flag", "server_error", 500)),
    (400, wrapped({"error": {"message": "Model 'k' supports at most 1 image per prompt."}})),
    (422, plain({"detail": [{"type": "extra_forbidden", "msg": "Extra"}]}, type=BAD)),
    (422, plain('{"detail":[{"type":"extra_forbidden","msg":"Extra"}]}')),
]
OUTPUT = [
    (400, said("Failed to call a function. Please adjust your prompt.", BAD, "tool_use_failed")),
    (400, said("Failed to generate JSON.", BAD, "json_validate_failed")),
    (400, said("Failed to call a function. See failed_generation.", BAD)),
    (500, said("The model produced invalid content. Consider another prompt", "server_error")),
]
CREDIT = [
    (400, said("Blocked: spend limit reached", BAD, "blocked_api_access")),
    (400, said("You have reached your specified API usage limits.", BAD)),
    (400, said("Budget has been exceeded! Current cost: 1.2", "budget_exceeded", "400")),
    (429, said("Insufficient balance or no resource package. Please recharge.", None, "1113")),
    (429, said("Insufficient balance. Please recharge.")),
    (412, said("Account x is suspended, possibly due to the spending limit", "error")),
    (403, {"code": "May not", "error": "Your newly created teams doesn't have any credits yet."}),
]
KEY = [
    (401, {"fault": {"faultstring": "x", "detail": {"errorcode": "oauth.v2.InvalidApiKey"}}}),
    (403, plain("The security token is invalid.", __type="UnrecognizedClientException")),
    (400, {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}),
    (200, {"Response": {"Error": {"Code": "AuthFailure.InvalidApiKey", "Message": "x"}}}),
    (401, said("You didn't provide an API key.", BAD)),
]
DENIED = [
    (400, said("Organization has been restricted.", BAD, "organization_restricted")),
    (400, [said("User location is not supported for the API use.")]),
]
MODEL = [
    (400, plain("The provided model identifier is invalid.")),
    (400, said("foo/bar is not a valid model ID", None, 400)),
    (400, {"error": "Model is unloaded/crashed without additional information."}),
    (404, said("Not found the model x or Permission denied", "resource_not_found_error")),
    (400, said("/chat/completions: Invalid model name passed in model=x", None, "400")),
    (404, said("model 'x' not found", "api_error")),
    (404, {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-x"}}),
    (404, {"status": 404, "title": "Not Found", "detail": "Function 'x': Not found"}),
]
RATE = [
    (400, plain("Rate exceeded", __type="com.amazon.coral.service#ThrottlingException")),
    (403, plain("Exceeded workspace limit.", error_code="REQUEST_LIMIT_EXCEEDED")),
    (200, wrapped("error code: 1015", 429)),
    (429, said("on TPM: Limit 30000, Used 28000, Requested 5000", "tokens", "rate_limit_exceeded")),
    (429, said("x", None, "Throttling.RateQuota")),
]
OVERLOADED = [
    (503, said("server busy, please try again", "api_error")),
    (503, {"error": "Model x is currently loading", "estimated_time": 20.0}),
    (429, said("The engine is currently overloaded", "engine_overloaded_error")),
    (498, said("Flex tier capacity exceeded", BAD, "capacity_exceeded")),
]
SERVER = [
    (500, plain("EngineCore encountered an issue.", type="Internal Server Error", code=500)),
    (None, said("oops", "api_error")),
    (524, None),
]
REQUEST = [
    (400, said("Timed out while downloading https://x/y.png", BAD, "timeout")),
    (400, wrapped(said("messages: text content blocks must be non-empty", BAD))),
    (400, said("Invalid value: 'x'. Supported values are: 'system', 'user'.", BAD)),
    (422, {"detail": [{"type": "missing", "loc": ["body"], "msg": "Field required"}]}),
]
KINDS = {
    "too_long": TOO_LONG,
    "filtered": FILTERED,
    "unsupported": UNSUPPORTED,
    "output": OUTPUT,
    "credit": CREDIT,
    "key": KEY,
    "denied": DENIED,
    "model": MODEL,
    "rate": RATE,
    "overloaded": OVERLOADED,
    "server": SERVER,
    "request": REQUEST,
}
CASES = [(name, status, body) for name, told in KINDS.items() for status, body in told]
ABOUT_REQUEST = ("too_long", "filtered", "unsupported", "output", "request")


@pytest.mark.parametrize(("name", "status", "body"), CASES)
def test_an_error_in_its_providers_shape(name, status, body):
    failure = judged(status, body).failure
    assert failure.name == name
    if name in ABOUT_REQUEST:
        assert (failure.against, failure.rests, failure.warns) == (False, False, False)


@pytest.mark.parametrize(("status", "body"), [*CREDIT, *KEY, *DENIED])
def test_what_the_account_lacks_is_told_to_operators(status, body):
    assert judged(status, body).failure.warns


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, said("Failed to process inputs: failed to decode image", "api_error")),
        (500, said("conversation roles must alternate user/assistant", "server_error", 500)),
        (502, wrapped(said("bad picture", BAD), 502)),
        (500, said("litellm: no", None, "400")),
    ],
)
def test_a_server_that_fails_by_what_was_asked_is_not_blamed(status, body):
    failure = judged(status, body).failure
    assert failure.elsewhere
    assert not failure.against
    assert not failure.rests


WORDS = (
    "billing",
    "insufficient credits",
    "invalid api key",
    "your credit balance is too low",
    "unauthorized",
    "rotate_api_key",
    "rate limit",
)


@pytest.mark.parametrize("status", [400, 422, 200, None, 500])
@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "around",
    [
        "Invalid value: '{}'. Supported values are: 'low', 'high'.",
        "Failed to parse tool '{}': schema is invalid",
        '"{}" is not one of the roles',
        "\u2018{}\u2019 is no number",
        "cannot do: {}",
        'cannot do: {{"error": {{"code": "invalid_api_key", "message": "{}"}}}}',
        "cannot do AuthenticationError: {}",
    ],
)
def test_what_a_caller_wrote_alarms_nobody(status, word, around):
    failure = judged(status, said(around.format(word), BAD)).failure
    assert not failure.warns
    if status != 500:
        assert not failure.against


HOSTILE = [
    [[[[[[[[[[[["deep"]]]]]]]]]]]],
    {"error": {"error": {"error": {"error": {"error": {"error": {"error": {"error": "x"}}}}}}}},
    {"error": {"message": "[" * 100_000}},
    {"error": {"message": '{"a":' * 50_000}},
    {"errors": [{"message": "x"}] * 100_000},
    {"error": {"code": True, "type": {"a": 1}, "status": [1], "message": 7}},
    {"error": "\ud83d"},
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a_body_made_to_hurt_is_some_failure(body):
    assert judged(500, body).failure.name == "server"
    assert judged(418, body).failure.name == "refused"
