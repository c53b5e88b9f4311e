"""Diagnosis of scorers: ranking, calibration, features, tasks they never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.learning.diagnosis.learning_account import LearningAccount, account
    from routelab.learning.diagnosis.recipe_loss import loss
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "LearningAccount": "learning_account",
            "account": "learning_account",
            "loss": "recipe_loss",
        },
    )

__all__ = [
    "LearningAccount",
    "account",
    "loss",
]
