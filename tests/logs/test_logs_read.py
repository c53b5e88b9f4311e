"""Reading logs: three formats, two forms, one meaning."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from logs_world import ROWS, assert_equal, save, with_column

from routelab.core.catalogue.catalogue import Model
from routelab.core.signal_spec import SignalSpec
from routelab.logs import Log, read

FORMATS = (".parquet", ".csv", ".jsonl")


def log_of(path: Path, rows: list[dict[str, Any]] = ROWS, **options: Any) -> Log:
    asked = {"signals": ["sure"]} if any("sure" in key for row in rows for key in row) else {}
    log = read(save(path, rows), **{**asked, **options})
    assert isinstance(log, Log)
    return log


@pytest.mark.parametrize("suffix", FORMATS)
def test_long_form_is_read_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    log = log_of(tmp_path / f"log{suffix}")
    assert log.models == ("small", "big")
    assert log.requests.id.tolist() == ["001", "002"]
    assert log.quality.tolist() == [[0.25, 1.0], [0.0, 0.5]]
    assert log.cost_usd.tolist() == [[1e-05, 0.1], [3e-05, 1 / 3]]
    np.testing.assert_array_equal(log.signals["sure"], [[0.1, 0.2], [np.nan, 0.7]])
    assert np.isnan(log.latency_s).all()
    assert not log.error.any()
    for values in (log.quality, log.cost_usd, log.latency_s, log.signals["sure"], log.error):
        assert values.flags.f_contiguous


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_pair_without_a_row_is_not_observed(tmp_path: Path, suffix: str) -> None:
    log = log_of(tmp_path / f"log{suffix}", [*ROWS[:3], {**ROWS[3], "request_id": "003"}])
    assert np.isnan(log.quality).tolist() == [[False, False], [False, True], [True, False]]
    for values in (log.cost_usd, log.signals["sure"]):
        assert np.isnan(values[[1, 2], [1, 0]]).all()


@pytest.mark.parametrize("suffix", FORMATS)
def test_wide_form_means_the_same_as_long_form(tmp_path: Path, suffix: str) -> None:
    answers = [("a", "b"), ("c", None)]
    prompts = ["one, two\n", "trois €"]
    long = [
        {**row, "prompt": prompts[i // 2], "eval_name": f"t{i // 2}", "latency_ms": i + 0.5}
        | {"response": answers[i // 2][i % 2]}
        for i, row in enumerate(ROWS)
    ]
    wide = [
        {"sample_id": long[i]["request_id"], "prompt": prompts[i // 2], "eval_name": f"t{i // 2}"}
        | {"oracle_model_to_route_to": "big"}
        | {row["model"]: row["quality"] for row in long[i : i + 2]}
        | {f"{row['model']}|total_cost": row["cost_usd"] for row in long[i : i + 2]}
        | {f"{row['model']}|sure": row["sure"] for row in long[i : i + 2]}
        | {f"{row['model']}|latency_ms": row["latency_ms"] for row in long[i : i + 2]}
        | {f"{row['model']}|model_response": row["response"] for row in long[i : i + 2]}
        for i in (0, 2)
    ]
    expected = log_of(tmp_path / f"long{suffix}", long)
    assert expected.requests.task is not None
    if suffix == ".csv":  # where no answer and an empty one are the same
        answers[1] = ("c", "")
    assert expected.texts is not None
    assert expected.texts.responses(np.array([1, 0]), "big") == [answers[1][1], "b"]
    assert_equal(log_of(tmp_path / f"wide{suffix}", wide), expected)


def test_models_with_dots_and_pipes_in_their_names(tmp_path: Path) -> None:
    row = {"id": 7, "gpt-3.5|a/b": 1, "gpt-3.5|a/b|total_cost": 0.5, "x.y": 0, "x.y|total_cost": 1}
    for suffix in FORMATS:
        log = log_of(tmp_path / f"log{suffix}", [row])
        assert log.models == ("gpt-3.5|a/b", "x.y")
        assert log.requests.id.tolist() == ["7"]
        assert log.cost_usd.tolist() == [[0.5, 1.0]]


def test_columns_are_mapped_and_the_argument_wins_over_the_sidecar(tmp_path: Path) -> None:
    rows = [{**row, "score": row["quality"], "took": 1500} for row in ROWS]
    rows = [{name: row[name] for name in row if name != "quality"} for row in rows]
    (tmp_path / "log.log.toml").write_text('[columns]\nquality = "cost_usd"\nlatency_ms = "took"\n')
    log = log_of(tmp_path / "log.csv", rows, columns={"quality": "score"})
    assert log.quality.tolist() == [[0.25, 1.0], [0.0, 0.5]]
    assert (log.latency_s == 1.5).all()
    assert list(log.signals) == ["sure"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_failed_call_has_quality_0_and_no_confidence(tmp_path: Path, suffix: str) -> None:
    rows = with_column("error", [None, "timeout", "", None])
    rows[1] |= {"quality": None, "cost_usd": None}
    log = log_of(tmp_path / f"log{suffix}", rows)
    assert log.error.tolist() == [[False, True], [False, False]]
    assert (log.quality[0, 1], log.cost_usd[0, 1]) == (0.0, 0.0)
    assert np.isnan(log.signals["sure"][0, 1])


@pytest.mark.parametrize("errors", [[False, True, None, False], [0, 503, None, 0]])
@pytest.mark.parametrize("suffix", FORMATS)
def test_an_error_may_be_a_flag_or_a_code(tmp_path: Path, suffix: str, errors: list[Any]) -> None:
    log = log_of(tmp_path / f"log{suffix}", with_column("error", errors))
    assert log.error.tolist() == [[False, True], [False, False]]


MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, 250_000, dt.UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timestamp", MOMENT.timestamp()),
        ("timestamp", MOMENT.isoformat()),
        ("timestamp", "2026-01-02T03:04:05.25Z"),
        ("timestamp", "2026-01-02 04:04:05.250+01:00"),
        ("timestamp", "2026-01-02 03:04:05.250"),
        ("timestamp_ms", int(MOMENT.timestamp() * 1000)),
    ],
)
def test_times_are_unix_seconds(tmp_path: Path, name: str, value: object) -> None:
    for suffix in FORMATS:
        log = log_of(tmp_path / f"log{suffix}", with_column(name, [value] * 4))
        assert log.requests.timestamp_s is not None
        assert log.requests.timestamp_s.tolist() == [MOMENT.timestamp()] * 2


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_times_of_parquet(tmp_path: Path, unit: str, zone: str | None) -> None:
    whole = MOMENT.replace(microsecond=0)
    table = pa.Table.from_pylist(ROWS)
    times = pa.array([whole, whole, None, None], pa.timestamp(unit, "UTC"))
    path = tmp_path / "log.parquet"
    pq.write_table(table.append_column("timestamp", times.cast(pa.timestamp(unit, zone))), path)
    found = read(path).requests.timestamp_s
    assert found is not None
    np.testing.assert_array_equal(found, [whole.timestamp(), np.nan])


@pytest.mark.parametrize("needs", ["tools, json", "tools json", ["tools", "json"]])
def test_needs_are_a_list_or_words(tmp_path: Path, needs: Any) -> None:
    empty: Any = [] if isinstance(needs, list) else ""
    rows = with_column("needs", [needs, needs, empty, empty])
    for suffix in (".parquet", ".jsonl"):
        log = log_of(tmp_path / f"log{suffix}", rows)
        assert log.requests.needs is not None
        assert log.requests.needs.tolist() == [("tools", "json"), ()]


@pytest.mark.parametrize("suffix", FORMATS)
def test_columns_of_requests(tmp_path: Path, suffix: str) -> None:
    more = {"task": "NA", "group": 12, "tenant": "acme", "priority": "high", "audit": True}
    requests = log_of(tmp_path / f"log{suffix}", [{**row, **more} for row in ROWS]).requests
    found = {name: getattr(requests, name).tolist() for name in more}
    assert found == {
        "task": ["NA"] * 2,
        "group": ["12"] * 2,
        "tenant": ["acme"] * 2,
        "priority": ["high"] * 2,
        "audit": [True] * 2,
    }


def test_what_is_a_signal(tmp_path: Path) -> None:
    """Only what is asked for; other numbers and truth values wait, but no texts, ids or costs."""
    rows = [
        {**row, "id": 5, "note": "x", "flag": True, "tokens_of_judge": 3, "fee": 0.25}
        for row in ROWS
    ]
    for suffix in (".parquet", ".jsonl"):
        log = log_of(
            tmp_path / f"log{suffix}", rows, signals={"sure": SignalSpec(extra_cost="fee")}
        )
        assert set(log.signals) == {"sure"}
        assert set(log.unasked) == {"flag", "tokens_of_judge"}
        assert (log.extra_usd["sure"] == 0.25).all()
        assert (log.cost_with("sure") == log.cost_usd + 0.25).all()


def test_an_index_that_pandas_wrote_along_is_no_signal(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS, index=[5, 6, 7, 8])
    frame.to_csv(tmp_path / "log.csv")
    frame.to_parquet(tmp_path / "log.parquet")
    for suffix in (".csv", ".parquet"):
        assert list(read(tmp_path / f"log{suffix}").unasked) == ["sure"]


def test_ids_and_models_may_be_categories(tmp_path: Path) -> None:
    plain = log_of(tmp_path / "plain.parquet")
    kinds = {"request_id": "category", "model": "category"}
    pd.DataFrame(ROWS).astype(kinds).to_parquet(tmp_path / "log.parquet")
    assert_equal(read(tmp_path / "log.parquet", signals=["sure"]), plain)


def test_a_silent_signal_is_left_out_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "log.log.toml").write_text("[signals.mute]\n")
    log = log_of(tmp_path / "log.parquet", [{**row, "mute": float("nan")} for row in ROWS])
    assert list(log.signals) == ["sure"]
    assert any("mute" in note for note in log.notes)


def test_the_sidecar_says_what_signals_cost_and_names_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "x.models.toml").write_text("[models.small]\ncontext_window = 10\n")
    (tmp_path / "log.log.toml").write_text(
        'catalogue = "x.models.toml"\n[signals.sure]\nmultiplier = 3\nsource = "agreement:3"\n'
    )
    log = read(save(tmp_path / "log.csv", ROWS))
    assert list(log.signals) == ["sure"]
    assert log.spec("sure") == SignalSpec(multiplier=3, source="agreement:3")
    assert log.catalogue is not None
    assert log.catalogue.model("small").context_window == 10
    again = read(tmp_path / "log.csv", signals={"sure": SignalSpec(multiplier=2)})
    assert again.specs["sure"].multiplier == 2


def test_prices_fill_in_costs_to_the_last_bit_and_keep_logged_ones(tmp_path: Path) -> None:
    rows = [
        {**row, "prompt_tokens": 17 + i, "completion_tokens": 331 * i} for i, row in enumerate(ROWS)
    ]
    for row in rows[:3]:
        row["cost_usd"] = None
    prices = tmp_path / "prices.csv"
    prices.write_text("model,usd_per_1m_input,usd_per_1m_output,source\nsmall,0.1,0.7,list\n")
    (tmp_path / "x.models.toml").write_text(
        "[models.small]\ninput_usd_per_mtok = 9\noutput_usd_per_mtok = 9\n"
        "[models.big]\ninput_usd_per_mtok = 0.3\noutput_usd_per_mtok = 1.1\n"
    )
    (tmp_path / "log.log.toml").write_text('catalogue = "x.models.toml"\n')
    log = log_of(tmp_path / "log.parquet", rows, prices=prices)
    small, big = Model(0.1, 0.7), Model(0.3, 1.1)
    assert log.cost_usd.tolist() == [
        [small.cost_usd(17, 0), big.cost_usd(18, 331)],
        [small.cost_usd(19, 662), 1 / 3],
    ]
    assert [note.split(" derived")[0] for note in log.notes] == ["cost of small", "cost of big"]


def test_a_model_without_any_cost_is_kept_and_named(tmp_path: Path) -> None:
    log = log_of(tmp_path / "log.csv", with_column("cost_usd", [None, 1, None, 2]))
    assert log.models == ("small", "big")
    assert log.costed == ("big",)
    assert any("small" in note and "big" not in note for note in log.notes)


@pytest.mark.parametrize("suffix", FORMATS)
def test_texts_are_found_whatever_the_order_of_the_rows(tmp_path: Path, suffix: str) -> None:
    rows = [
        {"request_id": f"r{i % 700}", "model": f"m{i // 700}", "quality": 0.5}
        | {"prompt": f'prompt {i % 700}\n"é"', "response": f"answer {i}"}
        for i in range(2100)
    ]
    order = np.random.default_rng(0).permutation(2100)
    log = log_of(tmp_path / f"log{suffix}", [rows[i] for i in order])
    assert log.texts is not None
    some = np.array([699, 3, 3, 512])
    numbers = [int(log.requests.id[i][1:]) for i in some]
    assert log.texts.prompts(some) == [f'prompt {k}\n"é"' for k in numbers]
    for m in range(3):
        assert log.texts.responses(some, f"m{m}") == [f"answer {k + 700 * m}" for k in numbers]
    keys, lengths = log.prompt_keys
    prompts = log.texts.prompts(np.arange(700))
    assert lengths.tolist() == [len(prompt) for prompt in prompts]
    assert keys.tolist() == [hashlib.sha256(prompt.encode()).hexdigest() for prompt in prompts]


def test_texts_span_row_groups_and_are_not_read_at_open(tmp_path: Path) -> None:
    rows = [
        {"request_id": f"r{i // 2}", "model": "ab"[i % 2], "quality": 1, "prompt": f"p{i // 2}"}
        for i in range(3000)
    ]
    path = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=17)
    log = read(path)
    assert log.texts is not None
    picked = np.array([1499, 0, 8, 9, 700])
    assert log.texts.prompts(picked) == [f"p{i}" for i in picked]
    path.unlink()
    with pytest.raises(Exception, match=r"log\.parquet"):
        log.texts.prompts(picked)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_prompt_of_10_mb(tmp_path: Path, suffix: str) -> None:
    huge = "word, " * 1_700_000
    rows = with_column("prompt", [huge, huge, "b", "b"])
    log = log_of(tmp_path / f"log{suffix}", rows)
    assert log.texts is not None
    assert log.texts.prompts(np.array([1, 0])) == ["b", huge]
    assert log.prompt_keys[1].tolist() == [len(huge), 1]


def test_json_lines_may_disagree_on_types_and_lack_fields(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(
        '\ufeff{"request_id": 1, "model": "a", "quality": 1, "sure": NaN}\n\n'
        '{"request_id": 1, "model": "b", "quality": 0.5, "sure": 0.5}\n'
        '{"request_id": "x", "model": "a", "quality": true, "extra": {"deep": [1]}}\n'
    )
    log = read(path, signals=["sure"])
    assert isinstance(log, Log)
    assert log.requests.id.tolist() == ["1", "x"]
    np.testing.assert_array_equal(log.quality, [[1, 0.5], [1, np.nan]])
    np.testing.assert_array_equal(log.signals["sure"], [[np.nan, 0.5], [np.nan, np.nan]])


def test_the_hash_is_of_the_file(tmp_path: Path) -> None:
    log = log_of(tmp_path / "log.csv")
    assert log.sha256 == hashlib.sha256((tmp_path / "log.csv").read_bytes()).hexdigest()


def test_a_model_without_a_signal_costs_nothing_extra_for_it(tmp_path: Path) -> None:
    """Neither signal nor its cost; a signal whose cost alone is missing stays unknown."""
    rows = with_column("fee", [0.25, None, 0.25, None])
    rows = [row | {"sure": None if row["model"] == "big" else 0.5} for row in rows]
    rows[2]["fee"] = None
    path = save(tmp_path / "log.csv", rows)
    log = read(path, signals={"sure": SignalSpec(extra_cost="fee")})
    assert log.extra_usd["sure"][:, log.column("big")].tolist() == [0.0, 0.0]
    assert log.extra_usd["sure"][0, log.column("small")] == 0.25
    assert np.isnan(log.extra_usd["sure"][1, log.column("small")])
