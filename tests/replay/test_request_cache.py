"""What a replay tells policies of requests: prompts, scores, properties, each read once."""

from __future__ import annotations

import numpy as np
import pytest
from replay_world import MODELS, logged, objects, whole

from routelab import replay, scorers
from routelab.core.admission import CallEstimate
from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.catalogue.parameters import Parameters
from routelab.core.table import AnswerQuery
from routelab.errors import LogError, NoModelError, PolicyError
from routelab.logs.model.log import Requests
from routelab.policies import Cascade, Conditional, Fixed, GainCascade, Match, Rule, Tiers, Utility
from routelab.signals import features

CASCADE = Cascade(models=MODELS, thresholds=(0.5, 0.4), signal="sure")
TIERS = Tiers(scorer="length", models=MODELS, thresholds=(3.0, 4.0))
NUMBERS = features.Numbers(names=("characters",))
ANSWER = features.Answer(models=MODELS, signals=("sure",))
LINEAR = {
    "length": scorers.Linear(
        target="complexity", outputs=("score",), features=("numbers",), tensors="length"
    ),
    "gain": scorers.Linear(target="gain", outputs=MODELS, features=("answer",), tensors="gain"),
}
WIDTH = ANSWER.bind({}).width
SCORING = scorers.load_scorers(
    {"numbers": features.to_wire(NUMBERS), "answer": features.to_wire(ANSWER)},
    {name: scorers.to_wire(scorer) for name, scorer in LINEAR.items()},
    {
        "length.weights": np.ones((1, 1)),
        "length.bias": np.zeros(1),
        "gain.weights": np.linspace(-1.0, 1.0, 3 * WIDTH).reshape(WIDTH, 3),
        "gain.bias": np.zeros(3),
    },
)


class Counted:
    """Scorers that count the requests they are asked about."""

    def __init__(self):
        self.asked = 0

    def __getattr__(self, name):
        return getattr(SCORING, name)

    def score_batch(self, name, requests, seen=None):
        self.asked += len(requests)
        return SCORING.score_batch(name, requests, seen)


def test_a_score_is_what_the_request_alone_has():
    log = logged(50)
    cache = replay.RequestCache(log, SCORING)
    asked = AnswerQuery("gain", 1, ("sure",))
    for row in range(len(log)):
        request = cache.request(row, text=True)
        assert tuple(cache.scores["length"][row]) == SCORING.score("length", request)
    lengths = [len(prompt) for prompt in log.texts.prompts(np.arange(50))]
    assert cache.scores["length"][:, 0] == pytest.approx(np.log1p(lengths))
    assert cache.after[asked].shape == (50, 3)
    assert not np.array_equal(cache.after[asked], cache.after[AnswerQuery("gain", 1, ())])


def test_a_comparison_scores_once_whatever_is_replayed():
    counted = Counted()
    comparison = whole(logged(60)).with_scoring(counted)
    some = comparison.take(np.arange(0, 60, 2), "some")
    full, half = comparison.replay(TIERS), some.replay(TIERS)
    assert counted.asked == 60
    assert np.array_equal(full.take(np.arange(0, 60, 2)).answered, half.answered)
    comparison.replay(Tiers(scorer="length", models=("small", "large"), thresholds=(2.0,)))
    assert counted.asked == 60


def test_scores_of_parts_are_the_scores_of_the_whole():
    rows = np.array([5, 3, 8])
    cache = replay.RequestCache(logged(20), SCORING)
    part = cache.take(rows)
    assert np.array_equal(part.scores["length"], cache.scores["length"][rows])
    assert np.array_equal(part.about["characters"], cache.about["characters"][rows])
    assert part.request(1, text=True) == cache.request(3, text=True)


@pytest.mark.parametrize("run", [replay.run, replay.run_generator])
def test_a_policy_without_its_scorers_is_refused(run):
    with pytest.raises(PolicyError, match="the scorers are none; give `scoring`, which"):
        run(TIERS, logged(5))
    wrong = Utility(models=MODELS, quality="length")
    with pytest.raises(PolicyError) as caught:
        run(wrong, logged(5), scoring=SCORING)
    assert len(caught.value.problems) == 2


RULE = Rule(when=Match(min_characters=20), policy=Fixed(model="large"))


@pytest.mark.parametrize("policy", [TIERS, Conditional(rules=(RULE,), otherwise=CASCADE)])
@pytest.mark.parametrize("run", [replay.run, replay.run_generator])
def test_a_log_without_prompts_cannot_answer_a_policy_that_reads_them(policy, run):
    with pytest.raises(LogError, match="no prompt column"):
        run(policy, logged(5, prompts=False), scoring=SCORING)


