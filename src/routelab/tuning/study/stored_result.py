"""What came of a study, beside its trials in an Optuna storage, for those who look there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from routelab.core import Policy
from routelab.errors import TuningError
from routelab.tuning.kinds import Trial
from routelab.tuning.options import Options
from routelab.tuning.search import note_result


def note_export(
    options: Options,
    trials: Sequence[Trial],
    kind: str,
    policy: Policy,
    verdict: str,
    tell: Callable[[str], None],
) -> None:
    """Note in a study's storage what was exported, under which bounds, with which verdict.

    Args:
        options: of the study; nothing is noted where it stores no trials.
        trials: of its search.
        kind, policy: that it exports.
        verdict: on it, one of the three.
        tell: called with a sentence where the storage takes no more; the study is not lost.
    """
    if options.storage is None or not trials:
        return
    exported = next((it.number for it in trials if it.policy == policy), None)
    asked = msgspec.to_builtins(options.bounds)
    bounds = {name: value for name, value in asked.items() if value not in (None, [], ())}
    facts: dict[str, Any] = {
        "values are measured on": "the tune part; figures on test are in NAME.study/study.json",
        "bounds": bounds or "none were given",
        "exported policy": f"{kind}: {' > '.join(policy.models_used)}",
        "verdict on test": verdict,
    }
    if exported is None:
        facts["exported from"] = "an exact solver or another kind, not one of these trials"
    else:
        facts["exported from"] = "a trial of this search"
    try:
        note_result(options.storage, options.name, exported, facts)
    except TuningError as error:
        tell(str(error))
