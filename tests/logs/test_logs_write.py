"""What is written is what is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from logs_world import ROWS, assert_equal, save

from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.signal_spec import SignalSpec
from routelab.core.table import objects
from routelab.errors import LogError
from routelab.logs import Log, Requests, TextsInMemory, read, write

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WORD = TEXT.filter(bool)


@st.composite
def logs(draw: st.DrawFn) -> Log:
    n, m = draw(st.integers(1, 5)), draw(st.integers(2, 3))

    def numbers(low: float, high: float) -> Any:
        elements = st.floats(low, high, width=64) | st.just(float("nan"))
        return np.asfortranarray(draw(hnp.arrays(np.float64, (n, m), elements=elements)))

    def column(values: st.SearchStrategy[Any]) -> Any:
        return objects(draw(st.lists(values, min_size=n, max_size=n)))

    models = tuple(draw(st.lists(WORD, min_size=m, max_size=m, unique=True)))
    error = np.asfortranarray(draw(hnp.arrays(np.bool_, (n, m))))
    quality = np.where(error, 0.0, numbers(0, 1))
    quality[0, 0] = 0.0
    cost = numbers(0, 1e9)
    sure = np.where(error, np.nan, numbers(-1e149, 1e149))
    sure[0, 0], error[0, 0] = 0.5, False
    answers = {name: list(column(st.none() | TEXT)) for name in models}
    needs = st.lists(st.sampled_from(["tools", "json", "vision"]), max_size=2).map(tuple)
    times = [draw(st.floats(0, 1e10) | st.just(float("nan"))) for _ in range(n)]
    return Log(
        requests=Requests(
            id=objects(draw(st.lists(WORD, min_size=n, max_size=n, unique=True))),
            task=draw(st.none() | st.just(column(TEXT))),
            group=draw(st.none() | st.just(column(TEXT))),
            timestamp_s=draw(st.none() | st.just(np.array(times))),
            needs=draw(st.none() | st.just(column(needs))),
            audit=draw(st.none() | st.just(np.arange(n) % 2 == 0)),
        ),
        models=models,
        quality=np.asfortranarray(quality),
        cost_usd=np.asfortranarray(np.where(error & np.isnan(cost), 0.0, cost)),
        latency_s=numbers(0, 1e6),
        prompt_tokens=numbers(0, 1e6),
        completion_tokens=numbers(0, 1e6),
        error=error,
        signals={"sure": np.asfortranarray(sure)},
        specs={"sure": SignalSpec(multiplier=3.0, source="agreement:3")},
        texts=draw(st.none() | st.just(TextsInMemory(list(column(TEXT)), answers))),
    )


@given(logs())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_reading_gives_the_log_that_was_written(tmp_path_factory: Any, log: Log) -> None:
    path = tmp_path_factory.mktemp("logs") / "log.parquet"
    assert_equal(read(write(log, path)), log)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    found = read(save(tmp_path / "small.csv", ROWS))
    assert isinstance(found, Log)
    return found


def test_more_than_one_block(tmp_path: Path, log: Log) -> None:
    rows = np.arange(40_000) % 2
    ids = objects([f"r{i}" for i in range(len(rows))])
    texts = TextsInMemory([f"p{i}" for i in range(len(rows))])
    many = replace(log.take(rows), requests=Requests(id=ids), texts=texts)
    assert_equal(read(write(many, tmp_path / "log.parquet")), many)


def test_the_same_log_gives_the_same_bytes_and_nothing_else(tmp_path: Path, log: Log) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    first = write(log, folder / "log.parquet").read_bytes()
    assert write(log, folder / "log.parquet").read_bytes() == first
    assert [path.name for path in folder.iterdir()] == ["log.parquet"]


def test_extra_costs_and_the_catalogue_are_kept(tmp_path: Path, log: Log) -> None:
    fee = np.asfortranarray([[0.5, 0.25], [0.125, 1.0]])
    rich = replace(log, extra_usd={"sure": fee}, catalogue=Catalogue({"small": Model(1.0, 2.0)}))
    again = read(write(rich, tmp_path / "log.parquet"))
    assert isinstance(again, Log)
    assert again.extra_usd["sure"].tolist() == fee.tolist()
    assert again.spec("sure").extra_cost == "sure_extra_usd"
    assert again.catalogue == rich.catalogue
    assert list(again.signals) == ["sure"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, log: Log) -> None:
    path = write(log, tmp_path / "log.parquet")
    before = path.read_bytes()
    broken = replace(log, texts=TextsInMemory(["only one prompt"]))
    with pytest.raises(IndexError):
        write(broken, path)
    assert path.read_bytes() == before
    assert {found.name for found in tmp_path.iterdir()} == {"small.csv", "log.parquet"}


def test_what_cannot_be_written(tmp_path: Path, log: Log) -> None:
    with pytest.raises(LogError, match=r"written as Parquet; end the name in \.parquet"):
        write(log, tmp_path / "log.csv")
    with pytest.raises(LogError, match="a signal cannot be called latency_ms"):
        write(replace(log, signals={"latency_ms": log.quality}), tmp_path / "log.parquet")


def test_the_hash_of_a_log_in_memory_is_of_its_content(log: Log) -> None:
    memory = replace(log, path=None)
    assert memory.sha256 == replace(memory).sha256
    told = replace(memory, texts=TextsInMemory(["a", "b"]))
    read_before = replace(told)
    assert read_before.prompt_keys  # a log keeps these once they are asked for
    assert told.sha256 == read_before.sha256
    changed = memory.quality.copy(order="F")
    changed[1, 1] = np.nextafter(changed[1, 1], 1)
    others = [
        replace(memory, quality=changed),
        replace(memory, models=("big", "small")),
        replace(memory, texts=TextsInMemory(["a", "b"])),
        memory.take(np.array([1, 0])),
    ]
    assert len({memory.sha256, *(other.sha256 for other in others)}) == 5
