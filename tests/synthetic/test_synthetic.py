import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab import logs, replay, synthetic
from routelab.errors import LogError
from routelab.logs.model.splits import split
from routelab.policies import Cascade, Fixed

DATASETS = Path(__file__).parents[2] / "datasets"
GENERAL = ("small-8b", "medium-70b", "large", "frontier")
BUDGET = 2.0


@pytest.fixture(scope="module")
def log():
    return synthetic.sample()


@pytest.fixture(scope="module")
def committed():
    return logs.read(DATASETS / "sample.parquet")


@pytest.fixture(scope="module")
def before():
    return synthetic.world("before")


@pytest.fixture(scope="module")
def after():
    return synthetic.world("after")


def figures(policy, log):
    """Mean quality and USD per 1,000 requests, as the replay accounts for them."""
    result = replay.run(policy, log)
    return float(np.mean(result.quality)), float(np.mean(result.cost_usd)) * 1000


def zero_router(log, usd_per_1k):
    """The best mixture of two single models at this cost."""
    points = [figures(Fixed(model), log) for model in log.models]
    reached = [q for q, usd in points if usd <= usd_per_1k]
    for q1, usd1 in points:
        for q2, usd2 in points:
            if usd1 <= usd_per_1k <= usd2 and usd1 < usd2:
                reached.append(q1 + (q2 - q1) * (usd_per_1k - usd1) / (usd2 - usd1))
    return max(reached)


def gain(policy, log):
    quality, usd_per_1k = figures(policy, log)
    return quality - zero_router(log, usd_per_1k)


def auroc(log, signal, model):
    """How often a right answer's signal exceeds a wrong one's; a tie counts half."""
    column = log.column(model)
    seen = ~log.error[:, column]
    values = log.signals[signal][seen, column]
    right = log.quality[seen, column] >= 0.5
    wrong = np.sort(values[~right])
    below = np.searchsorted(wrong, values[right], side="left")
    upto = np.searchsorted(wrong, values[right], side="right")
    return float(np.mean(below + upto) / 2 / len(wrong))


def by_task(log, task):
    rows = log.quality[log.requests.task == task]
    return dict(zip(log.models, rows.mean(axis=0), strict=True))


def prompts(log):
    return log.texts.prompts(np.arange(len(log)))


# The same bytes every time


def test_the_same_seed_gives_the_same_log_and_another_seed_another(log):
    digest = synthetic.content_sha256(log)
    assert synthetic.content_sha256(synthetic.sample()) == digest
    assert synthetic.content_sha256(synthetic.sample(seed=1)) != digest


def test_the_committed_file_holds_what_the_generator_makes(log, committed):
    assert synthetic.content_sha256(committed) == synthetic.content_sha256(log)
    assert committed.notes == ()


def test_the_committed_files_have_the_listed_checksums():
    listed = dict(
        reversed(line.split("  ")) for line in (DATASETS / "SHA256SUMS").read_text().splitlines()
    )
    assert set(listed) == {"sample.parquet", "sample.log.toml", "sample.models.toml"}
    for name, digest in listed.items():
        assert hashlib.sha256((DATASETS / name).read_bytes()).hexdigest() == digest


def test_the_card_gives_the_digest_of_the_content(log):
    card = (DATASETS / "sample.md").read_text(encoding="utf-8")
    assert synthetic.content_sha256(log) in card
    assert "synthetic" in card


def test_the_card_gives_what_the_models_are_worth(before):
    card = (DATASETS / "sample.md").read_text(encoding="utf-8")
    for model in before.models:
        quality, usd_per_1k = figures(Fixed(model), before)
        row = f"| {model} | {quality:.3f} | {usd_per_1k:.3f} |".replace(" 0.", " .")
        assert row in card


def test_the_sidecar_names_the_catalogue_and_what_signals_cost(committed):
    assert committed.catalogue == synthetic.catalogue()
    assert {name: spec.multiplier for name, spec in committed.specs.items()} == {
        "confidence": 1.0,
        "verbosity": 1.0,
    }


def test_every_model_is_served_by_two_providers(committed):
    for model in committed.catalogue.models.values():
        assert len({deployment.provider for deployment in model.deployments}) == 2


def test_another_seed_draws_another_world():
    first, second = (synthetic.world("before", 500, seed) for seed in (1, 2))
    for name, values in first.signals.items():
        assert not np.isin(values, second.signals[name]).all()


# Texts, tokens, money


