"""What a log holds, told on logs whose content is known."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from logs_world import ROWS, save

from routelab.logs import Log, describe, read

DATA = Path(os.environ.get("ROUTELAB_DATA", Path(__file__).parents[2] / "../shared/data"))
REAL = sorted(
    path.name
    for path in (DATA.iterdir() if DATA.is_dir() else ())
    if path.suffix == ".parquet" and path.name != "arrival_traces.parquet"
)
# Prompts of another wording that some models got; the request's prompt is its first row's.
OTHER_WORDS = {"mmlu_pro.parquet": 9}
needs_data = pytest.mark.skipif(not REAL, reason=f"no public logs at {DATA}")


def test_counts_means_and_coverage(tmp_path: Path) -> None:
    prompts = {"001": "same", "002": "same", "003": "other"}
    times = {"001": 0, "002": 86_400, "003": 43_200}
    rows = [*ROWS, {**ROWS[1], "request_id": "003", "cost_usd": None}]
    rows = [
        {**row, "prompt": prompts[row["request_id"]], "timestamp": times[row["request_id"]]}
        | {"task": "t" if row["request_id"] < "003" else "u", "latency_ms": 1000 * k}
        for k, row in enumerate(rows)
    ]
    found = describe(read(save(tmp_path / "log.jsonl", rows), signals=["sure"]))
    assert found["requests"] == 3
    assert found["models"]["big"] == {
        "n": 3,
        "quality": 2.5 / 3,
        "usd_per_1k": pytest.approx(1000 * (0.1 + 1 / 3) / 2),
        "latency_p50_s": 3.0,
        "failed": 0,
    }
    assert found["coverage"]["complete"] == 2
    assert found["coverage"]["missing_by_task"] == {"u": 1}
    assert found["tasks"] == {"t": 2, "u": 1}
    assert found["signals"]["sure"]["observed_share"] == 4 / 5
    assert found["prompts"] == {"distinct": 2, "repeated": 1, "median_characters": 4.0}
    assert found["timestamps"]["first"] == "1970-01-01T00:00:00+00:00"
    assert found["timestamps"]["last"] == "1970-01-02T00:00:00+00:00"
    json.dumps(found, allow_nan=False)


def test_what_was_not_observed_is_none(tmp_path: Path) -> None:
    bare = [{name: row[name] for name in ("request_id", "model", "quality")} for row in ROWS]
    found = describe(read(save(tmp_path / "log.csv", bare)))
    assert found["models"]["small"]["usd_per_1k"] is None
    assert found["models"]["small"]["latency_p50_s"] is None
    assert found["tasks"] is found["prompts"] is found["timestamps"] is None


@needs_data
@pytest.mark.parametrize("name", REAL)
def test_public_logs_read_as_their_cards_say(name: str) -> None:
    log = read(DATA / name)
    assert isinstance(log, Log)
    found = describe(log)
    card = (DATA / name).with_suffix(".md").read_text("utf-8")
    table = [line.strip("| \n").split(" | ") for line in card.splitlines() if line[:1] == "|"]
    lines = {cells[0]: cells for cells in table if cells[0] in log.models}
    assert lines.keys() == set(log.models)
    for model, cells in lines.items():
        assert found["models"][model]["n"] == int(cells[1])
        assert f"{found['models'][model]['quality']:.4f}" == cells[2]
    assert f"requests {len(log)};" in card
    prompts = found["prompts"]["distinct"] + OTHER_WORDS.get(name, 0)
    assert f"distinct prompts {prompts};" in card
    assert f"tasks {len(found['tasks'])}." in card


@needs_data
def test_prices_cost_a_public_log_exactly(tmp_path: Path) -> None:
    prices = DATA / "prices_used.csv"
    if not prices.exists() or "routellm_mtbench.parquet" not in REAL:
        pytest.skip("no price list beside the public logs")
    log = read(DATA / "routellm_mtbench.parquet")
    assert isinstance(log, Log)
    rows = [
        {"request_id": str(log.requests.id[i]), "model": model, "quality": log.quality[i, k]}
        | {
            "prompt_tokens": log.prompt_tokens[i, k],
            "completion_tokens": log.completion_tokens[i, k],
        }
        for i in range(len(log))
        for k, model in enumerate(log.models)
    ]
    derived = read(save(tmp_path / "log.jsonl", rows), prices=prices)
    np.testing.assert_allclose(derived.cost_usd, log.cost_usd, rtol=1e-12)
