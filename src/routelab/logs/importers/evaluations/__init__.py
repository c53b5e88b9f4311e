"""Importers of evaluations, in which several models did the same tasks and were graded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.logs.importers.evaluations import (
        helm,
        inspect_ai,
        llmrouterbench,
        lm_eval,
        preferences,
        promptfoo,
        routerarena,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "helm": "",
            "inspect_ai": "",
            "llmrouterbench": "",
            "lm_eval": "",
            "preferences": "",
            "promptfoo": "",
            "routerarena": "",
        },
    )

__all__ = [
    "helm",
    "inspect_ai",
    "llmrouterbench",
    "lm_eval",
    "preferences",
    "promptfoo",
    "routerarena",
]
