"""`routelab data describe`: what it proposes, refuses and misses."""

from __future__ import annotations

import numpy as np
from cli_world import rows_of, save, without


def with_columns(n=400):
    rng = np.random.default_rng(0)
    return [
        {**row, "confidence": row["sure"], "entropy": 1 - row["sure"], "tokens": 7 + i % 5}
        | {"thumbs_up": int(row["quality"] > 0.5), "copied": 3 * row["quality"]}
        | {"noisy": row["quality"] + rng.normal(0, 0.5)}
        for i, row in enumerate(without(rows_of(n)))
    ]


def test_columns_are_proposed_with_the_command_and_refused_with_the_reason(run, tmp_path):
    log = save(tmp_path / "log.csv", with_columns())
    out = " ".join(run.ok("data", "describe", log).out.split())
    for part in (
        "signals: none was asked for",
        "add --signal confidence --signal reversed:entropy",
        "reversed: the higher entropy, the more answers are wrong",
        "it is --signal reversed:entropy",
        "no signal: thumbs_up, as by its name it is known only after an answer was graded",
        "no signal: tokens, as by its name it counts",
        "no signal: copied, as it copies the label",
        "noisy looks like a label with noise",
    ):
        assert part in out
    found = {
        it["column"]: it
        for it in run.ok("data", "describe", log, "--json").data["proposed_signals"]
    }
    assert [name for name, it in found.items() if it["likely"]] == ["confidence", "entropy"]
    assert found["entropy"]["signal"] == "reversed:entropy"
    quality = found["confidence"]["quality"]["small"]
    assert 0.5 < quality["auroc_low"] < quality["auroc"] < quality["auroc_high"] < 1


def test_what_is_asked_for_is_measured_and_warned_of(run, tmp_path):
    log = save(tmp_path / "log.csv", with_columns())
    asked = ("--signal", "entropy", "--signal", "copied", "--signal", "confidence:3")
    told = run.ok("data", "describe", log, *asked, "--json").data
    assert list(told["signals"]) == ["confidence", "entropy", "copied"]
    assert any("signal 'copied' is refused" in it for it in told["warnings"])
    assert any("--signal reversed:entropy" in it for it in told["warnings"])
    assert not any("'confidence'" in it for it in told["warnings"] if "noise" not in it)


def test_a_log_without_quality_and_cost_is_described(run, tmp_path):
    rows = without(with_columns(), "quality", "cost_usd", "thumbs_up")
    rows = [{**row, "is_correct": 1} for row in rows]
    log = save(tmp_path / "log.csv", rows)
    out = " ".join(run.ok("data", "describe", log).out.split())
    assert "log.csv: 400 requests" in out
    assert "no quality: nobody graded these answers" in out
    assert "--column quality=is_correct" in out
    assert "no cost of small, large" in out
    says = run.refused("tune", log)
    assert "By name it may be is_correct" in says
    assert "give a cost_usd column" in run.refused("tune", log, "--column", "quality=is_correct")


def test_prompts_alone_are_described(run, tmp_path):
    log = save(tmp_path / "log.csv", [{"prompt": f"question {i % 7}"} for i in range(20)])
    told = run.ok("data", "describe", log, "--json").data
    assert told["requests"] == 20
    assert told["prompts"]["distinct"] == 7
    assert any("--column model=COLUMN" in it or "`columns=" in it for it in told["notes"])


def test_outcomes_that_miss_by_task_are_warned_of(run, tmp_path):
    rows = [{**row, "task": "hard" if i % 4 < 2 else "easy"} for i, row in enumerate(rows_of(600))]
    gone = [row for row in rows if row["model"] == "large" and row["task"] == "hard"]
    for row in gone[: len(gone) * 2 // 3]:
        row["quality"] = ""
    (warning,) = run.ok("data", "describe", save(tmp_path / "log.csv", rows), "--json").data[
        "warnings"
    ]
    assert "outcomes of large are missing, most in the tasks hard (67%)" in warning
    assert "with the log's mix of tasks" in warning


def test_what_all_answers_share_is_said_as_it_is(run, tmp_path):
    failed = [{**row, "error": "429"} for row in with_columns(40)]
    out = " ".join(run.ok("data", "describe", save(tmp_path / "failed.csv", failed)).out.split())
    assert "every call of small failed, 40 of them" in out
    assert "nobody graded" not in out
    alike = save(tmp_path / "alike.csv", [{**row, "quality": 1} for row in with_columns(40)])
    out = " ".join(run.ok("data", "describe", alike).out.split())
    assert "every answer has quality 1: no router can be told from another" in out
    usual = save(tmp_path / "usual.csv", with_columns(40))
    assert "no router" not in run.ok("data", "describe", usual).out


def test_what_gives_costs_is_named(run, tmp_path):
    log = save(tmp_path / "log.csv", without(with_columns(40), "cost_usd"))
    out = " ".join(run.ok("data", "describe", log).out.split())
    assert "--prices FILE.csv with prices of tokens" in out
    assert "or of calls (usd_per_request)" in out
    assert "or of calls (usd_per_request)" in run.refused("tune", log)
