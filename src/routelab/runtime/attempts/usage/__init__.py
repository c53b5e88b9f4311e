"""What an answer is billed for: tokens as endpoints report them, as far as they can be believed."""

from __future__ import annotations

from routelab.runtime.attempts.usage.cost import (
    Cost,
    ServedPrices,
    combined_multiplier,
    response_cost,
    used_tokens,
)
from routelab.runtime.attempts.usage.credible import (
    NOTHING_SENT,
    Exchange,
    answer_tokens,
    is_doubtful,
)
from routelab.runtime.attempts.usage.dialects import USAGE_FIELDS, ReportedUsage, usage_of
from routelab.runtime.attempts.usage.tokens import token_usage

__all__ = [
    "NOTHING_SENT",
    "USAGE_FIELDS",
    "Cost",
    "Exchange",
    "ReportedUsage",
    "ServedPrices",
    "answer_tokens",
    "combined_multiplier",
    "is_doubtful",
    "response_cost",
    "token_usage",
    "usage_of",
    "used_tokens",
]
