"""Search policies on the tune part, judge the chosen one on test, and say what it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.tuning.looks import LookLedger, StudyLook
    from routelab.tuning.objectives import Bounds, Floor
    from routelab.tuning.options import BY, By, Options
    from routelab.tuning.study import Study, Verdict, save, tune
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "BY": "options",
            "Bounds": "objectives",
            "By": "options",
            "Floor": "objectives",
            "LookLedger": "looks",
            "Options": "options",
            "Study": "study",
            "StudyLook": "looks",
            "Verdict": "study",
            "save": "study",
            "tune": "study",
        },
    )

__all__ = [
    "BY",
    "Bounds",
    "By",
    "Floor",
    "LookLedger",
    "Options",
    "Study",
    "StudyLook",
    "Verdict",
    "save",
    "tune",
]