def test_tokens_follow_from_the_texts(log):
    rows = np.arange(len(log))
    prompt = np.array([len(text.split()) for text in prompts(log)])
    for column, model in enumerate(log.models):
        answered = ~log.error[:, column]
        answers = log.texts.responses(rows, model)
        words = np.array([0 if text is None else len(text.split()) for text in answers])
        assert np.array_equal(log.completion_tokens[:, column], np.ceil(words * 4 / 3))
        expected = np.where(answered, np.ceil(prompt * 4 / 3), 0)
        assert np.array_equal(log.prompt_tokens[:, column], expected)


def test_cost_is_tokens_times_list_price_to_the_last_bit(committed):
    for column, name in enumerate(committed.models):
        model = committed.catalogue.model(name)
        tokens = zip(
            committed.prompt_tokens[:, column], committed.completion_tokens[:, column], strict=True
        )
        assert [model.cost_usd(*pair) for pair in tokens] == committed.cost_usd[:, column].tolist()


def test_a_failed_call_has_no_answer_no_signal_no_quality_and_no_cost(log):
    assert log.error.any(axis=0).tolist() == [model == "small-8b" for model in log.models]
    assert 0.001 < log.error[:, 0].mean() < 0.006
    assert not log.quality[log.error].any()
    assert not log.cost_usd[log.error].any()
    for values in log.signals.values():
        assert np.array_equal(np.isnan(values), log.error)
    failed = np.flatnonzero(log.error[:, 0])
    assert log.texts.responses(failed, "small-8b") == [None] * len(failed)


def test_prompts_are_of_many_lengths_and_no_slot_is_left_open(log):
    lengths = [len(text.split()) for text in prompts(log)]
    assert min(lengths) >= 20
    assert max(lengths) > 300
    assert not any("{" in text for text in prompts(log))


def test_harder_prompts_are_only_weakly_longer(before):
    for task in synthetic.TASKS:
        rows = before.requests.task == task
        length = np.log(before.prompt_tokens[rows, -1])
        together = np.corrcoef(length, before.quality[rows].mean(axis=1))[0, 1]
        assert -0.4 < together < -0.05


def test_repeated_prompts_are_as_hard_as_they_were(log):
    first, pairs = {}, []
    for row, prompt in enumerate(prompts(log)):
        pairs += [(first[prompt], row)] if prompt in first else []
        first.setdefault(prompt, row)
    old, new = np.array(pairs).T
    assert 0.02 < len(pairs) / len(log) < 0.04
    assert np.array_equal(log.requests.task[old], log.requests.task[new])
    strangers = [
        np.flatnonzero(log.requests.task == log.requests.task[row])[:400] for row in new.tolist()
    ]
    apart = np.abs(log.quality[old] - log.quality[new]).mean()
    usual = np.mean(
        [
            np.abs(log.quality[rows] - log.quality[row]).mean()
            for row, rows in zip(new.tolist(), strangers, strict=True)
        ]
    )
    assert apart < 0.7 * usual


# Models, signals, time


def test_dearer_general_models_are_better(before):
    quality = dict(zip(before.models, before.quality.mean(axis=0), strict=True))
    cost = dict(zip(before.models, before.cost_usd.mean(axis=0), strict=True))
    assert sorted(GENERAL, key=quality.__getitem__) == list(GENERAL)
    assert sorted(GENERAL, key=cost.__getitem__) == list(GENERAL)
    assert cost["medium-70b"] < cost["code-expert"] < cost["large"]


def test_the_specialist_beats_a_dearer_model_on_its_task_only(before):
    for task in synthetic.TASKS:
        quality = by_task(before, task)
        assert (quality["code-expert"] > quality["large"]) == (task == "code")


def test_quality_is_graded_on_translation_only(log):
    for task in synthetic.TASKS:
        values = np.unique(log.quality[log.requests.task == task])
        assert (len(values) == 11) == (task == "translation")


@pytest.mark.parametrize("model", synthetic.MODELS)
def test_one_signal_is_useful_and_the_other_useless(before, model):
    assert 0.8 < auroc(before, "confidence", model) < 0.88
    assert abs(auroc(before, "verbosity", model) - 0.5) < 0.01
    assert np.nanmin(before.signals["confidence"]) > 0.0
    assert np.nanmax(before.signals["confidence"]) < 1.0


