"""Certificates err no more often than delta, and save nearly all that could be saved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from coverage_world import MODELS, draw, log_of, told, truth, whole
from scipy.stats import binom

from routelab.policies import Cascade, Fixed
from routelab.tuning import Options, tune
from routelab.tuning.certify import CertificateDemand, Certifier, Evidence
from routelab.tuning.objectives.front import FrontPoint, front
from routelab.tuning.objectives.score import score
from routelab.tuning.solvers.thresholds import threshold_candidates

DELTA = 0.1
THRESHOLDS = 60
SUSPICIOUS = 0.01
"""Chance of a failure where the rate is exactly delta."""


class Study(NamedTuple):
    """One certificate against the truth.

    Attributes:
        wrong: the certified policy truly breaks its bound.
        saved: USD per 1,000 requests less than the best model, truly; 0 without certificate.
        oracle: the same of the cheapest point that truly keeps the bound: of the path, and
            through the command of all thresholds.
    """

    holds: bool
    wrong: bool
    saved: float
    oracle: float


def study(seed: int, n_tune: int, n: int, eps: float) -> Study:
    """A path fixed on one draw and tested on another, as `tune --certify` does."""
    log = log_of(draw(n_tune, 2 * seed))
    tune_part, calibrate = whole(log), whole(log_of(draw(n, 2 * seed + 1)))
    steps = threshold_candidates(log.signals["confidence"][:, 0]).thresholds
    steps = steps[np.linspace(0, len(steps) - 1, THRESHOLDS).astype(int)]
    policies = [Fixed(name) for name in MODELS]
    policies += [Cascade(MODELS, (float(it),), "confidence") for it in steps]
    points = [FrontPoint(it, score(tune_part, it)) for it in policies]
    found = Certifier.along(
        [*front(points), *points[:2]],
        [CertificateDemand("regret", eps)],
        DELTA,
        Evidence(tune_part, 1),
        Evidence(calibrate, 1),
        "id",
    )
    path = [it.policy for it in found.points]
    oracle = max(truth().saving(it) for it in path if truth().regret(it) <= eps)
    if not found.passed:
        return Study(False, False, 0.0, oracle)
    last = path[found.passed - 1]
    return Study(True, truth().regret(last) > eps, truth().saving(last), oracle)


def judged(what: str, studies: list[Study]) -> float:
    """Print the rates, refuse too many wrong certificates, and return the share saved."""
    wrong, times = sum(it.wrong for it in studies), len(studies)
    saved = sum(it.saved for it in studies) / sum(it.oracle for it in studies)
    print(f"\n{told(f'{what}: wrong certificates', wrong, times)}")  # noqa: T201  (the result)
    print(told(f"{what}: certified", sum(it.holds for it in studies), times))  # noqa: T201
    print(f"{what}: {saved:.3f} of the oracle's saving")  # noqa: T201
    assert binom.sf(wrong - 1, times, DELTA) > SUSPICIOUS
    return saved


def test_certificates_are_rarely_wrong_and_save_most():
    saved = judged("n = 1,000, eps = .04", [study(seed, 800, 1000, 0.04) for seed in range(25)])
    assert saved > 0.75


@pytest.mark.slow
def test_at_four_thousand_certificates_err_no_more_than_delta_and_save_nine_tenths():
    studies = [study(10_000 + seed, 8000, 4000, 0.02) for seed in range(500)]
    assert judged("n = 4,000, eps = .02, delta = .1", studies) >= 0.9


@pytest.mark.slow
def test_on_a_tenth_of_the_requests_certificates_still_do_not_err():
    studies = [study(20_000 + seed, 800, 400, 0.05) for seed in range(500)]
    judged("n = 400, eps = .05, delta = .1", studies)


def through_tune(seed: int, n: int, eps: float) -> Study:
    """The whole command: search, certificate, export."""
    options = Options(
        name="x", trials=1, seed=seed, certify=(CertificateDemand("regret", eps),), policy="cascade"
    )
    found = tune(log_of(draw(n, 50_000 + seed)), options)
    holds = found.certificate.holds
    wrong = holds and truth().regret(found.policy) > eps
    saved = truth().saving(found.policy) if holds else 0.0
    return Study(holds, wrong, saved, truth().oracle(eps))


@pytest.mark.slow
def test_what_tune_exports_keeps_its_bound():
    judged("tune, 3,000 requests, eps = .06", [through_tune(it, 3000, 0.06) for it in range(200)])
