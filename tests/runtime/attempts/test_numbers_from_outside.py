"""Numbers of endpoints: infinite, negative, absurd or no numbers, wherever they stand."""

from __future__ import annotations

import json
import math

import pytest

from routelab.core.catalogue import Model
from routelab.core.request import Request
from routelab.runtime.attempts import response_cost
from routelab.runtime.attempts.retry_after import LONGEST_S, retry_after_s
from routelab.runtime.attempts.usage.tokens import explained_usage
from routelab.runtime.calls.signals import SignalReader
from routelab.runtime.calls.warn_once import WarnOnce
from routelab.runtime.wire import decode_object
from routelab.signals import resolve

ODD = (
    "NaN", "Infinity", "-Infinity", "-1", "-1e308", "1e308", "1e400", "9" * 30, '"12"', '"abc"',
    "true", "null", "[]", "{}",
)  # fmt: skip
"""As JSON, in which some endpoints write what is none."""


def body(text):
    """A reply with this number everywhere."""
    top = f'[{{"token": "a", "logprob": {text}}}, {{"token": "b", "logprob": -2.0}}]'
    token = f'{{"token": "a", "logprob": {text}, "top_logprobs": {top}}}'
    found = decode_object(
        f"""{{
        "choices": [{{"message": {{"content": "x"}}, "logprobs": {{"content": [{token}]}}}}],
        "routelab": {{"signals": {{"sure": {text}}}}},
        "usage": {{"prompt_tokens": {text}, "completion_tokens": {text}, "total_tokens": {text},
                   "cost": {text}, "prompt_tokens_details": {{"cached_tokens": {text}}}}},
        "error": {{"retry_after": {text}}}
        }}""".encode()
    )
    assert found is not None
    return found


NUMERAL = '"12"'
"""Which is read as the number that it is."""


@pytest.mark.parametrize("text", [it for it in ODD if it != NUMERAL])
def test_tokens_that_can_be_none_are_not_known_and_said(text):
    used, odd = explained_usage(body(text)["usage"])
    assert math.isnan(used.prompt)
    assert math.isnan(used.completion)
    assert bool(odd) is (text != "null")
    paid = response_cost(Model(1.0, 1.0), body(text), 1.0)
    assert math.isnan(paid.usd)
    assert paid.note
    counted = {"prompt_tokens": 5, "completion_tokens": 7}
    for name in ("total_tokens", "prompt_tokens_details", "cost"):  # beside good ones
        used, _ = explained_usage({**counted, name: body(text)["usage"][name]})
        assert (used.prompt, used.completion, used.cached) == (5.0, 7.0, 0.0)


@pytest.mark.parametrize("text", [*(it for it in ODD if it != NUMERAL), "10000", "999999999"])
def test_a_reported_cost_that_can_be_none_is_not_charged_and_said(text):
    usage = {"prompt_tokens": 5, "completion_tokens": 5, "cost": body(text)["usage"]["cost"]}
    paid = response_cost(Model(1.0, 1.0, cost_reported=True), {"usage": usage}, 1.0)
    assert paid.usd == pytest.approx(1e-5)
    said = "has no usage.cost" if text == "null" else "which can be none"
    assert said in paid.note


SOURCES = ("logprob_mean", "logprob_min", "logprob_q:0.5", "margin", "column:sure")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("text", ODD)
def test_no_signal_is_made_of_what_is_no_number(source, text):
    sources = {"sure": resolve("sure", source)}
    reader = SignalReader(WarnOnce())
    values, notes = reader.read("m", Request(id="r"), sources, [body(text)])
    (value,) = values.values()
    least = {"-Infinity": -9999.0, "-1e308": -9999.0, "-1": -1.0}.get(text)
    if source != "column:sure" and least is not None:  # a probability of next to nothing
        assert value == (min(100.0, abs(least - -2.0)) if source == "margin" else least)
    elif source == "column:sure" and text in ("-1", "true"):  # what a signal may well be
        assert value == float(json.loads(text))
    else:
        assert math.isnan(value)
        assert "sure" in notes[0]


@pytest.mark.parametrize("source", ["logprob_mean", "logprob_min", "logprob_q:0.5"])
def test_a_log_probability_rounded_above_nought_is_nought(source):
    read = resolve("sure", source).read
    assert read(Request(id="r"), [body("0.0000001")]).value == 0.0


@pytest.mark.parametrize("text", [*ODD, "9" * 400, "1e9", "1 day", "1:30", "-0", "0x10", "\uff15"])
@pytest.mark.parametrize("place", ["retry-after", "retry-after-ms", "x-ms-retry-after-ms", "body"])
def test_a_wait_is_none_or_within_an_hour(text, place):
    headers = {} if place == "body" else {place: text}
    said = {"error": {"retry_after": text}} if place == "body" else None
    for inside in (said, body(text) if place == "body" and text in ODD else None):
        found = retry_after_s(headers, 1e9, inside)
        assert found is None or 0.0 <= found <= LONGEST_S