def test_latency_grows_with_the_answer_and_scatters(before):
    for column in range(len(before.models)):
        tokens = before.completion_tokens[:, column]
        short, long = tokens <= np.quantile(tokens, 0.25), tokens >= np.quantile(tokens, 0.75)
        latency = np.where(before.error[:, column], np.nan, before.latency_s[:, column])
        assert np.nanmedian(latency[long]) > 1.3 * np.nanmedian(latency[short])
        assert 0.3 < np.nanstd(np.log(latency[short])) < 0.6


def test_requests_come_in_order_over_thirty_days_and_more_by_day_than_by_night(log):
    seconds = log.requests.timestamp_s - log.requests.timestamp_s[0]
    assert (np.diff(seconds) > 0).all()
    assert 29.5 < seconds[-1] / 86_400 < 30.0
    hour = log.requests.timestamp_s % 86_400 // 3_600
    assert np.mean((hour >= 9) & (hour < 17)) > 5 * np.mean(hour < 5)


def test_the_drift_begins_at_nine_tenths_of_the_period(log, before, after):
    day = log.requests.timestamp_s // 86_400
    late = day - day[0] >= 27
    assert np.array_equal(late, np.arange(len(log)) >= 3_600)
    for model in ("small-8b", "medium-70b"):
        for start in range(0, 3_600, 1_200):
            part = log.take(np.arange(start, start + 1_200))
            assert abs(auroc(part, "confidence", model) - auroc(before, "confidence", model)) < 0.05
        assert auroc(log.take(np.flatnonzero(late)), "confidence", model) < 0.75
    for world, rows in ((before, ~late), (after, late)):
        hard = np.isin(world.requests.task, ("maths", "code", "law")).mean()
        assert abs(np.isin(log.requests.task[rows], ("maths", "code", "law")).mean() - hard) < 0.05


def test_after_the_drift_cheap_models_boast_and_work_is_harder(before, after):
    for model in ("small-8b", "medium-70b"):
        column = before.column(model)
        was, now = (np.nanmean(world.signals["confidence"][:, column]) for world in (before, after))
        assert now > was + 0.05
        assert after.quality[:, column].mean() < before.quality[:, column].mean() - 0.03
    assert abs(auroc(after, "confidence", "large") - auroc(before, "confidence", "large")) < 0.01


# What routing is worth


def test_a_cascade_tuned_before_the_drift_is_worth_it_and_worth_less_after(committed):
    cut = split(committed)
    tuned = synthetic.best_cascade(committed.take(cut.rows("tune")), BUDGET)
    test = cut.rows("test")
    late = test >= 0.9 * len(committed)
    early_gain = gain(tuned.policy, committed.take(test[~late]))
    late_gain = gain(tuned.policy, committed.take(test[late]))
    assert early_gain > 0.03
    assert late_gain < early_gain - 0.015
    assert gain(tuned.policy, committed.take(test)) > 0.03


def test_the_best_policy_is_a_cascade_of_three_and_changes_with_the_drift():
    best = {period: synthetic.best(period, BUDGET) for period in ("before", "after")}
    assert [len(one.policy.models) for one in best.values()] == [3, 3]
    assert best["before"].policy.models != best["after"].policy.models


def test_the_best_policy_of_the_first_period_is_no_longer_the_best(after):
    stale = synthetic.best("before", BUDGET).policy
    quality, usd_per_1k = figures(stale, after)
    assert synthetic.best("after", usd_per_1k).quality > quality + 0.003


@pytest.mark.parametrize("usd_per_1k", [0.03, 0.3, 1.0, 2.0, 4.0])
def test_the_best_policy_is_worth_what_its_replay_says(before, usd_per_1k):
    best = synthetic.best("before", usd_per_1k)
    assert figures(best.policy, before) == pytest.approx((best.quality, best.usd_per_1k), rel=1e-9)
    assert best.usd_per_1k <= usd_per_1k


@settings(max_examples=40, deadline=None)
@given(
    models=st.lists(st.sampled_from(tuple(synthetic.MODELS)), min_size=3, max_size=3, unique=True),
    thresholds=st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95)),
)
def test_no_cascade_beats_the_best_one_at_its_cost(models, thresholds):
    world = synthetic.world("before", 20_000, 2)
    rising = tuple(sorted(models, key=list(synthetic.MODELS).index))
    quality, usd_per_1k = figures(Cascade(rising, thresholds, "confidence"), world)
    assert synthetic.best_cascade(world, usd_per_1k).quality > quality - 0.003


def test_a_bound_below_the_cheapest_model_says_what_that_costs(before):
    with pytest.raises(LogError, match=r"0\.001 USD.*cheapest model costs 0\.02"):
        synthetic.best_cascade(before, 0.001)
