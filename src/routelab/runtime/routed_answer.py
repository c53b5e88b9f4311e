"""The answer to a routed request, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from routelab.core import Decision


class RoutedAnswer(msgspec.Struct, frozen=True):
    """A delivered answer and how it came about.

    Attributes:
        answer: its text; empty where the model only calls tools.
        model: that gave it.
        cost_usd: of all calls and their failed attempts; NaN if one is unknown.
        latency_s: from asking to the answer.
        raw: the endpoint's response as it came.
        decision: every call, its signals, threshold, cost and notes.
    """

    answer: str
    model: str
    cost_usd: float
    latency_s: float
    raw: Mapping[str, Any]
    decision: Decision
