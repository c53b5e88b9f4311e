"""Answers cut at the tokens that a request allows, as providers cut them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from routelab.core import ANSWER_LIMITS
from routelab.core.catalogue import Model
from routelab.simulate.answers import NOT_LOGGED, ReplayError


def allowed_tokens(asked: Mapping[str, Any]) -> int | None:
    """Most tokens that an answer may have; None for no limit.

    Raises:
        ReplayError: 400, the limit is no whole number of 1 or more.
    """
    limits = {name: asked[name] for name in ANSWER_LIMITS if asked.get(name) is not None}
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ReplayError(400, "invalid_request", f"{name} must be a whole number of 1 or more")
    return next(iter(limits.values()), None)


def shortened(body: dict[str, Any], most: int | None, model: Model) -> dict[str, Any]:
    """A completion with the first `most` tokens of its answer.

    Text is cut in proportion. The cost is that of the whole answer times what the model's prices
    say of the shorter one; without prices it is not known. Signals stay those of the whole.

    Args:
        most: None for no limit. An answer whose tokens are not logged stays whole.
    """
    usage = body["usage"]
    prompt, whole = usage["prompt_tokens"], usage["completion_tokens"]
    if most is None or whole <= most:
        return body
    (choice,) = body["choices"]
    text = choice["message"]["content"]
    if text != NOT_LOGGED:
        text = text[: math.ceil(len(text) * most / whole)]
    message = {**choice["message"], "content": text}
    counted = {"completion_tokens": most, "total_tokens": prompt + most}
    cost = _cost(usage["cost"], model.cost_usd(prompt, most), model.cost_usd(prompt, whole))
    return {
        **body,
        "choices": [{**choice, "message": message, "finish_reason": "length"}],
        "usage": {**usage, **counted, "cost": cost},
    }


def _cost(logged_usd: float | None, cut_usd: float, whole_usd: float) -> float | None:
    if logged_usd is None or math.isnan(cut_usd) or not whole_usd > 0.0:
        return None
    return logged_usd * cut_usd / whole_usd
