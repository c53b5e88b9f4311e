"""Policy and engine are chosen for objectives on simulated days, repeatably, and told on test."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from routelab.errors import PolicyFileError, SimulationError, TuningError
from routelab.policy_file import load
from routelab.reports import render
from routelab.simulate import SimulationOptions, arrivals, latency, scenario, simulate, slo
from routelab.tuning import Bounds, Options
from routelab.tuning.slo import EngineSpace, SloDemands, check_alone, tuned_for
from routelab.tuning.slo.study import _cascades
from routelab.tuning.study import check_same_study
from routelab.tuning.study.export import as_json, save

SLOW = '[[faults]]\nkind = "slow"\nprovider = "north"\nfactor = 8.0\nfrom_s = 5\nto_s = 30\n'


def wanted(goals="p95_latency_s = 9.0\nerror_rate = 0.01\nquality = 0.8\n", faults=SLOW, trials=9):
    return SloDemands(
        objectives=slo.parse(goals, "slo.toml"),
        scenario=scenario.parse(faults, "slow.toml"),
        objectives_file="slo.toml",
        scenario_file="slow.toml",
        arrivals="poisson:6",
        trials=trials,
    )


@pytest.fixture(scope="module")
def chosen(tuned):
    return tuned_for(tuned.study, wanted())


def test_what_is_exported_repeats_the_day_of_test_that_was_told(chosen, tmp_path):
    save(chosen, tmp_path / "slo.policy")
    loaded = load(tmp_path / "slo.policy")
    kept = chosen.slo
    assert loaded.document.catalogue.engine == kept.engine
    timeouts = {
        deployment.timeouts.total_s
        for model in loaded.document.catalogue.models.values()
        for deployment in model.deployments
    }
    assert timeouts == {kept.timeout_s}
    told = wanted()
    log = chosen.test.log
    coming = arrivals(log, told.arrivals, duration_s=90.0)
    day = simulate(
        loaded,
        log,
        coming,
        latency(log, "logged"),
        options=SimulationOptions(scenario=told.scenario),
    )
    assert tuple(slo.check(told.objectives, day, "slo.toml")) == kept.test
    assert as_json(chosen)["slo"]["test"] == msgspec.to_builtins(kept.test)
    said = msgspec.json.decode(msgspec.json.encode(as_json(chosen)["slo"]))
    assert loaded.document.evaluation["slo"] == said


def test_the_verdict_says_what_each_objective_came_to(chosen):
    for it in chosen.slo.test:
        word = "kept" if it.holds else "missed"
        assert any(f"{it.objective} of all is {word}" in one for one in chosen.verdict.reasons)
    if chosen.slo.missed:
        assert chosen.verdict.word != "ship"


def test_trials_that_keep_everything_go_before_those_that_do_not(chosen):
    if chosen.slo.feasible:
        assert all(it.holds for it in chosen.slo.tune)
    assert chosen.points[0].name in ("slo", "knee")
    assert len(chosen.tested) == len(chosen.points) == len(chosen.judged)


def test_a_search_that_was_cut_off_goes_on_to_the_same_end(tuned, chosen, tmp_path):
    storage = str(tmp_path / "days.log")
    study = replace(
        tuned.study, options=msgspec.structs.replace(tuned.study.options, storage=storage)
    )
    tuned_for(study, wanted(trials=4))
    seen = []
    resumed = tuned_for(study, wanted(), progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (9, 9)
    assert resumed.slo == chosen.slo
    assert resumed.policy == chosen.policy
    with pytest.raises(TuningError, match="is another one"):
        tuned_for(study, wanted("error_rate = 0.5\n"))


def test_the_first_trial_is_the_study_as_it_was(tuned):
    task = EngineSpace(tuned.study, wanted(), _cascades(tuned.study))
    first = task.starts()[0]
    assert task.policy(first) == tuned.study.policy
    own, tried = tuned.study.catalogue, task.catalogue(first)
    assert tried.engine.retry == (own.engine or type(tried.engine)()).retry
    assert set(first) <= set(task.space)


def test_what_cannot_be_judged_or_does_not_go_together_is_refused(tuned):
    with pytest.raises(SimulationError, match="no request of the simulated day is of it"):
        tuned_for(
            tuned.study,
            wanted("[model.small-8b]\np95_latency_s = 1\n[tenant.nobody]\nquality = 0.1\n", "", 1),
        )
    with pytest.raises(
        SimulationError, match=r"'moon' in the catalogue, which has .*; name one in"
    ):
        tuned_for(tuned.study, wanted(faults=SLOW.replace("north", "moon"), trials=1))
    with pytest.raises(TuningError, match="at least 1"):
        tuned_for(tuned.study, wanted(trials=0))
    options = Options(name="x", bounds=Bounds(min_quality=0.5), policy="cascade")
    with pytest.raises(TuningError) as refused:
        check_alone(options, 3, in_batches=True)
    assert len(refused.value.problems) == 3


def test_the_objectives_are_on_record_and_others_make_another_study(chosen, tmp_path):
    kept = save(chosen, tmp_path / "slo.policy")
    given = wanted()
    recorded = kept.document.provenance["simulated_days"]
    assert recorded["arrivals"] == "poisson:6"
    assert recorded == msgspec.json.decode(msgspec.json.encode(given.recorded))
    assert "demands" not in kept.document.evaluation["slo"]
    drawn = render(as_json(chosen)).markdown.decode()
    assert "--slo slo.toml --arrivals poisson:6 --faults slow.toml" in drawn

    def again(demands):
        check_same_study(
            kept.path,
            chosen.options,
            log=chosen.log.name,
            reads={"log_sha256": chosen.log.sha256},
            demands=None if demands is None else demands.recorded,
        )

    again(given)
    again(wanted(trials=20))  # more days of the same study
    again(msgspec.structs.replace(given, objectives_file="elsewhere.toml"))
    for other, says in (
        (wanted(goals="p95_latency_s = 5.0\n"), "the objectives of simulated days was"),
        (wanted(faults=""), "the scenario of simulated days was"),
        (
            msgspec.structs.replace(given, arrivals="poisson:7"),
            "the arrivals of simulated days was",
        ),
        (None, "the objectives of simulated days were slo.toml, and are not given"),
    ):
        with pytest.raises(PolicyFileError, match="another study") as refused:
            again(other)
        assert says in str(refused.value)
    check_same_study(kept.path, chosen.options, log="other", demands=None, replace=True)
