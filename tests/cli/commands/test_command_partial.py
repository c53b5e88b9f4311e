"""`tune`, `replay`, `diff` and `report` of a partial log: estimates, which say that they are."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from estimated_world import complete, partial

from routelab.cli import main

TOLD = "doubly robust"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A partial log as a file, and a policy tuned on it."""
    made = tmp_path_factory.mktemp("partial")
    log = complete(1500)
    seen = partial(log)
    columns = {
        "request_id": [str(log.requests.id[row]) for row in seen.request],
        "task": [str(log.requests.task[row]) for row in seen.request],
        "model": [seen.models[column] for column in seen.model],
    }
    numbers = ("step", "propensity", "quality", "cost_usd", "latency_s")
    numeric = {name: getattr(seen, name) for name in numbers}
    pq.write_table(pa.table({**columns, **numeric}), made / "seen.parquet")
    arguments = ["tune", str(made / "seen.parquet"), "--out", str(made / "a.policy")]
    assert main([*arguments, "--policy", "task-mean", "--no-tracking", "--no-report"]) == 0
    return made


def said(capsys, *arguments):
    code = main([str(it) for it in arguments])
    found = capsys.readouterr()
    return code, found.out, found.err


def test_replay_repeats_the_studys_figures_and_says_what_they_are(folder, capsys):
    study = json.loads((folder / "a.study" / "study.json").read_text())
    assert study["estimated"]["quality"]["estimator"] == "sndr"
    assert any(TOLD in it for it in study["reasons"])
    log = ("--log", folder / "seen.parquet")
    code, out, err = said(capsys, "replay", folder / "a.policy", *log, "--json")
    assert (code, TOLD in err) == (0, True)
    assert "costs" not in err
    (figures,) = json.loads(out)
    for name in ("quality", "quality_ci", "usd_per_1k", "gain_vs_zero_router", "gain_ci"):
        assert figures[name] == study["test"][name], name
    code, out, _ = said(capsys, "replay", folder / "a.policy", *log)
    assert (code, TOLD in out) == (0, True)
    code, _, err = said(
        capsys, "replay", folder / "a.policy", *log, "--decisions", folder / "d.csv"
    )
    assert (code, "single requests" in err) == (2, True)


def test_diff_and_report_take_it_too(folder, capsys):
    log = ("--log", folder / "seen.parquet")
    code, out, _ = said(capsys, "diff", folder / "a.policy", folder / "a.policy", *log)
    assert (code, TOLD in out) == (0, True)
    page = folder / "a.html"
    code, out, err = said(capsys, "report", folder / "a.policy", *log, "--out", page)
    assert (code, TOLD in err) == (0, True)
    assert TOLD in page.with_suffix(".md").read_text()


def test_what_it_cannot_give_is_refused(folder, capsys):
    log = folder / "seen.parquet"
    code, _, err = said(capsys, "tune", log, "--policy", "cascade", "--no-tracking")
    assert (code, "needs several models' answers" in err) == (2, True)
    code, _, err = said(capsys, "simulate", folder / "a.policy", "--log", log)
    assert (code, "is a partial log" in err) == (2, True)
