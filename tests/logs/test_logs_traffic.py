"""What a card says of the traffic that a policy was tuned on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from routelab.logs import read, traffic
from routelab.policy_file import load


@pytest.fixture(name="log")
def mixed(tmp_path):
    lines = ["request_id,model,quality,cost_usd,prompt,task,timestamp"]
    for at in range(40):
        prompt = "что это такое" if at < 10 else f"what is this {'x' * at}" if at < 38 else "same"
        for model in ("small", "large"):
            if at == 0 and model == "large":
                continue
            day = 1 + at // 2
            lines.append(f"r{at},{model},1,0.001,{prompt},t{at % 2},2026-03-{day:02}T00:00:00Z")
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read(path)


def test_traffic_is_told_in_words(log):
    told = traffic(log, ("small",), asked=True)
    assert told["requests"].startswith("40 requests, 97.5% with an outcome of every model")
    assert told["scripts"] == "Latin 75%, Cyrillic 25%"
    assert told["tasks"] == "t0 50%, t1 50%"
    assert told["period"] == "2026-03-01 to 2026-03-20"
    assert told["models"] == "small, named by the user; not compared: large"
    lengths = np.array([len(it) for it in log.texts.prompts(np.arange(40))])
    assert f"longer than {np.median(lengths):,.0f} characters" in told["texts"]
    assert "25.0% repeat an earlier one" in told["texts"]


def test_what_messages_hold_besides_prompts_is_told(tmp_path):
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"}]
    rows = [
        {"request_id": f"r{at}", "model": model, "quality": 1, "cost_usd": 0.1, "messages": said}
        for at in range(4)
        for model in ("small", "large")
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    told = traffic(read(path), ("small", "large"), asked=False)
    assert told["texts"].startswith("messages with system text, half of them longer than 5 ")


def test_what_a_log_lacks_is_said(tmp_path):
    path = tmp_path / "log.csv"
    rows = [f"r{at},{model},1,0.001" for at in range(30) for model in ("a", "b")]
    path.write_text("\n".join(["request_id,model,quality,cost_usd", *rows]) + "\n")
    told = traffic(read(path), ("a", "b"), asked=False)
    assert told["requests"] == "30 requests, all with an outcome of every model"
    assert told["texts"] == "no prompts are logged"
    assert told["tasks"] == "no tasks are logged"
    assert "no timestamps" in told["period"]
    assert told["models"] == "a, b, all that are in the log"
    assert "scripts" not in told


def test_the_card_and_the_study_hold_it(tuned):
    card = (tuned.policy / "card.md").read_text(encoding="utf-8")
    held = load(tuned.policy).document.provenance["traffic"]
    assert held == traffic(tuned.study.log, tuned.study.test.models, asked=False)
    for about, text in held.items():
        assert f"- {about}: {text}" in card
    prompts = tuned.study.log.texts.prompts(np.arange(len(tuned.study.log)))
    assert not any(prompt[:80] in card for prompt in prompts)
