"""Studies of partial logs: what is exported, what is said of it, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from estimated_world import complete, partial, with_audits
from msgspec import structs

from routelab.errors import TuningError
from routelab.logs.model import PartialLog
from routelab.replay import run
from routelab.tuning import Options, save, tune
from routelab.tuning.certify import CertificateDemand
from routelab.tuning.study import as_json

OPTIONS = Options(name="mine")


@pytest.fixture(scope="module")
def log():
    return complete()


@pytest.fixture(scope="module")
def study(log):
    return tune(partial(log), OPTIONS)


def on(study, log, rows):
    scoring = None if study.fitted is None else study.fitted.scoring()
    return run(study.policy, log.take(rows), scoring=scoring)


def test_it_gains_what_one_of_the_complete_log_gains(log, study):
    """Of what the large model alone costs, quality within a few points of its own."""
    assert len(study.policy.models_used) > 1
    test = study.split.rows("test")
    found = on(study, log, test)
    alone = log.take(test).quality[:, 2].mean()
    assert found.quality.mean() > alone - 0.06
    assert found.cost_usd.mean() < 0.8 * log.cost_usd[test, 2].mean()


def test_its_value_on_test_holds_the_truth_and_is_said_first(log, study):
    test = study.split.rows("test")
    truth = on(study, log, test)
    low, high = study.estimated.quality.ci
    assert low <= truth.quality.mean() <= high
    told = " ".join(study.verdict.reasons)
    assert "the log is partial: figures are doubly robust estimates" in told
    assert "effective of" in told
    assert as_json(study)["estimated"]["quality"]["value"] == study.estimated.quality.value


def test_what_single_requests_would_have_to_tell_is_not_said(study):
    assert "oracle" not in {it.name for it in study.figures.baselines}


def test_it_is_saved_and_loaded(study, tmp_path):
    assert save(study, tmp_path / "mine.policy").policy == study.policy


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"policy": "cascade"}, "needs several models' answers"),
        ({"policy": "gain-cascade"}, "needs several models' answers"),
        ({"signals": ("sure",)}, "signals"),
        ({"policy": "utility", "recipe_trials": 3}, "recipes"),
        ({"certify": (CertificateDemand("regret", 0.3),)}, "every model answered"),
    ],
)
def test_what_a_partial_log_cannot_give_is_refused_before_anything_is_learned(log, changes, words):
    told = []
    with pytest.raises(TuningError, match=words):
        tune(partial(log), structs.replace(OPTIONS, **changes), notify=told.append)
    assert told == []


def test_requests_that_differ_in_nothing_known_are_refused(log):
    seen = partial(log)
    fields = {**vars(seen), "requests": type(seen.requests)(id=seen.requests.id)}
    with pytest.raises(TuningError, match="no prompts and no tasks"):
        tune(PartialLog(**{k: v for k, v in fields.items() if k != "sha256"}), OPTIONS)


def test_certificates_rest_on_audited_requests(log):
    seen = with_audits(partial(log), log, 0.5)
    demands = (CertificateDemand("regret", 0.3),)
    study = tune(seen, structs.replace(OPTIONS, certify=demands))
    assert study.certificate is not None
    audited = np.isin(study.split.rows("calibrate"), np.flatnonzero(seen.requests.audit)).sum()
    assert study.certificate.n_requests == audited
