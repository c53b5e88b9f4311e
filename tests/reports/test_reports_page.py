from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from reports_world import Page, data_of

from routelab.cli import main
from routelab.logs import Log
from routelab.policy_file import load
from routelab.reports import Report, render, replayed
from routelab.tuning.study.export import as_json, save

PLAIN = ("--policy", "cascade")

CHAPTERS = (
    "Cost and quality", "Thresholds", "Confidence signal", "Requests, money, time",
    "Where it loses", "Can it be trusted", "Provenance",
)  # fmt: skip


@pytest.fixture(scope="module")
def report(tuned) -> Report:
    return render(data_of(tuned.study))


@pytest.fixture(scope="module")
def page(report: Report) -> Page:
    return Page(report.html)


def test_every_chapter_is_there_in_both_forms(report, page):
    text = report.markdown.decode()
    assert page.whole
    for chapter in CHAPTERS:
        assert chapter in page.text
        assert f"## {chapter}" in text


def test_the_verdict_comes_first_in_one_sentence(tuned, report, page):
    word = tuned.study.verdict.word.capitalize()
    heading = re.search(rb"<h1>(.*?)</h1>", report.html)
    assert heading is not None
    sentence = heading[1].decode()
    assert len(re.findall(r"\.(?= |$)", sentence)) == 1
    assert page.text.index(word) < page.text.index(CHAPTERS[0] + " ")
    assert report.markdown.decode().splitlines()[0] == f"# sample: {word}"


def test_figures_are_the_study_s_own(tuned, page, report):
    test = tuned.study.figures
    for told in (page.text, report.markdown.decode()):
        assert f"{test.quality:.3f}" in told
        assert f"{test.quality_ci[0]:.3f} to {test.quality_ci[1]:.3f}" in told
        assert f"{test.n_requests:,}" in told


def test_every_figure_says_what_it_shows(page):
    plots = page.named("svg")
    assert len(plots) > 8
    assert all(it["role"] == "img" and len(it["aria-label"] or "") > 30 for it in plots)


def test_the_page_needs_no_other_file_and_no_network(report, page):
    places = [
        value
        for _, attributes in page.tags
        for key, value in attributes.items()
        if key in ("src", "href") and value
    ]
    assert all(value.startswith(("#", "data:")) for value in places)
    assert b"@import" not in report.html
    assert not re.search(rb"url\((?!#)", report.html)


def test_references_inside_drawings_lead_somewhere_once(report):
    ids = re.findall(rb'\bid="([^"]+)"', report.html)
    used = set(re.findall(rb'(?:href="|url\()#([^")]+)', report.html))
    assert len(ids) == len(set(ids))
    assert used <= set(ids)


def test_colours_of_drawings_are_the_page_s(report):
    plots = b"".join(re.findall(rb"<svg.*?</svg>", report.html, flags=re.DOTALL))
    assert b"var(--ours)" in plots
    assert not re.search(rb"(?:fill|stroke): #(?!ffffff|000000)", plots)


