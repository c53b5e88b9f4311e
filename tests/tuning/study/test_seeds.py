"""Other seeds tell how much of a study was luck; the first one's policy is exported."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from tuning_world import log_of, random_log

from routelab.errors import TuningError
from routelab.logs import TextsInMemory
from routelab.tuning import Bounds, Options, tune
from routelab.tuning.certify import CertificateDemand
from routelab.tuning.kinds.kind_learning import LearnedKinds
from routelab.tuning.study.seeds import check_seeds, spread_over_seeds


@pytest.fixture(scope="module")
def log():
    return random_log(900, 2, seed=4)


def test_each_seed_is_the_study_it_would_be_alone(log):
    options = Options(
        name="s", trials=8, seed=3, certify=(CertificateDemand("regret", 0.2),), policy="cascade"
    )
    found = spread_over_seeds(tune(log, options), log, options, 2)
    assert [run.seed for run in found.runs] == [3, 4]
    assert not found.same_split
    for run in found.runs:
        alone = tune(
            log,
            Options(name="s", trials=8, seed=run.seed, certify=options.certify, policy="cascade"),
        )
        assert (run.gain, run.gain_ci) == (
            alone.figures.gain_vs_zero_router,
            alone.figures.gain_ci,
        )
        assert run.models == alone.policy.models_used
        assert (run.verdict, run.certified) == (alone.verdict.word, alone.certificate.holds)
    gains = [run.gain for run in found.runs]
    assert (found.gain.least, found.gain.most) == (min(gains), max(gains))
    assert found.gain.deviation == pytest.approx(np.std(gains, ddof=1))
    assert sum(found.verdicts.values()) == sum(found.chains.values()) == 2


def test_other_seeds_leave_out_the_account_and_change_by_nothing_else(monkeypatch):
    rng = np.random.default_rng(0)
    hard = rng.random(400) < 0.5
    prompts = [f"{'prove' if it else 'greet'} number {row}" for row, it in enumerate(hard)]
    quality = np.column_stack([~hard, rng.random(400) < 0.9]).astype(float)
    told = log_of(quality, [1e-4, 1e-3], texts=TextsInMemory(prompts))
    first, alone = (tune(told, Options(name="s", policy="tiers", seed=seed)) for seed in (0, 1))
    accounts = []
    monkeypatch.setattr(LearnedKinds, "worth", lambda *_: accounts.append(1))
    run = spread_over_seeds(first, told, first.options, 2).runs[1]
    assert accounts == []
    figures = alone.figures
    assert (run.gain, run.gain_ci) == (figures.gain_vs_zero_router, figures.gain_ci)
    assert (run.quality, run.usd_per_1k) == (figures.quality, figures.usd_per_1k)
    assert (run.verdict, run.models) == (alone.verdict.word, alone.policy.models_used)
    assert first.account is not None


def test_a_cut_by_time_stays_and_is_said_to(log):
    stamped = replace(
        log, requests=replace(log.requests, timestamp_s=np.arange(900, dtype=np.float64))
    )
    options = Options(name="s", trials=8, policy="cascade")
    first = tune(stamped, options)
    assert spread_over_seeds(first, stamped, options, 2).same_split


def test_a_seed_that_meets_no_bound_is_told_and_left_out(log):
    first = tune(log, Options(name="s", trials=8, policy="cascade"))
    impossible = Options(name="s", trials=8, bounds=Bounds(min_quality=0.999), policy="cascade")
    found = spread_over_seeds(first, log, impossible, 2)
    assert found.verdicts["no policy"] == 1
    assert "best reachable" in found.runs[1].problem
    assert math.isnan(found.runs[1].gain)
    assert found.gain.least == found.gain.most == first.figures.gain_vs_zero_router
    assert b"NaN" not in msgspec.json.encode(found)


@pytest.mark.parametrize("seeds", [0, -1, 101])
def test_a_number_of_seeds_that_makes_no_sense_is_refused(seeds):
    with pytest.raises(TuningError, match=f"`seeds` is {seeds}"):
        check_seeds(seeds, Options(name="s", policy="cascade"))
