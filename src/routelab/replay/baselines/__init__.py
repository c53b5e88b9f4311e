"""What anybody could do without tuning, request by request: every figure stands beside these."""

from routelab.replay.baselines.mixes import prompt_length, random_mix
from routelab.replay.baselines.outcome import BaselineOutcome, best_per_request, outcome
from routelab.replay.baselines.routers import (
    NEIGHBORS,
    READ_PROMPTS,
    RIDGE,
    TASK_MEAN,
    TASK_RIDGE,
    LearnedRouters,
    learned_routers,
)
from routelab.replay.baselines.trade_off import TradeOff

RANDOM_MIX, PROMPT_LENGTH = "random_mix", "prompt_length"

ROUTERS = (RANDOM_MIX, PROMPT_LENGTH, TASK_MEAN, RIDGE, TASK_RIDGE, NEIGHBORS)
"""Untuned routers that spend what a policy spends, as tables name them."""

__all__ = [
    "NEIGHBORS",
    "PROMPT_LENGTH",
    "RANDOM_MIX",
    "READ_PROMPTS",
    "RIDGE",
    "ROUTERS",
    "TASK_MEAN",
    "TASK_RIDGE",
    "BaselineOutcome",
    "LearnedRouters",
    "TradeOff",
    "best_per_request",
    "learned_routers",
    "outcome",
    "prompt_length",
    "random_mix",
]