def test_same_data_same_bytes_in_another_process(tuned, tmp_path, report):
    source = tmp_path / "study.json"
    source.write_text(json.dumps(data_of(tuned.study)))
    code = (
        "import json, pathlib, sys; from routelab.reports import render;"
        "r = render(json.loads(pathlib.Path(sys.argv[1]).read_text()));"
        "pathlib.Path(sys.argv[2]).write_bytes(r.html + r.markdown)"
    )
    out = tmp_path / "out"
    command = [sys.executable, "-c", code, str(source), str(out)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    assert out.read_bytes() == report.html + report.markdown


def test_a_study_in_memory_and_its_stored_data_give_the_same_page(tuned, report):
    assert render(as_json(tuned.study)) == report


def test_no_prompt_is_part_of_it(tuned, sample_log: Log, report):
    rows = tuned.study.test.coverage.rows[:50]
    assert sample_log.texts is not None
    for prompt in sample_log.texts.prompts(rows):
        assert prompt[:60].encode() not in report.html
        assert prompt[:60].encode() not in report.markdown


def test_replaying_the_policy_s_log_repeats_the_verdict_and_says_what_is_missing(
    tuned, sample_log: Log, report
):
    data = replayed(load(tuned.policy), sample_log, "test")
    again = Page(render(data).html)
    assert data["verdict"] == tuned.study.verdict.word
    assert "the front of the policies that were tried is missing" in again.text
    stored = data_of(tuned.study)
    for key in ("test", "operating_points", "breakdown", "splits"):
        assert json.loads(json.dumps(data[key])) == stored[key]


def test_a_policy_of_another_log_gets_figures_but_no_verdict(tuned, sample_log: Log):
    import numpy as np

    part = sample_log.take(np.arange(500))
    data = replayed(load(tuned.policy), part, "all")
    page = Page(render(data).html)
    assert "verdict" not in data
    assert page.whole
    assert "No verdict" in page.text
    assert "not the held-out figures" in page.text


def test_report_command_uses_the_study_beside_the_policy(tuned, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(tuned.policy), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["source"] == "study"
    assert told["missing"] == []
    assert told["html"] == str(Path("reports") / "sample.html")
    assert (tmp_path / told["html"]).read_bytes().startswith(b"<!doctype html>")
    assert (tmp_path / told["markdown"]).read_text().startswith("# sample: ")
    assert sorted(it.name for it in (tmp_path / "reports").iterdir()) == [
        "sample.html", "sample.md",
    ]  # fmt: skip


def test_report_command_replays_where_the_study_is_missing_or_another_s(
    tuned, sample_file, tmp_path, capsys
):
    alone = tmp_path / "sample.policy"
    shutil.copytree(tuned.policy, alone)
    out = str(tmp_path / "page.html")
    assert main(["report", str(alone), "--out", out]) == 2
    assert "give --log LOG" in capsys.readouterr().err
    study = tmp_path / "sample.study"
    study.mkdir()
    (study / "study.json").write_text('{"policy_digest": "0"}')
    command = ["report", str(alone), "--log", str(sample_file), "--out", out, "--json"]
    assert main(command) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["source"] == "replay"
    assert "is missing" in shown.err


def test_report_command_refuses_what_is_no_html_file(tuned, tmp_path, capsys):
    for name in ("report.md", "report"):
        assert main(["report", str(tuned.policy), "--out", str(tmp_path / name)]) == 2
        assert "NAME.html" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_tune_writes_the_report_that_the_command_writes(few_file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [
        "tune",
        str(few_file),
        "--trials",
        "5",
        "--policy",
        "cascade",
        "--no-tracking",
        "--json",
        "--out",
    ]
    assert main([*command, "a.policy"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["report"] == str(Path("reports") / "a.html")
    assert main(["report", "a.policy", "--out", "again.html"]) == 0
    page = (tmp_path / "reports" / "a.html").read_bytes()
    assert (tmp_path / "again.html").read_bytes() == page


def test_a_report_that_cannot_be_written_never_costs_the_study(
    few_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").write_text("a file where a folder should be")
    command = [
        "tune",
        str(few_file),
        "--trials",
        "3",
        "--policy",
        "cascade",
        "--no-tracking",
        "--out",
        "a.policy",
    ]
    assert main(command) == 0
    assert "no report" in capsys.readouterr().err
    assert load(tmp_path / "a.policy").verify() == []


def test_no_report_where_none_is_wanted(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ["request_id,model,quality,cost_usd"]
    rows += [f"r{i},{m},{(i * k) % 3 / 2},{k}" for i in range(40) for k, m in ((1, "a"), (2, "b"))]
    (tmp_path / "log.csv").write_text("\n".join(rows))
    command = [
        "tune",
        "log.csv",
        "--trials",
        "3",
        "--policy",
        "cascade",
        "--no-tracking",
        "--no-report",
        "--json",
    ]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["report"] is None
    assert not (tmp_path / "reports").exists()


def test_a_study_is_saved_with_what_its_report_needs(tuned, tmp_path):
    save(tuned.study, tmp_path / "it.policy")
    data = json.loads((tmp_path / "it.study" / "study.json").read_text())
    assert data["breakdown"]["slices"]
    assert data["coverage"]["test"]["n_requests"] == tuned.study.figures.n_requests
