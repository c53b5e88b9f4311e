"""Collect: what is sent, what is kept of what comes back, and what it may cost."""

from __future__ import annotations

import asyncio

import pytest
from answers_world import USD, Models, cells, collected, models, prompts, said

from routelab import read
from routelab.collect import Collection, CollectOptions, collect, plan_collection
from routelab.core.catalogue import Parameters
from routelab.errors import CollectError, ConfigError
from routelab.runtime import Reply, UpstreamError


def test_each_request_is_asked_of_each_model_once_with_the_same_body(tmp_path):
    source = prompts(tmp_path, 5)
    result, upstream = collected(source, models("small", "large"), lambda _: said("4"))
    assert result.standing.left == 0
    asked = [(it["model"], it["messages"][0]["content"]) for it in upstream.bodies]
    assert len(asked) == len(set(asked)) == 10
    for body in upstream.bodies:
        rest = {name: it for name, it in body.items() if name not in ("model", "messages")}
        assert rest == {"temperature": 0.0, "seed": 0, "max_tokens": 1024}
    found = cells(source)
    assert len(found) == 10
    only = found["q3", "large"]
    assert (only.answer, only.finish, only.outcome) == ("4", "stop", "answered")
    assert (only.prompt_tokens, only.completion_tokens) == (100, 10)
    assert only.cost_usd == only.spent_usd == pytest.approx(USD)
    assert result.standing.spent_usd == pytest.approx(10 * USD)


def test_the_log_can_be_graded_and_tuned_on(tmp_path):
    source = prompts(tmp_path, 6)
    result, _ = collected(source, models("small", "large"), lambda _: said("4"))
    log = read(result.log, graded=False)
    assert (len(log), log.models) == (6, ("small", "large"))
    assert log.cost_usd.max() == pytest.approx(USD)
    with Collection(result.log.parent) as found:
        assert {it.columns["reference"] for it in found.requests} == {*"123456"}


def test_a_second_run_asks_nothing(tmp_path):
    source = prompts(tmp_path, 4)
    collected(source, models("small"), lambda _: said("4"))
    before = cells(source)
    result, upstream = collected(source, models("small"), lambda _: said("other"))
    assert upstream.bodies == []
    assert (result.standing.done, result.standing.left) == (4, 0)
    assert cells(source) == before


def test_another_model_joins_a_finished_collection(tmp_path):
    source = prompts(tmp_path, 4)
    collected(source, models("small"), lambda _: said("4"))
    result, upstream = collected(source, models("large"), lambda _: said("5"))
    assert {it["model"] for it in upstream.bodies} == {"large"}
    assert any("large: asked from now on, beside small" in it for it in result.notes)
    assert read(result.log, graded=False).models == ("small", "large")


def test_an_arm_is_a_model_with_parameters_of_its_own(tmp_path):
    think = Parameters(reasoning_effort="high", temperature=1.0, max_tokens=64)
    catalogue = models("small", parameters=think, base="tiny")
    _, upstream = collected(prompts(tmp_path, 1), catalogue, lambda _: said("4"))
    (body,) = upstream.bodies
    assert (body["reasoning_effort"], body["temperature"], body["max_tokens"]) == ("high", 1.0, 64)


