"""`routelab replay --decisions`: from the file anybody gets the figures, to the last digit."""

from __future__ import annotations

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import routelab
from routelab.logs import write
from routelab.metrics import exact_mean
from routelab.policies import Cascade, Mixture, to_wire
from routelab.policy_file import Document, load
from routelab.policy_file import write as write_policy
from routelab.replay import decide, study_rows
from routelab.tuning import Options, save

N = 400
MODELS = ("small-8b", "medium-70b", "frontier")


@pytest.fixture(scope="module")
def there(sample_file, tmp_path_factory):
    """A folder with a log, and a cascade that was tuned on it."""
    folder = tmp_path_factory.mktemp("replay")
    log = routelab.read(sample_file, signals=["confidence"]).take(np.arange(N))
    write(log, folder / "log.parquet")
    log = routelab.read(folder / "log.parquet", signals=["confidence"])
    options = Options(name="tuned", models=MODELS, policy="cascade", trials=5, point="knee")
    save(routelab.tune(log, options), folder / "tuned.policy")
    return folder


def parquet_rows(path):
    return pq.read_table(path).to_pylist()


def csv_rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = [name for name in rows[0] if name.endswith(("quality", "_usd", "_s"))]
    return [
        {name: value or None for name, value in row.items()}
        | {name: float(row[name]) for name in numbers if row[name]}
        | {"calls": json.loads(row["calls"])}
        for row in rows
    ]


READERS = {".parquet": parquet_rows, ".csv": csv_rows}


@pytest.mark.parametrize("suffix", READERS)
def test_means_of_the_file_are_the_figures_to_the_last_digit(run, there, tmp_path, suffix):
    path = tmp_path / f"decisions{suffix}"
    (figures,) = run.ok(
        "replay", there / "tuned.policy", "--log", there / "log.parquet", "--decisions", path,
        "--json",
    ).data  # fmt: skip
    rows = READERS[suffix](path)
    assert len(rows) == figures["n_requests"]
    assert exact_mean([it["quality"] for it in rows]) == figures["quality"]
    assert 1000 * exact_mean([it["cost_usd"] for it in rows]) == figures["usd_per_1k"]
    escalated = np.mean([len(it["calls"]) > 1 for it in rows])
    assert escalated == figures["escalation_rate"] > 0
    for model, share in figures["model_share"].items():
        assert np.mean([it["answered"] == model for it in rows]) == share
    seen = [it["latency_s"] for it in rows if it["latency_s"] is not None]
    assert np.quantile(seen, 0.95) == figures["latency_p95_s"]
    beside = {it["name"]: it for it in figures["baselines"]}
    named = [name.removesuffix("_quality") for name in rows[0] if name.endswith("_quality")]
    assert {"oracle", "random_mix", "task_mean", "ridge", "knn"} <= {*named} <= {*beside}
    for name in named:
        assert exact_mean([it[f"{name}_quality"] for it in rows]) == beside[name]["quality"]
        spent = 1000 * exact_mean([it[f"{name}_cost_usd"] for it in rows])
        assert spent == beside[name]["usd_per_1k"]


def test_each_row_is_the_decision_on_its_request(run, there, tmp_path):
    path = tmp_path / "decisions.parquet"
    run.ok("replay", there / "tuned.policy", "--log", there / "log.parquet", "--decisions", path)
    loaded = load(there / "tuned.policy")
    log = routelab.read(there / "log.parquet", signals=["confidence"])
    part = study_rows(loaded.document, log, "test")
    rows = parquet_rows(path)
    assert [it["request_id"] for it in rows] == part.log.requests.id.tolist()
    for row, told in enumerate(rows):
        decision = decide(loaded.policy, part.log, row, seed=part.seed)
        assert told["calls"] == list(decision.models)
        assert told["answered"] == decision.answer.model
        assert told["cost_usd"] == decision.cost_usd
        assert (told["stop"] == "accepted") == (
            decision.steps[-1].threshold is not None and decision.steps[-1].feedback.error is None
        )


def test_policies_stand_below_each_other(run, there, tmp_path):
    part = Cascade(MODELS[:2], (0.5,), "confidence")
    coin = Mixture(part, Cascade(MODELS[1:], (0.7,), "confidence"), 0.5)
    document = load(there / "tuned.policy").document
    other = Document(
        name="coin", policy=to_wire(coin), candidates=MODELS, catalogue=document.catalogue,
        signals=document.signals,
    )  # fmt: skip
    write_policy(tmp_path / "coin.policy", other, "")
    path = tmp_path / "both.parquet"
    both = run.ok(
        "replay", there / "tuned.policy", tmp_path / "coin.policy", "--log", there / "log.parquet",
        "--split", "all", "--decisions", path, "--json",
    ).data  # fmt: skip
    rows = parquet_rows(path)
    for figures in both:
        own = [it for it in rows if it["policy"] == figures["policy"]]
        assert exact_mean([it["quality"] for it in own]) == figures["quality"]
        assert {it["split"] for it in own} == {"all"}
    assert len(rows) == sum(it["n_requests"] for it in both) == 2 * N


def test_nothing_is_replaced_unasked_and_nothing_half_written(run, there, tmp_path):
    path = tmp_path / "decisions.csv"
    path.write_text("mine")
    asked = ("replay", there / "tuned.policy", "--log", there / "log.parquet")
    assert "--replace" in run.refused(*asked, "--decisions", path)
    assert path.read_text() == "mine"
    run.ok(*asked, "--decisions", path, "--replace")
    assert len(csv_rows(path)) > 1
    assert [it.name for it in tmp_path.iterdir()] == ["decisions.csv"]
    assert ".parquet or .csv" in run.refused(*asked, "--decisions", tmp_path / "decisions.txt")
    assert "folder" in run.refused(*asked, "--decisions", sub(tmp_path))
    assert "--decisions" in run.refused(*asked, "--replace")
    there_not = tmp_path / "nowhere" / "decisions.csv"
    assert "cannot be written" in run.refused(*asked, "--decisions", there_not)


def sub(folder):
    made = folder / "sub.csv"
    made.mkdir()
    return made
