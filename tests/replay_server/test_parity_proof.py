"""The proof by HTTP and the card: both must be able to say something unpleasant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from routelab.core.catalogue.catalogue import Catalogue
from routelab.core.messages import markdown_text
from routelab.core.signal_spec import SignalSpec
from routelab.errors import LogError, UncoveredError
from routelab.gates import Function, Length
from routelab.logs.formats.texts import TextsInMemory
from routelab.policies import Cascade, Fallback, Fixed, Gated, Mixture, to_wire
from routelab.policy_file import Document, write
from routelab.policy_file.card import markdown_table, policy_card, seconds_text
from routelab.replay_server.parity import Parity, prove_parity

CASCADE = Cascade(("small-8b", "medium-70b", "frontier"), (0.8, 0.7), "confidence")


ZERO = ("quality", "cost_usd", "prompt_tokens", "completion_tokens")
"""What a failed call has none of."""


def document(policy, catalogue, **more):
    specs = {name: SignalSpec(multiplier=1.0) for name in policy.signals_used}
    candidates = tuple(catalogue.models) or policy.models_used
    fields = {"name": "x", "policy": to_wire(policy), "candidates": candidates}
    return Document(**fields, catalogue=catalogue, signals=specs, **more)


@pytest.fixture
def requests(tuned):
    """A few test requests, some of whose calls failed and some of which need tools."""
    log = tuned.study.test.log.take(np.arange(60))
    error = log.error.copy()
    error[::7, 0] = error[::11, -1] = True
    needs = np.empty(60, dtype=object)
    needs[:] = [("tools",) if row % 5 == 0 else () for row in range(60)]
    signals = {
        name: np.asfortranarray(np.where(error, np.nan, it)) for name, it in log.signals.items()
    }
    return replace(
        log,
        signals=signals,
        error=np.asfortranarray(error),
        **{name: np.asfortranarray(np.where(error, 0.0, getattr(log, name))) for name in ZERO},
        requests=replace(log.requests, needs=needs),
    )


@pytest.mark.parametrize("policy", [CASCADE, Mixture(CASCADE, Fixed("large"), 0.4)])
def test_parity_holds_over_failures_needs_and_draws(policy, tuned, requests, tmp_path):
    made = write(tmp_path / "x.policy", document(policy, tuned.study.catalogue, seed=5), "# x\n")
    proved = prove_parity(made, requests)
    assert proved.different == ()
    assert str(proved) == "parity: 60/60 decisions, cost equal"
    assert proved.holds


def test_requests_that_go_beyond_the_log_are_left_out_and_counted(tuned, requests, tmp_path):
    def proved(most):
        policy = Gated(CASCADE, (Length(most=most),), again=1)
        it = document(policy, tuned.study.catalogue)
        return prove_parity(write(tmp_path / "x.policy", it, "# x\n"), requests)

    some = proved(300)
    assert some.holds
    assert 0 < some.n < 60
    assert some.n + some.uncovered == 60
    with pytest.raises(UncoveredError, match="changed messages is in no log"):
        proved(1)


def judged(log, verdicts):
    """The log with a column of what a function of the house said of each answer."""
    column = np.asfortranarray(np.where(log.error, np.nan, verdicts))
    return replace(log, signals={**log.signals, "gate:house": column})


def test_logged_verdicts_answer_for_a_gate_function_where_no_text_is_logged(
    tuned, requests, tmp_path
):
    policy = Fallback((Gated(CASCADE, (Function("house"),)), Fixed("large")))
    made = write(tmp_path / "x.policy", document(policy, tuned.study.catalogue), "# x\n")
    prompts = TextsInMemory(requests.texts.prompts(np.arange(60)))
    third = np.repeat(np.arange(60)[:, None] % 3 > 0, len(requests.models), axis=1)
    proved = prove_parity(made, judged(replace(requests, texts=prompts), third))
    assert (proved.holds, proved.n) == (True, 60)


def test_a_gate_function_is_answered_for_by_its_logged_verdicts(tuned, requests, tmp_path):
    answers = [requests.texts.responses(np.arange(60), name) for name in requests.models]
    even = np.array([[len(text or "") % 2 == 0 for text in one] for one in answers]).T
    policy = Fallback((Gated(CASCADE, (Function("house"),)), Fixed("large")))
    made = write(tmp_path / "x.policy", document(policy, tuned.study.catalogue), "# x\n")
    log = judged(requests, even)
    proved = prove_parity(made, log)
    assert (proved.holds, proved.n, proved.uncovered) == (True, 60, 0)
    assert proved.replayed_usd != prove_parity(made, judged(requests, True)).replayed_usd
    silent = {name: [""] * 60 for name in log.models}
    mute = replace(log, texts=TextsInMemory(log.texts.prompts(np.arange(60)), silent))
    with pytest.raises(LogError, match="two answers of the same text, or without one"):
        prove_parity(made, mute)


def test_models_without_an_endpoint_are_served_all_the_same(requests, tmp_path):
    made = write(tmp_path / "x.policy", document(CASCADE, Catalogue()), "# x\n")
    proved = prove_parity(made, requests)
    assert proved.holds
    assert proved.n == 60


def test_equal_decisions_at_another_price_are_no_parity():
    assert not Parity(2, 2, 1.0, 1.0 + 1e-12, ()).holds
    assert not Parity(2, 1, 1.0, 1.0, ("a",)).holds


def test_a_card_names_policies_inside_policies_and_unknown_prices():
    policy = Mixture(CASCADE, Fixed("large"), 0.4)
    text = policy_card(
        document(policy, Catalogue().only(("small-8b", "medium-70b", "frontier", "large")))
    )
    assert "Not evaluated." in text
    for part in ("mixture", "cascade", "fixed", "0.8, 0.7", "`confidence`", "not known"):
        assert part in text


def test_a_card_shows_verdict_figures_baselines_and_origin(tuned):
    text = (tuned.policy / "card.md").read_text()
    study = tuned.study
    assert f"Verdict: **{study.verdict.word}**" in text
    assert f"{study.figures.quality:.4f}" in text
    assert study.log.sha256 in text
    for it in study.figures.baselines:
        assert f"| {markdown_text(it.name)} |" in text
    assert "Split by time, prompt kept together" in text


def test_cells_of_a_card_cannot_break_its_table():
    assert markdown_table(("a|b",), [("c|d",)]).splitlines() == [
        "| a\\|b |",
        "| --- |",
        "| c\\|d |",
    ]


def test_a_latency_that_was_not_observed_says_so():
    assert seconds_text(None) == "not observed"
    assert seconds_text(1.234) == "1.23 s"
