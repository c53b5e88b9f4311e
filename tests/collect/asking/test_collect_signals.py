"""Confidence signals while collecting: their values, and what each costs and takes."""

from __future__ import annotations

import pytest
from answers_world import USD, cells, collected, models, prompts, said

from routelab import read

TOKENS = [
    {"token": "4", "logprob": -0.1, "top_logprobs": [{"token": "4", "logprob": -0.1},
                                                     {"token": "5", "logprob": -2.5}]},
    {"token": ".", "logprob": -0.5, "top_logprobs": [{"token": ".", "logprob": -0.5},
                                                     {"token": "!", "logprob": -0.9}]},
]  # fmt: skip


def test_token_log_probabilities_cost_nothing_more(tmp_path):
    source = prompts(tmp_path, 2)
    body = said("4.", choice={"logprobs": {"content": TOKENS}})
    signals = ("logprob_mean", "logprob_min", "margin")
    result, upstream = collected(source, models("small", "large"), lambda _: body, signals=signals)
    assert all(it["logprobs"] and it["top_logprobs"] == 2 for it in upstream.bodies)
    cell = cells(source)["q0", "small"]
    assert cell.logprobs == (-0.1, -0.5)
    assert cell.signals["logprob_mean"] == pytest.approx(-0.3)
    assert cell.signals["logprob_min"] == -0.5
    assert cell.signals["margin"] == pytest.approx((2.4 + 0.4) / 2)
    assert cell.signal_usd == dict.fromkeys(signals, 0.0)
    log = read(result.log, graded=False)
    assert set(log.signals) == set(signals)
    assert log.spec("margin").source == "margin"


def test_an_endpoint_without_log_probabilities_is_told_in_notes(tmp_path):
    source = prompts(tmp_path, 1)
    collected(source, models("small"), lambda _: said("4"), signals=("margin",))
    (cell,) = cells(source).values()
    assert cell.signals == {}
    assert "no token logprobs" in cell.notes[0]
    assert cell.outcome == "answered"


def test_agreement_pays_for_its_samples(tmp_path):
    source = prompts(tmp_path, 1)
    answers = iter(["4", "four", "4"])
    result, upstream = collected(
        source, models("small"), lambda _: said(next(answers)), signals=("agreement:3",)
    )
    assert [it["temperature"] for it in upstream.bodies] == [0.7] * 3
    assert not any("seed" in it for it in upstream.bodies)
    (cell,) = cells(source).values()
    assert (cell.answer, cell.samples) == ("4", ("four", "4"))
    assert cell.signals == {"agreement:3": 0.5}
    assert cell.cost_usd == pytest.approx(USD)
    assert cell.signal_usd == {"agreement:3": pytest.approx(2 * USD)}
    assert cell.spent_usd == pytest.approx(3 * USD)
    assert result.standing.spent_usd == pytest.approx(3 * USD)


@pytest.mark.parametrize(
    ("reply", "sure"),
    [("85", 0.85), ("85%", 0.85), ("I am 40 % sure", 0.4), ("100", 1.0), ("Very!", None),
     ("between 40 and 60", None), ("150", None), ("", None)],
)  # fmt: skip
def test_a_self_check_asks_about_the_answer_and_pays_for_it(tmp_path, reply, sure):
    source = prompts(tmp_path, 1)

    def say(body):
        return said(reply if len(body["messages"]) == 3 else "4")

    result, upstream = collected(source, models("small"), say, signals=("self_check",))
    first, second = upstream.bodies
    answer = {"role": "assistant", "content": "4"}
    assert list(second["messages"][:2]) == [*first["messages"], answer]
    (cell,) = cells(source).values()
    assert (cell.answer, cell.signals.get("self_check")) == ("4", sure)
    assert cell.signal_usd == {"self_check": pytest.approx(USD)}
    assert cell.cost_usd == pytest.approx(USD)
    assert result.standing.spent_usd == cell.spent_usd == pytest.approx(2 * USD)
    assert result.standing.arms[0].done == 1
    if sure is None:
        assert "self_check" in cell.notes[-1]


def test_an_answer_whose_run_ended_before_its_self_check_is_checked_by_the_next(tmp_path):
    source = prompts(tmp_path, 1)

    def say(body):
        return said("85" if len(body["messages"]) == 3 else "4")

    def killed(body):
        if len(body["messages"]) == 3:
            raise MemoryError("killed")
        return said("4")

    with pytest.raises(MemoryError):
        collected(source, models("small"), killed, signals=("self_check",), at_once=1)
    (cell,) = cells(source).values()
    assert (cell.answer, dict(cell.signals)) == ("4", {})
    result, upstream = collected(source, models("small"), say, signals=("self_check",))
    (only,) = upstream.bodies
    assert only["messages"][1]["content"] == "4", "the answer itself is not asked for again"
    (cell,) = cells(source).values()
    assert (cell.answer, cell.signals) == ("4", {"self_check": 0.85})
    assert result.standing.spent_usd == cell.spent_usd == pytest.approx(2 * USD)
    assert result.standing.unknown_usd > 0.0, "the check that was under way may be billed"
    _, upstream = collected(source, models("small"), say, signals=("self_check",))
    assert upstream.bodies == []
