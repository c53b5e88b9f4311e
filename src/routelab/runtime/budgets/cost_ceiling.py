"""Upper bounds of a call's cost, before it is made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import chain
from typing import Any

import msgspec

from routelab.core import ANSWER_LIMITS, Admission, Call, Message, Request, estimated_tokens
from routelab.core.catalogue import PriceSheet, dearest, upper_tokens_usd

PROMPT_MARGIN = 1.5
"""Times the estimated tokens: code and many languages take more than estimated."""
PER_MESSAGE = 8
"""Tokens that a chat format adds to a message."""
ESTIMATE_MARGIN = 2.0
"""Times the mean cost that a policy predicts, where there are no prices."""
_TEXTUAL = ("tools", "functions", "response_format")


def upper_usd(
    admission: Admission,
    call: Call,
    request: Request,
    fields: Mapping[str, Any],
    output_tokens: int,
    day: date | None = None,
) -> float:
    """Upper cost of one answer in USD, without signals; NaN where nothing is known of the model.

    Prices times tokens: of the prompt as estimated, with a margin; of the answer at most
    `max_completion_tokens` or `max_tokens` for each of `n`, else `output_tokens`. Of prices the
    dearest that such a call can meet: its tokens may be read from a cache or written to one, or
    thought, the prompt reaches a tier or not, and a service that it asks for serves it or not.
    Without prices, twice what the policy predicts the model to cost.

    Args:
        admission: prices of the models, and what the policy predicts of their cost.
        call: to price.
        request: that it is made for.
        fields: of the request body.
        output_tokens: assumed of an answer that has no limit of tokens.
        day: in UTC, for prices that change; None for the latest.
    """
    model = admission.catalogue.model(call.model)
    messages = call.messages if call.messages is not None else request.messages or ()
    if model.parameters is not None:
        sent = model.parameters.merged({**fields, "messages": messages})
        messages, fields = sent["messages"], sent
    prompt, answer = _prompt_tokens(messages, fields), _answer_tokens(fields, output_tokens)
    sheet = model.sheet(day)
    choice = sheet.tiers or sheet.services  # most models have one list of prices
    prices = dearest(sheet, _services(fields, sheet), prompt) if choice else sheet
    usd = upper_tokens_usd(prices, prompt, answer)
    return usd if not math.isnan(usd) else ESTIMATE_MARGIN * _predicted(admission, call, request)


def unpriced(admission: Admission) -> list[str]:
    """Models, fallbacks included, of which neither prices nor a predicted cost are known."""
    behind = (admission.catalogue.model(name).fallbacks for name in admission.models)
    return [
        name
        for name in dict.fromkeys((*admission.models, *chain.from_iterable(behind)))
        if math.isnan(admission.catalogue.model(name).cost_usd(1.0, 1.0))
        and not admission.predicts("cost", name)
    ]


def _services(fields: Mapping[str, Any], sheet: PriceSheet) -> tuple[str, ...]:
    """Services that may serve a request, the usual one first."""
    asked = fields.get("service_tier")
    if asked == "auto":
        return ("", *sheet.services)
    return ("", asked) if isinstance(asked, str) else ("",)


def _predicted(admission: Admission, call: Call, request: Request) -> float:
    return admission.predicted(request, "cost", call.model)


def _prompt_tokens(messages: Iterable[Message], fields: Mapping[str, Any]) -> float:
    prompt = tuple(messages)
    extra = sum(len(msgspec.json.encode(fields[name])) for name in _TEXTUAL if name in fields)
    return PROMPT_MARGIN * (estimated_tokens(prompt) + extra / 4) + PER_MESSAGE * len(prompt)


def _answer_tokens(fields: Mapping[str, Any], output_tokens: int) -> float:
    limits = (_count(fields.get(name)) for name in ANSWER_LIMITS)
    limit = next((it for it in limits if it is not None), float(output_tokens))
    return limit * max(1.0, _count(fields.get("n")) or 1.0)


def _count(value: object) -> float | None:
    """A positive number; None for what an endpoint will not take for one either."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    return float(value) if good and isinstance(value, int | float) else None
