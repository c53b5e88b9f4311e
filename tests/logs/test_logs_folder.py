"""A log in many files is the log that one file with the same rows would be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches_world import MODELS, by_request, long_table, save_parts, save_whole, wide_table
from logs_world import ROWS, assert_equal, problems_of, save

from routelab.core.signal_spec import SignalSpec
from routelab.errors import LogError
from routelab.logs import read
from routelab.logs.batches import open_batches


@pytest.mark.parametrize("form", ["wide", "long"])
def test_a_folder_is_read_as_one_file(tmp_path: Path, form: str) -> None:
    table = wide_table(300, prompt=True)
    table = table if form == "wide" else by_request(long_table(table), table)
    folder = save_parts(tmp_path / "logs", table, 4, rows=50)
    whole = read(save_whole(tmp_path / "whole.parquet", table))
    for path in (folder, tmp_path / "logs" / "part-*.parquet"):
        log = read(path)
        assert_equal(log, whole)
        assert np.array_equal(log.prompt_keys[0], whole.prompt_keys[0])
    rows = np.array([299, 0, 150])
    assert read(folder).texts.prompts(rows) == whole.texts.prompts(rows)


def test_the_digest_of_a_folder_follows_its_content_and_not_its_name(tmp_path: Path) -> None:
    table = wide_table(60)
    one, other = (save_parts(tmp_path / name, table, 3) for name in ("a", "b"))
    assert read(one).sha256 == read(other).sha256
    save_parts(other, wide_table(60, seed=1), 3)
    assert read(one).sha256 != read(other).sha256


def test_files_without_rows_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    table = wide_table(60)
    folder = save_parts(tmp_path / "logs", table, 3)
    pq.write_table(table.slice(0, 0), folder / "part-zzz.parquet")
    (folder / "_temporary").mkdir()
    pq.write_table(table, folder / "_temporary" / "part-9.parquet")
    log = read(folder)
    assert len(log) == 60
    assert any("no rows in part-zzz.parquet" in note for note in log.notes)


def test_a_column_without_any_value_in_one_file_is_no_difference(tmp_path: Path) -> None:
    folder = save_parts(tmp_path / "logs", wide_table(60), 3)
    path = folder / "part-001.parquet"
    part = pq.read_table(path)
    at = part.schema.get_field_index("small|sure")
    pq.write_table(part.set_column(at, "small|sure", pa.nulls(len(part))), path)
    log = read(folder, signals=["sure"])
    assert 0 < np.isnan(log.signals["sure"][:, 0]).mean() < 1


def test_everything_wrong_with_the_files_is_told_at_once(tmp_path: Path) -> None:
    folder = save_parts(tmp_path / "logs", wide_table(200), 5)
    parts = sorted(folder.iterdir())
    table = pq.read_table(parts[1])
    at = table.schema.get_field_index("small")
    text = pa.array([str(it) for it in table.column("small").to_pylist()])
    pq.write_table(table.set_column(at, "small", text).drop_columns(["large|sure"]), parts[1])
    pq.write_table(pq.read_table(parts[2]).append_column("more", text[:1].take(
        pa.array([0] * pq.read_metadata(parts[2]).num_rows))), parts[2])  # fmt: skip
    parts[3].write_bytes(parts[3].read_bytes()[:100])
    for told in (problems_of(folder), _of_batches(folder)):
        assert len(told) == 4
        assert any("part-003.parquet: cannot be read as Parquet" in it for it in told)
        assert "part-001.parquet: lacks large|sure, which part-000.parquet has" in told
        assert "part-002.parquet: has more, which part-000.parquet lacks" in told
        differs = "part-001.parquet: column 'small' is string, and double in"
        assert any(it.startswith(differs) for it in told)


def _of_batches(path: Path) -> tuple[str, ...]:
    with pytest.raises(LogError) as caught:
        open_batches(path)
    return caught.value.problems


def test_what_is_no_folder_of_logs(tmp_path: Path) -> None:
    assert "no Parquet file in it" in problems_of(tmp_path)[0]
    assert "matches no file" in problems_of(tmp_path / "*.parquet")[0]
    save(tmp_path / "log.csv", ROWS)
    assert "matches log.csv; a log in many files" in problems_of(tmp_path / "*")[0]
    pq.write_table(wide_table(3).slice(0, 0), tmp_path / "empty.parquet")
    assert "no rows in any of 1 files" in problems_of(tmp_path)[0]


@pytest.mark.parametrize("form", ["wide", "long"])
def test_batches_hold_what_reading_it_whole_finds(tmp_path: Path, form: str) -> None:
    table = wide_table(500)
    table = table if form == "wide" else by_request(long_table(table), table)
    each = 1 if form == "wide" else len(MODELS)
    folder = save_parts(tmp_path / "logs", table, 4, rows=70, each=each)
    specs = {"sure": SignalSpec(multiplier=2.0)}
    whole, parts = read(folder, signals=specs), open_batches(folder, signals=specs)
    assert (parts.wide is None) == (form == "long")
    start = 0
    for file in range(len(parts.files)):
        for first, log in parts.logs(file, also=("request_id", "task")):
            assert first == 0 or form == "wide"
            here = whole.take(np.arange(start, start + len(log)))
            for name in ("quality", "cost_usd", "latency_s", "error"):
                np.testing.assert_array_equal(getattr(log, name), getattr(here, name))
            np.testing.assert_array_equal(log.signals["sure"], here.signals["sure"])
            assert log.requests.id.tolist() == here.requests.id.tolist()
            assert log.requests.task.tolist() == here.requests.task.tolist()
            start += len(log)
    assert start == len(whole)


def test_batches_that_nobody_wants_are_not_read(tmp_path: Path) -> None:
    folder = save_parts(tmp_path / "logs", wide_table(1000), 1, rows=100)
    wanted = np.zeros(1000, dtype=np.bool_)
    wanted[350] = True
    found = list(open_batches(folder).logs(0, wanted))
    assert [(first, len(log)) for first, log in found] == [(300, 100)]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("small", 1.5, "quality is 1.5"),
        ("middle|total_cost", -1.0, "cost_usd is -1.0"),
        ("large|latency_s", np.inf, "latency_s is inf"),
        ("small|sure", np.inf, "sure is inf"),
    ],
)
def test_a_value_that_cannot_be_is_named_in_batches_too(
    tmp_path: Path, column: str, value: float, says: str
) -> None:
    folder = save_parts(tmp_path / "logs", wide_table(200), 3, rows=20)
    path = folder / "part-002.parquet"
    table = pq.read_table(path)
    values = table.column(column).to_numpy().copy()
    values[17] = value
    at = table.schema.get_field_index(column)
    pq.write_table(table.set_column(at, column, pa.array(values)), path)
    log = open_batches(folder, signals=["sure"])
    with pytest.raises(LogError) as caught:
        list(log.logs(2))
    assert says in str(caught.value)
    assert "part-002.parquet: row 18 (request" in str(caught.value)
    (told,) = problems_of(folder, signals=["sure"])
    assert says in told
    assert "logs: part-002.parquet, row 18 (request" in told
