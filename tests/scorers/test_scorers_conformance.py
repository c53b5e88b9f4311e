"""What every kind of scorer and calibrator owes a policy, whatever kind is added."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portable_world import FEATURES, MODELS, SCORERS, TENSORS, WIRES

from routelab.errors import PolicyError
from routelab.scorers import CALIBRATORS, KINDS, Beta, Isotonic, Platt, Temperature, load_scorers
from routelab.testing import CalibratorConformance, ScorerConformance
from routelab.testing.requests import asked
from routelab.testing.suite import some

SCORING = load_scorers(FEATURES, WIRES, TENSORS, models=MODELS)
CALIBRATED = (
    Platt(0.7, -0.3),
    Beta(0.5, 2.0, 0.1),
    Isotonic(x=(0.2,), y=(0.5,)),
    Isotonic(x=(0.0, 0.3, 0.30000000000000004, 1.0), y=(0.1, 0.1, 0.6, 0.9)),
    Temperature(0.4),
)


class TestEveryScorer(ScorerConformance):
    scorers = SCORERS
    features = FEATURES
    tensors = TENSORS
    models = MODELS


class TestEveryCalibrator(CalibratorConformance):
    calibrators = CALIBRATED


def test_every_kind_has_an_example():
    assert {type(scorer) for scorer in SCORERS.values()} == {*KINDS}
    assert {type(calibrator) for calibrator in CALIBRATED} == {*CALIBRATORS}


def test_an_unknown_scorer_is_named():
    with pytest.raises(PolicyError, match="no scorer 'mood'; there are: quality, bare"):
        SCORING.score("mood", asked("hello"))
    with pytest.raises(PolicyError, match="there are: none"):
        load_scorers({}, {}, {}).outputs("mood")


@some
@given(p=st.floats(1e-9, 1.0 - 1e-9))
def test_calibrators_that_change_nothing(p):
    for calibrator in (Platt(1.0, 0.0), Beta(1.0, 1.0, 0.0), Temperature(1.0)):
        assert calibrator(p) == pytest.approx(p, rel=1e-9)
    assert Isotonic(x=(0.0, 1.0), y=(0.0, 1.0))(p) == p


def test_isotonic_meets_its_knots_and_is_flat_outside():
    bent = Isotonic(x=(0.25, 0.5, 1.0), y=(0.0, 0.5, 0.75))
    assert [bent(x) for x in (0.0, 0.25, 0.375, 0.5, 0.75, 1.0, 9.0)] == [
        *(0.0, 0.0, 0.25, 0.5, 0.625, 0.75, 0.75),
    ]
    assert math.isclose(bent(math.nextafter(0.5, 0.0)), 0.5)
