"""A whole study: what it exports, what it says, and that it repeats itself to the byte."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tuning_world import log_of, random_log

from routelab.core.signal_spec import SignalSpec
from routelab.errors import LogError, TuningError
from routelab.logs import TextsInMemory
from routelab.logs.model import split
from routelab.logs.model.log import Requests
from routelab.logs.model.splits import LEAST_GROUPS
from routelab.metrics.aiq import aiq
from routelab.policies import Cascade, Fixed, Mixture
from routelab.policy_file import load
from routelab.replay import ROUTERS, NamedPolicy, evaluate
from routelab.tuning import Bounds, Options, tune
from routelab.tuning.objectives import MARGIN
from routelab.tuning.study.export import as_json, save, study_path

QUICK = Options(name="quick", trials=10, policy="cascade")


def quick(**options):
    return Options(**{"name": "quick", "trials": 10, "policy": "cascade", **options})


def test_two_runs_write_the_same_bytes(few, tmp_path):
    written = []
    for folder in ("one", "two"):
        study = tune(few, quick(trials=40, bounds=Bounds(max_usd_per_1k=2.0)))
        out = tmp_path / folder / "x.policy"
        save(study, out)
        files = [*sorted(out.iterdir()), *sorted(study_path(out).iterdir())]
        written.append({path.name: path.read_bytes() for path in files})
    assert written[0] == written[1]
    assert {"policy.json", "golden.jsonl", "study.json", "trials.parquet"} <= set(written[0])


def test_another_seed_is_another_study(few):
    shuffled = replace(few, requests=replace(few.requests, timestamp_s=None), texts=None)
    one, other = (tune(shuffled, quick(seed=seed)) for seed in (0, 1))
    assert one.split.sha256() != other.split.sha256()
    assert one.figures != other.figures


def test_what_is_saved_is_what_was_found(tuned):
    loaded = load(tuned.policy)
    assert loaded.policy == tuned.study.policy
    assert loaded.document.evaluation["test"]["quality"] == tuned.study.figures.quality
    assert loaded.document.candidates == tuned.study.test.models
    assert loaded.verify() == []


def test_the_figures_shown_are_those_of_the_exported_policy(tuned):
    study = tuned.study
    (again,) = evaluate(study.test, [NamedPolicy(study.options.name, study.policy)])
    assert again == study.figures


def test_parts_are_disjoint_and_each_has_its_job(tuned):
    study = tuned.study
    tune_ids, test_ids = (set(part.log.requests.id) for part in (study.tune, study.test))
    assert not tune_ids & test_ids
    assert study.searched == ("train", "tune", "calibrate")
    assert tune_ids == set(study.log.requests.id[study.split.rows(*study.searched)])
    assert test_ids == set(study.log.requests.id[study.split.rows("test")])


def test_optimism_is_tune_minus_test(tuned):
    found = as_json(tuned.study)["optimism"]
    assert found["quality"] == tuned.study.tuned.quality - tuned.study.figures.quality


def test_aiq_front_spans_every_operating_point_and_the_candidates(tuned):
    study = tuned.study
    (plain,) = evaluate(study.test, [NamedPolicy("x", study.policy)])
    alone = [it for it in plain.baselines if it.name.startswith("fixed:")]
    cost = [it.usd_per_1k for it in alone]
    points = [*alone, *study.tested]
    expected = aiq(
        [p.usd_per_1k for p in points], [p.quality for p in points], min(cost), max(cost)
    )
    assert study.aiq_front == pytest.approx(expected, rel=1e-12)
    assert study.aiq_front >= study.figures.aiq - 1e-12


def test_no_policy_beats_the_oracle_and_every_baseline_is_there(tuned):
    names = {it.name: it for it in tuned.study.figures.baselines}
    fixed = {f"fixed:{name}" for name in tuned.study.test.models}
    assert set(names) == fixed | {"oracle", *ROUTERS, "zero_router"}
    best = max(it.quality for it in names.values())
    assert names["oracle"].quality == best >= tuned.study.figures.quality


@pytest.mark.parametrize("bound", [0.5, 2.0])
def test_a_cost_bound_holds_on_tune(sample_log, bound):
    study = tune(sample_log, quick(bounds=Bounds(max_usd_per_1k=bound)))
    assert study.points[0].name == "most-quality"
    reach = study.tuned.usd_per_1k_ci[1] - study.tuned.usd_per_1k
    margin = 1.645 / 1.96 * reach * np.sqrt(1 + study.tuned.n_requests / study.split.n["test"])
    assert study.tuned.usd_per_1k <= bound - margin
    paid = study.points[0].point.score
    best = max(p.score.quality for p in study.front if p.score.usd_per_1k <= paid.usd_per_1k)
    assert paid.quality == best
    dearer = max(p.score.quality for p in study.front if p.score.usd_per_1k <= bound - 1.5 * margin)
    assert paid.quality >= dearer - MARGIN  # no more than that is given away


def test_a_quality_share_holds_on_tune(sample_log):
    study = tune(sample_log, quick(bounds=Bounds(min_quality_share=0.98)))
    alone = [study.tune.replay(Fixed(name)).quality.mean() for name in study.tune.models]
    assert study.points[0].name == "least-cost"
    assert study.tuned.quality >= 0.98 * max(alone)


def without_signals(log):
    return replace(log, signals={}, specs={})


def test_without_a_signal_a_mixture_meets_a_cost_bound(sample_log):
    study = tune(without_signals(sample_log), quick(bounds=Bounds(max_usd_per_1k=1.0)))
    assert isinstance(study.policy, Mixture)
    assert 0.85 < study.points[0].point.score.usd_per_1k < 1.0
    assert study.tuned.usd_per_1k == pytest.approx(0.93, rel=0.15)
    assert study.trials == []
    assert any("no usable confidence signal" in reason for reason in study.verdict.reasons)
    assert study.verdict.word != "ship"


@pytest.mark.parametrize("bounds", [Bounds(max_usd_per_1k=1.0), Bounds(min_quality=0.7)])
def test_a_signal_that_says_nothing_makes_no_bounded_study_worse(sample_log, bounds):
    """A column of noise at three times the price: under the bound, what needs no column stays."""
    noise = np.random.default_rng(0).random(sample_log.quality.shape)
    noisy = replace(
        sample_log, signals={"noise": noise}, specs={"noise": SignalSpec(multiplier=3.0)}
    )
    study = tune(noisy, quick(bounds=bounds))
    bare = tune(without_signals(sample_log), quick(bounds=bounds))
    (mine, plain) = (it.points[0] for it in (study, bare))
    assert plain.mixed
    assert mine.point.score.quality >= plain.point.score.quality - 0.0005
    assert mine.point.score.usd_per_1k <= plain.point.score.usd_per_1k * 1.001
    assert mine.point.policy == plain.point.policy
    assert study.verdict.word != "ship"
    assert any(it.startswith("a mixture was exported") for it in study.verdict.reasons)


def test_without_a_signal_and_a_bound_models_are_mixed_to_enough_quality(sample_log, tmp_path):
    study = tune(without_signals(sample_log), quick())
    assert isinstance(study.policy, Mixture)
    assert study.policy.by_chance
    best = max(it.quality for it in study.tuned.baselines if it.name.startswith("fixed:"))
    assert study.points[0].point.score.quality == pytest.approx(0.98 * best)
    assert study.verdict.word != "ship"
    assert any("no usable confidence signal" in reason for reason in study.verdict.reasons)
    assert load(save(study, tmp_path / "x.policy").path).policy == study.policy


def test_a_signal_that_never_varies_is_no_signal():
    log = random_log(400, 3, seed=1)
    flat = replace(log, signals={"confidence": np.full((400, 3), 0.5, order="F")})
    study = tune(flat, quick())
    assert isinstance(study.policy, Fixed) or study.policy.by_chance


def test_a_model_that_lacks_the_signal_only_comes_last():
    log = random_log(800, 3, seed=2)
    log.signals["confidence"][:, 1] = np.nan
    study = tune(log, quick(trials=60))
    tried = [trial.policy for trial in study.trials] + [point.policy for point in study.front]
    cascades = [policy for policy in tried if isinstance(policy, Cascade)]
    assert any("middle" in policy.models for policy in cascades)
    assert all("middle" not in policy.models[:-1] for policy in cascades)


def test_an_unknown_extra_cost_is_warned_about():
    log = random_log(800, 2, seed=3, multiplier=None)
    bounds = Bounds(min_quality=0.6)
    warned = tune(log, quick(bounds=bounds))
    assert "confidence" in warned.policy.signals_used
    (reason,) = [it for it in warned.verdict.reasons if "extra cost" in it]
    assert "'confidence'" in reason
    assert "`signals={'confidence': SignalSpec(multiplier=3)}`" in reason
    known = tune(log.with_specs({"confidence": SignalSpec(multiplier=1.0)}), quick(bounds=bounds))
    assert not any("extra cost" in reason for reason in known.verdict.reasons)


def test_a_dearer_signal_makes_the_same_cascade_dearer():
    log = random_log(800, 2, seed=3)
    policy = Cascade(("small", "middle"), (0.5,), "confidence")
    costs = [
        tune(log.with_specs({"confidence": SignalSpec(multiplier=m)}), quick()).test.replay(policy)
        for m in (1.0, 3.0)
    ]
    column = tune(log, quick()).test.log.cost_usd[:, 0]
    np.testing.assert_allclose(costs[1].cost_usd - costs[0].cost_usd, 2 * column, rtol=1e-9)


def test_only_the_named_models_and_signals_are_used(few):
    options = quick(models=("frontier", "small-8b"), signals=("verbosity",), trials=30)
    study = tune(few, options)
    assert study.test.models == ("frontier", "small-8b")
    used = {name for trial in study.trials for name in trial.policy.signals_used}
    assert used == {"verbosity"}


def test_a_model_without_cost_is_left_out_unless_it_is_asked_for():
    log = random_log(800, 3, seed=5)
    log.cost_usd[:, 2] = np.nan
    assert tune(log, quick()).test.models == ("small", "middle")
    with pytest.raises(LogError, match="model 'large' has no cost on any row"):
        tune(log, quick(models=("small", "large")))


def test_models_that_all_cost_the_same_can_be_compared():
    rng = np.random.default_rng(0)
    log = log_of(rng.integers(0, 2, (400, 2)), 0.0, rng.random((400, 2)))
    found = as_json(tune(log, quick()))
    assert np.isnan(found["aiq_front"])
    assert np.isnan(found["test"]["aiq"])


def test_over_a_fifth_missing_is_refused_unless_allowed():
    log = random_log(800, 2, seed=6)
    log.quality[:240, 0] = np.nan
    with pytest.raises(LogError, match="`allow_missing=True`"):
        tune(log, quick())
    study = tune(log, quick(allow_missing=True))
    assert study.figures.n_dropped > 0
    assert any("were dropped" in reason for reason in study.verdict.reasons)


def test_no_overlap_is_said():
    log = random_log(400, 2, seed=6)
    log.quality[::2, 0] = np.nan
    log.quality[1::2, 1] = np.nan
    with pytest.raises(LogError, match=r"no overlap: none of .* rows has an outcome of every"):
        tune(log, quick(allow_missing=True))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"models": ("small", "tiny")}, LogError, "no model 'tiny'; it has small, middle"),
        ({"models": ("small",)}, TuningError, "needs two candidate models or more"),
        ({"signals": ("sure",)}, LogError, "no values of signal 'sure'; it has confidence"),
        ({"trials": 0}, TuningError, "`trials` is 0; at least 1"),
        ({"group": "moon"}, LogError, "unknown grouping 'moon'"),
        ({"group": "task"}, LogError, "no task column to group by"),
        ({"bounds": Bounds(1e-9)}, TuningError, "the least reachable is"),
    ],
)
def test_options_that_cannot_be_met(options, error, says):
    with pytest.raises(error, match=says):
        tune(random_log(400, 2, seed=7), quick(**options))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"models": "small"}, "`models` is one text, 'small'; give a tuple of names: ('small',)"),
        ({"signals": "confidence"}, "`signals` is one text, 'confidence'; give a tuple of names"),
        ({"signals": 3}, "`signals` is 3; give a tuple of names"),
        ({"pair": "small"}, "`pair` is 'small'; give a tuple of the weak and the strong model"),
        ({"certify": ("regret=0.02",)}, "`certify` holds 'regret=0.02'; give a tuple of Certif"),
        ({"certify": "regret=0.02"}, "`certify` is 'regret=0.02'; give a tuple of Certificate"),
        ({"bounds": {"min_quality": 0.9}}, "`bounds` is {'min_quality': 0.9}; give Bounds of"),
        ({"bounds": Bounds(floors={"task": 0.02})}, "`floors` is {'task': 0.02}; give a tuple of"),
        ({"bounds": Bounds(floors=(("task", 0.02),))}, "`floors` holds ('task', 0.02); give a"),
        ({"levels": 4}, "`levels=4` is for a log that is read in batches; give `workers` too"),
    ],
)
def test_options_of_another_type_or_use_are_told_in_one_sentence(options, says):
    with pytest.raises(TuningError) as refused:
        tune(random_log(60, 2, seed=1), Options(**{"name": "x", "policy": "cascade", **options}))
    (problem,) = refused.value.problems
    assert problem.startswith(says)


@pytest.mark.parametrize("n", range(1, 9))
def test_a_log_too_small_to_cut_says_how_many_requests_are_needed(n):
    with pytest.raises(LogError) as refused:
        tune(random_log(n, 2, seed=0), quick())
    (problem,) = refused.value.problems
    assert f"too few requests for a study, {n}: a log is cut into train, tune," in problem
    assert "at least 50 are needed to cut a log, and some hundreds for a verdict" in problem


def test_a_log_of_few_groups_says_so():
    group = np.array(["a", "b", "c"] * 100, dtype=object)
    ids = np.array([f"r{row}" for row in range(300)], dtype=object)
    log = random_log(300, 2, seed=0, requests=Requests(id=ids, group=group))
    with pytest.raises(LogError, match="its 300 requests are of 3 groups by group, which are kept"):
        tune(log, quick())


def test_so_many_requests_as_are_said_to_be_needed_do_cut_a_log():
    empty = 0
    for seed in range(400):
        log = random_log(LEAST_GROUPS, 2, seed=0)
        parts = split(log, seed=seed, need_all_parts=False).n
        empty += 0 in parts.values()
    assert empty <= 8  # one in two hundred is said


def test_no_prompt_text_is_stored(sample_log, tuned):
    rows = np.arange(0, len(sample_log), 400)
    stored = b"".join(
        path.read_bytes()
        for folder in (tuned.policy, study_path(tuned.policy))
        for path in folder.iterdir()
    )
    for prompt in sample_log.texts.prompts(rows):
        assert prompt.encode()[:60] not in stored


def test_a_log_made_in_memory_is_tuned_like_a_file():
    texts = TextsInMemory([f"question {row // 2}" for row in range(400)])
    study = tune(random_log(400, 2, seed=8, texts=texts), quick())
    assert study.split.group == "prompt"
    parts = study.split.part
    assert (parts[::2] == parts[1::2]).all()


def test_a_default_that_test_does_not_keep_is_told_and_no_bound(sample_log):
    study = tune(sample_log, quick())
    best = max(it.quality for it in study.figures.baselines if it.name.startswith("fixed:"))
    assert study.figures.quality < 0.98 * best
    (told,) = [it for it in study.verdict.reasons if "that it was chosen for" in it]
    assert told.startswith(f"keeps {study.figures.quality / best:.1%} of the best model's quality")
    bound = tune(sample_log, quick(bounds=Bounds(min_quality_share=0.98)))
    assert not any("that it was chosen for" in it for it in bound.verdict.reasons)
    assert bound.verdict.word == "not proven"