OUTCOMES = {
    "answered": said("4"),
    "cut": said("4 is", choice={"finish_reason": "length"}),
    "refused": said(None, message={"refusal": "I will not"}),
    "empty": said("  "),
    "failed": Reply(400, {"error": {"message": "tools: bad value"}}),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_outcomes_are_kept_apart(tmp_path, outcome):
    source = prompts(tmp_path, 2)
    result, _ = collected(source, models("small", "large"), lambda _: OUTCOMES[outcome])
    assert {it.outcome for it in cells(source).values()} == {outcome}
    assert result.standing.arms[0].outcomes == {outcome: 2}
    log = read(result.log, graded=False)
    assert log.error.all() == (outcome == "failed")


def test_a_content_filter_of_the_provider_is_a_refusal(tmp_path):
    source = prompts(tmp_path, 1)
    body = {"error": {"code": "content_filter", "message": "flagged"}}
    collected(source, models("small"), lambda _: Reply(400, body))
    (cell,) = cells(source).values()
    assert (cell.outcome, cell.failure) == ("refused", "filtered")


def test_requests_over_a_context_window_are_told_and_never_sent(tmp_path):
    source = prompts(tmp_path, 3, "word " * 40 + "{}")
    catalogue = models("small", context_window=20)
    plan, _ = plan_collection(source, None, catalogue, CollectOptions(max_usd=1.0))
    assert (plan.arms[0].calls, plan.arms[0].too_long, plan.most_usd) == (0, 3, 0.0)
    result, upstream = collected(source, catalogue, lambda _: said("4"))
    assert upstream.bodies == []
    assert any("3 requests are longer than the context window of 'small'" in it
               for it in result.notes)  # fmt: skip
    assert {it.outcome for it in cells(source).values()} == {"too_long"}


def test_failures_that_pass_are_asked_again_and_others_are_not(tmp_path):
    replies = iter([Reply(503, {}), UpstreamError("cut", "cut"), said("4")])
    source = prompts(tmp_path, 1)
    collected(source, models("small"), lambda _: next(replies), at_once=1)
    (cell,) = cells(source).values()
    assert (cell.outcome, cell.attempts) == ("answered", 3)
    assert cell.unknown_usd > 0.0, "the one that was cut may be billed"


def test_a_reply_that_is_no_json_is_asked_again_and_may_be_billed(tmp_path):
    replies = iter([Reply(200, b'{"choices": [{"mess'), said("4")])
    source = prompts(tmp_path, 1)
    result, _ = collected(source, models("small"), lambda _: next(replies), at_once=1)
    assert [it.outcome for it in cells(source).values()] == ["answered"]
    assert result.standing.unknown_usd > 0.0


def test_failed_cells_are_asked_again_where_that_is_wanted(tmp_path):
    source = prompts(tmp_path, 3)
    bad = Reply(400, {"error": {"message": "no"}})
    result, _ = collected(source, models("small"), lambda _: bad)
    assert result.standing.arms[0].outcomes == {"failed": 3}
    result, upstream = collected(source, models("small"), lambda _: said("4"))
    assert upstream.bodies == []
    planned = [
        plan_collection(
            source, tmp_path / "mine.collection", models("small"), CollectOptions(**options)
        )[0].arms[0].calls
        for options in ({"max_usd": 1.0}, {"max_usd": 1.0, "retry": True})
    ]  # fmt: skip
    assert planned == [0, 3]
    result, upstream = collected(source, models("small"), lambda _: said("4"), retry=True)
    assert result.standing.arms[0].outcomes == {"answered": 3}
    assert len(upstream.bodies) == 3


def test_a_key_that_is_refused_stops_its_model_and_no_other(tmp_path):
    source = prompts(tmp_path, 9)

    def say(body):
        if body["model"] == "large":
            return Reply(
                401, {"error": {"code": "invalid_api_key", "message": "Incorrect API key"}}
            )
        return said("4")

    result, upstream = collected(source, models("small", "large"), say)
    small, large = result.standing.arms
    assert (small.done, large.done, large.left) == (9, 0, 9)
    assert "key" in large.stopped
    assert sum(it["model"] == "large" for it in upstream.bodies) <= 2
    assert result.standing.unknown_usd == 0.0


def test_a_model_that_answers_nothing_is_left_for_another_run(tmp_path):
    source = prompts(tmp_path, 3)
    result, _ = collected(
        source, models("small"), lambda _: UpstreamError("refused"), patience_s=0.05
    )
    assert result.standing.left == 3
    assert "answered nothing for 0.05 s" in result.standing.stopped
    assert cells(source) == {}


def test_a_model_that_waited_for_a_slow_one_may_fail_once(tmp_path):
    source, failed = prompts(tmp_path, 80), []

    class Uneven(Models):
        async def send(self, outgoing):
            asked = [it["model"] for it in self.bodies]
            if outgoing.body["model"] == "large":
                await asyncio.sleep(0.3 if "large" not in asked else 0)
            elif "large" in asked and len(failed) < 4:  # more than one call is tried
                failed.append(outgoing)
                return Reply(503, {"error": {"message": "overloaded"}})
            return await super().send(outgoing)

    how = CollectOptions(max_usd=1.0, at_once=1, patience_s=0.2)
    out = tmp_path / "mine.collection"
    upstream = Uneven(lambda _: said("4"))
    result = asyncio.run(collect(source, out, models("small", "large"), how, upstream=upstream))
    assert len(failed) == 4
    assert (result.standing.left, result.standing.stopped) == (0, "")


@pytest.mark.parametrize("at_once", [1, 7])
def test_money_is_never_overspent_and_more_of_it_goes_on(tmp_path, at_once):
    source = prompts(tmp_path, 30)
    limit = 0.006  # of which one answer reserves up to 2.1e-3, and all answers cost 7.2e-3
    result, upstream = collected(
        source, models("small", "large"), lambda _: said("4"), max_usd=limit, at_once=at_once
    )
    assert len(upstream.bodies) * USD == pytest.approx(result.standing.spent_usd)
    assert limit - 2.2e-3 < result.standing.spent_usd <= limit
    assert "`max_usd` leaves no room" in result.standing.stopped
    done = {it.done for it in result.standing.arms}
    assert max(done) - min(done) <= 2 * at_once
    result, _ = collected(source, models("small", "large"), lambda _: said("4"))
    assert result.standing.left == 0


def test_who_waits_for_money_waits_for_an_answer(tmp_path, monkeypatch):
    from routelab.collect.asking import money

    made, sent = [], []
    make = money.CollectionBudget.make

    async def counted(self, *given):
        made.append(given)
        return await make(self, *given)

    class Slow(Models):
        async def send(self, outgoing):
            for _ in range(200):  # turns of the event loop, in which others may be asked for
                await asyncio.sleep(0)
            sent.append(outgoing)
            return await super().send(outgoing)

    monkeypatch.setattr(money.CollectionBudget, "make", counted)
    source = prompts(tmp_path, 10)
    how = CollectOptions(max_usd=0.0025, at_once=6)  # of which one answer reserves 2.1e-3
    out = tmp_path / "mine.collection"
    upstream = Slow(lambda _: said("4"))
    result = asyncio.run(collect(source, out, models("small"), how, upstream=upstream))
    assert len(sent) == result.standing.done
    assert len(made) <= 6 * (len(sent) + 2)


def test_a_limit_that_is_spent_already_is_told(tmp_path):
    source = prompts(tmp_path, 3)
    collected(source, models("small"), lambda _: said("4"))
    with pytest.raises(CollectError, match=r"`max_usd` is 1e-05, and 0\.00036 USD are spent"):
        collected(source, models("small"), lambda _: said("4"), max_usd=1e-5)


def test_models_without_a_price_are_refused_before_anything_is_asked(tmp_path):
    from msgspec.structs import replace

    source, catalogue = prompts(tmp_path, 1), models("small")
    free = replace(catalogue, models={"small": replace(catalogue.models["small"],
                                                       input_usd_per_mtok=None)})  # fmt: skip
    with pytest.raises(CollectError, match=r"models\.small: has no prices"):
        collected(source, free, lambda _: said("4"))
    assert not (tmp_path / "mine.collection").exists()
    result, _ = collected(source, free, lambda _: said("4"), max_usd=float("inf"))
    assert result.standing.done == 1


def test_prices_that_change_midway_hold_from_then_on(tmp_path):
    from msgspec.structs import replace

    source, catalogue = prompts(tmp_path, 4), models("small")
    collected(source, catalogue, lambda _: said("4"), requests=2)
    dear = replace(catalogue.models["small"], input_usd_per_mtok=3.0)
    result, _ = collected(source, replace(catalogue, models={"small": dear}), lambda _: said("4"))
    assert any("model 'small' has other prices" in it for it in result.notes)
    costs = sorted(it.cost_usd for it in cells(source).values())
    assert costs == pytest.approx([USD, USD, USD + 200e-6, USD + 200e-6])
    with Collection(tmp_path / "mine.collection") as found:
        (arm,) = found.manifest.arms
    assert [it.input_usd_per_mtok for _, it in arm.before] == [1.0]


def test_wrong_usage_is_reserved_and_not_believed(tmp_path):
    source = prompts(tmp_path, 1)
    body = {**said("4"), "usage": {"prompt_tokens": "many"}}
    result, _ = collected(source, models("small"), lambda _: body)
    (cell,) = cells(source).values()
    assert (cell.answer, cell.cost_usd, cell.spent_usd) == ("4", None, 0.0)
    assert result.standing.unknown_usd == cell.unknown_usd > 1e-3


def test_an_answer_of_megabytes_and_half_characters_is_kept(tmp_path):
    source = prompts(tmp_path, 1)
    collected(source, models("small"), lambda _: said("x" * 5_000_000 + "\ud800"))
    (cell,) = cells(source).values()
    assert cell.answer == "x" * 5_000_000 + "?"


def test_stopping_sees_through_what_is_under_way(tmp_path):
    source = prompts(tmp_path, 40)
    out, held = tmp_path / "mine.collection", []

    def say(_):
        if len(upstream.bodies) == 10:
            held[0].stop("enough")
        return said("4")

    upstream = Models(say)
    how = CollectOptions(max_usd=1.0, at_once=4)
    result = asyncio.run(
        collect(
            source, out, models("small"), how, upstream=upstream,
            begun=lambda collector, _: held.append(collector),
        )
    )  # fmt: skip
    assert result.standing.stopped == "enough"
    assert result.standing.done == len(upstream.bodies) < 20
    assert result.standing.unknown_usd == 0.0


@pytest.mark.parametrize(
    ("options", "said_"),
    [
        ({"max_usd": -1.0}, "`max_usd` is -1.0; give USD"),
        ({"max_usd": 1.0, "max_tokens": 0}, "`max_tokens` is 0"),
        ({"max_usd": 1.0, "requests": "5"}, "`requests` is '5'"),
        ({"max_usd": 1.0, "requests": 2.0}, "`requests` is 2.0"),
        ({"max_usd": 1.0, "temperature": "hot"}, "`temperature` is 'hot'"),
        ({"max_usd": 1.0, "signals": ("wrong",)}, "no signal source 'wrong'"),
        ({"max_usd": 1.0, "signals": ("agreement:3",), "temperature": 0.0}, "samples are alike"),
        ({"max_usd": 1.0, "fields": {"n": 2}}, "`fields` has 'n', which routelab writes itself"),
        ({"max_usd": 1.0, "modles": ()}, "modles"),
    ],
)
def test_options_that_make_no_sense_are_named(options, said_):
    with pytest.raises(ConfigError, match=said_):
        CollectOptions(**options)


def test_models_that_cannot_be_asked_are_named(tmp_path):
    source = prompts(tmp_path, 1)
    with pytest.raises(CollectError, match="'smal'"):
        collected(source, models("small"), lambda _: said("4"), models=("smal",))


def test_something_else_at_out_is_left_alone(tmp_path):
    source = prompts(tmp_path, 1)
    out = tmp_path / "mine.collection"
    out.mkdir()
    (out / "thesis.tex").write_text("all of it", encoding="utf-8")
    with pytest.raises(CollectError, match=r"is no collection \(it holds thesis\.tex\)"):
        collected(source, models("small"), lambda _: said("4"))
    assert [it.name for it in out.iterdir()] == ["thesis.tex"]


def test_what_could_not_begin_leaves_nothing(tmp_path):
    source = tmp_path / "asked.csv"
    source.write_text("question\nwhy?\n", encoding="utf-8")
    with pytest.raises(CollectError, match="has no prompt"):
        collected(source, models("small"), lambda _: said("4"))
    assert [it.name for it in tmp_path.iterdir()] == ["asked.csv"]


def test_a_plan_of_other_arguments_is_refused_as_the_run_would_be(tmp_path):
    source = prompts(tmp_path, 2)
    collected(source, models("small"), lambda _: said("4"))
    how = CollectOptions(max_usd=1.0, max_tokens=9)
    with pytest.raises(CollectError, match="max_tokens was 1024, and is 9"):
        plan_collection(source, tmp_path / "mine.collection", models("small"), how)


def test_a_plan_expects_what_was_seen(tmp_path):
    source = prompts(tmp_path, 20)
    how = CollectOptions(max_usd=1.0, at_once=2)
    plan, _ = plan_collection(source, None, models("small"), how)
    (arm,) = plan.arms
    assert (arm.calls, arm.seen, arm.completion_tokens) == (20, 0, 20 * 256)
    assert arm.seconds is None
    collected(source, models("small"), lambda _: said("4"), requests=5)
    out = tmp_path / "mine.collection"
    plan, _ = plan_collection(source, out, models("small"), how)
    (arm,) = plan.arms
    assert (arm.calls, arm.seen, arm.completion_tokens) == (15, 5, 150)
    assert arm.seconds is not None
    assert arm.usd < arm.most_usd


def test_a_plan_of_what_is_over_costs_nothing_though_answers_have_no_bound(tmp_path):
    source = prompts(tmp_path, 2)
    unbound = {"fields": {"max_tokens": None}, "max_usd": float("inf"), "signals": ("self_check",)}
    collected(source, models("small"), lambda _: said("4"), **unbound)
    out = tmp_path / "mine.collection"
    plan, _ = plan_collection(source, out, models("small"), CollectOptions(**unbound))
    assert (plan.usd, plan.most_usd) == (0.0, 0.0)


def test_a_plan_counts_the_answers_in_the_prompts_of_self_checks(tmp_path):
    source = prompts(tmp_path, 1)
    plain, checked = (
        plan_collection(
            source, None, models("small"), CollectOptions(max_usd=1.0, signals=signals)
        )[0].arms[0]
        for signals in ((), ("self_check",))
    )
    answer = 1024e-6  # as input, at 1 USD per million tokens; as output it costs twice that
    assert checked.most_usd > 2 * plain.most_usd + answer
