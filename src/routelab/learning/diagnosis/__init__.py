"""Diagnosis of scorers: ranking, calibration, features, tasks they never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.learning.diagnosis.account import account
from routelab.learning.diagnosis.loss import loss

if TYPE_CHECKING:
    from routelab.learning.diagnosis.account import LearningAccount
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "LearningAccount": "account",
        },
    )

__all__ = [
    "LearningAccount",
    "account",
    "loss",
]