def test_prompts_are_only_read_for_a_policy_that_reads_them():
    log = logged(9)
    object.__setattr__(log, "texts", None)
    replay.run(CASCADE, log, scoring=SCORING)
    gains = GainCascade(models=MODELS, gain="gain", signals=("sure",))
    assert replay.run(gains, log, scoring=SCORING).covered.all()


WINDOWS = Catalogue({"small": Model(context_window=5), "middle": Model(context_window=9)})


@pytest.mark.parametrize("run", [replay.run, replay.run_generator])
def test_a_prompt_that_a_model_cannot_hold_goes_past_it(run):
    log = logged(60)
    done = run(
        Cascade(models=MODELS, thresholds=(-1.0, -1.0), signal="sure"), log, catalogue=WINDOWS
    )
    tokens = [-(-len(prompt) // 4) for prompt in log.texts.prompts(np.arange(60))]
    expected = [0 if it <= 5 else 1 if it <= 9 else 2 for it in tokens]
    assert done.answered.tolist() == expected


@pytest.mark.parametrize("run", [replay.run, replay.run_generator])
@pytest.mark.parametrize("prefix", ["four", "is four of them", "x" * 100])
def test_a_candidates_prefix_takes_room_in_its_window(run, prefix):
    log, taken = logged(60), -(-len(prefix) // 4)
    small = Model(context_window=5, base="large", parameters=Parameters(prompt_prefix=prefix))
    world = Catalogue({**WINDOWS.models, "small": small})
    policy = Cascade(models=MODELS, thresholds=(-1.0, -1.0), signal="sure")
    done = run(policy, log, catalogue=world)
    tokens = [-(-len(prompt) // 4) for prompt in log.texts.prompts(np.arange(60))]
    expected = [0 if it <= 5 - taken else 1 if it <= 9 else 2 for it in tokens]
    assert done.answered.tolist() == expected


BOUNDS = {
    "small": CallEstimate(1e-4, 1.0),
    "middle": CallEstimate(5e-4, 1.0),
    "large": CallEstimate(4e-3, 1.0),
}


def limited(log, **bounds):
    columns = {name: None if it is None else np.asarray(it) for name, it in bounds.items()}
    return type(log)(**{**vars(log), "requests": Requests(id=log.requests.id, **columns)})


@pytest.mark.parametrize("run", [replay.run, replay.run_generator])
def test_no_call_is_predicted_to_exceed_the_budget(run):
    log = logged(80)
    budget = np.where(np.arange(80) % 2, np.nan, np.arange(80) / 80 * 6e-3)
    never = Cascade(models=MODELS, thresholds=(9.0, 9.0), signal="sure")
    free = replay.run(never, log)
    done = run(never, limited(log, max_cost_usd=budget), estimates=BOUNDS)
    assert (done.calls[1::2] == 3).all()
    assert np.array_equal(done.cost_usd[1::2], free.cost_usd[1::2])
    assert done.calls[0] == 0
    assert set(done.calls[::2]) == {0, 1, 2, 3}
    for row in range(0, 80, 2):
        spent = 0.0
        for step in range(int(done.calls[row])):
            predicted = BOUNDS[MODELS[step]].cost_usd
            assert spent + predicted <= budget[row]
            spent += float(log.cost_with("sure", (row, step)))


def test_a_bound_that_nothing_meets_is_an_error_that_says_why():
    log = limited(logged(3), deadline_s=np.full(3, 0.5), max_cost_usd=None)
    with pytest.raises(NoModelError, match=r"small would exceed 0\.5 s: 0 are used and 1"):
        replay.decide(CASCADE, log, 0, estimates=BOUNDS)
    done = replay.run(CASCADE, log, estimates=BOUNDS)
    assert (done.answered == -1).all()


def test_properties_of_requests_are_told_as_the_log_has_them():
    log = logged(6, task=True)
    cache = replay.RequestCache(log)
    assert cache.about["task"].tolist() == log.requests.task.tolist()
    assert cache.about["tenant"].tolist() == [""] * 6
    assert cache.about["needs"].tolist() == [()] * 6
    assert cache.about["script"].tolist() == ["Latin"] * 6
    assert objects(cache.about["characters"]).tolist() == [
        len(prompt) for prompt in log.texts.prompts(np.arange(6))
    ]
