"""The estimators of one call against Open Bandit Pipeline 0.5.7; `obp_reference.py` says how."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from obp_reference import CUT, STRENGTH, world

from routelab.core import Floats
from routelab.estimators import (
    DR,
    IPS,
    SNDR,
    SNIPS,
    CallFeatures,
    CrossFit,
    DirectMethod,
    Estimator,
    LoggedDecisions,
    ShrunkDR,
    SwitchDR,
    TargetDecisions,
)
from routelab.estimators.outcome_models import Predict

VALUES = json.loads((Path(__file__).parent / "obp_values.json").read_text())


class Told:
    """An outcome model that was given its predictions: a request's only number is its row."""

    def __init__(self, guess: Floats, action: Floats) -> None:
        self.guess, self.action = guess, action

    def fit(self, known: CallFeatures, values: Floats) -> Predict:
        rows = known.numbers[:, 0].astype(int)
        (column,) = set(self.action[rows].tolist())
        return lambda asked: self.guess[asked.numbers[:, 0].astype(int), column]


@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_open_bandit_pipeline(seed: int) -> None:
    made = world(seed)
    n = len(made["action"])
    log = LoggedDecisions.of_choices(
        ("a", "b", "c", "d"),
        made["action"],
        made["chance"],
        made["reward"],
        features=np.arange(n, dtype=float)[:, None],
    )
    target = TargetDecisions(made["target"])
    fit = CrossFit(Told(made["guess"], made["action"]))
    kinds: list[Estimator] = [
        DirectMethod(fit),
        IPS(),
        SNIPS(),
        DR(fit),
        SNDR(fit),
        SwitchDR(fit, most=CUT),
        ShrunkDR(fit, strength=STRENGTH),
    ]
    for kind in kinds:
        found = kind.value(log, target)
        assert found.value == pytest.approx(VALUES[str(seed)][kind.name], rel=0, abs=1e-9)
