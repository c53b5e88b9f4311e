"""One study from log to verdict, and what is said and saved of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.tuning.study.verdict import verdict

if TYPE_CHECKING:
    from routelab.tuning.study import caveats, inputs, signal_checks, summary
    from routelab.tuning.study.cross_fit import CrossFittedStudy
    from routelab.tuning.study.export import as_json, save
    from routelab.tuning.study.repeat import repeated
    from routelab.tuning.study.saving import Saving
    from routelab.tuning.study.seed_spread import SeedRun, SeedSpread
    from routelab.tuning.study.seeds import check_seeds, spread_over_seeds
    from routelab.tuning.study.slo_outcome import SloOutcome
    from routelab.tuning.study.study import Study, front_aiq, tune
    from routelab.tuning.study.targets import check_same_study, check_targets, study_path
    from routelab.tuning.study.verdict import Verdict
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "CrossFittedStudy": "cross_fit",
            "Saving": "saving",
            "SeedRun": "seed_spread",
            "SeedSpread": "seed_spread",
            "SloOutcome": "slo_outcome",
            "Study": "study",
            "Verdict": "verdict",
            "as_json": "export",
            "caveats": "",
            "check_same_study": "targets",
            "check_seeds": "seeds",
            "check_targets": "targets",
            "front_aiq": "study",
            "inputs": "",
            "repeated": "repeat",
            "save": "export",
            "signal_checks": "",
            "spread_over_seeds": "seeds",
            "study_path": "targets",
            "summary": "",
            "tune": "study",
        },
    )

__all__ = [
    "CrossFittedStudy",
    "Saving",
    "SeedRun",
    "SeedSpread",
    "SloOutcome",
    "Study",
    "Verdict",
    "as_json",
    "caveats",
    "check_same_study",
    "check_seeds",
    "check_targets",
    "front_aiq",
    "inputs",
    "repeated",
    "save",
    "signal_checks",
    "spread_over_seeds",
    "study_path",
    "summary",
    "tune",
    "verdict",
]
