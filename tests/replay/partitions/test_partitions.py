"""What is found in batches is what is found in memory, wherever the tasks ran."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches_world import (
    MODELS,
    by_request,
    long_table,
    save_parts,
    save_whole,
    wide_table,
)

from routelab.core.catalogue.catalogue import Catalogue
from routelab.errors import LogError, RoutelabError
from routelab.logs import read
from routelab.logs.batches import open_batches
from routelab.logs.model.splits import split
from routelab.policies import Cascade, Mixture
from routelab.replay import NamedPolicy, comparison_set, evaluate
from routelab.replay.cells import Chain, Levels, Spec, kernel
from routelab.replay.partitions.cut import BUCKETS
from routelab.replay.partitions.moments import MomentsQuery
from routelab.replay.partitions.survey import notes_of, survey_file
from routelab.replay.partitions.workers import Workers, workers
from routelab.stats.bootstrap import Resamples, interval
from routelab.tuning.partitions.measure import evaluated
from routelab.tuning.partitions.scan import scan

POLICIES = (
    Cascade(MODELS, (0.6, 0.7), "sure"),
    Cascade(MODELS[::2], (0.5,), "sure"),
    Mixture(Cascade(MODELS[:2], (0.8,), "sure"), Cascade(MODELS[1:], (0.4,), "sure"), 0.3),
)


FORMS = {
    "a row a request": lambda it: it,
    "a row a call": lambda it: by_request(long_table(it), it),
}


def quiet(_):
    return lambda *_: None


def scanned(path, on, **options):
    return scan(open_batches(path, signals=["sure"], **options), on, quiet)


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("kind", ["id", "group", "prompt", "task"])
@pytest.mark.parametrize("time", [True, False])
def test_every_request_falls_in_the_part_it_has_in_memory(tmp_path, time, kind, seed):
    table = wide_table(400, seed, time=time, group=kind == "group", prompt=kind == "prompt")
    folder = save_parts(tmp_path / "logs", table, 3, rows=50)
    log = read(folder)
    asked = None if kind in ("group", "prompt") else kind
    expected = split(log, seed=seed, group=asked, need_all_parts=False)
    with workers("threads", 2) as on:
        found = scanned(folder, on).cut(seed, asked, need_all_parts=False)
    assert np.concatenate(found.parts).tolist() == expected.part.tolist()
    assert (found.rule, found.group, found.cuts_s) == (
        expected.rule,
        expected.group,
        expected.cuts_s,
    )
    assert (found.n, found.dropped) == (expected.n, expected.dropped)
    assert found.sha256 == log.sha256
    if kind != "id":
        bucket = np.concatenate(found.buckets)
        together = {group: set(bucket[expected.groups == group]) for group in expected.groups}
        assert all(len(it) == 1 for it in together.values())


@pytest.mark.parametrize("kind", ["id", "group", "prompt", "task"])
@pytest.mark.parametrize("words", [("train", "val", "test"), ("train", "test")])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_cut_that_a_column_says_is_the_one_in_memory(tmp_path, form, words, kind):
    table = wide_table(300, 1, time=True, group=kind == "group", prompt=kind == "prompt")
    marks = pa.array([words[row * 5 % 7 % len(words)] for row in range(300)])
    table = form(table.append_column("split", marks))
    folder = save_parts(tmp_path / "logs", table, 3, rows=50, each=len(table) // 300)
    asked = None if kind in ("group", "prompt") else kind
    expected = split(read(folder), seed=2, group=asked)
    with workers("threads", 2) as on:
        found = scanned(folder, on).cut(2, asked)
        timed = scanned(folder, on).cut(2, asked, "time", need_all_parts=False)
    assert (found.rule, expected.rule, timed.rule) == ("column", "column", "time")
    assert np.concatenate(found.parts).tolist() == expected.part.tolist()
    assert (found.n, found.returned) == (expected.n, expected.returned)


@pytest.mark.parametrize("kind", ["id", "group", "prompt", "task"])
@pytest.mark.parametrize("rule", [None, "random"])
@pytest.mark.parametrize("days", [4, 6, 11])
def test_equal_times_and_prompts_alike_are_cut_as_in_memory(tmp_path, days, rule, kind):
    table = wide_table(400, 1, time=True, group=kind == "group", prompt=kind == "prompt")
    times = pa.array([86_400.0 * (row * days // 400) for row in range(400)])
    table = table.set_column(table.schema.get_field_index("timestamp"), "timestamp", times)
    if kind == "prompt":
        words = [(" What IS ", "what is", "WHAT is")[row % 3] + str(row // 5) for row in range(400)]
        at = table.schema.get_field_index("prompt")
        table = table.set_column(at, "prompt", pa.array(words))
    folder = save_parts(tmp_path / "logs", table, 3, rows=50)
    asked = None if kind in ("group", "prompt") else kind
    expected = split(read(folder), group=asked, rule=rule, need_all_parts=False)
    with workers("threads", 2) as on:
        found = scanned(folder, on).cut(0, asked, rule, need_all_parts=False)
    assert np.concatenate(found.parts).tolist() == expected.part.tolist()
    assert (found.rule, found.tied, found.cuts_s) == (
        expected.rule,
        expected.tied,
        expected.cuts_s,
    )
    assert found.dropped == expected.dropped
    if kind != "id":
        bucket = np.concatenate(found.buckets)
        together = {group: set(bucket[expected.groups == group]) for group in expected.groups}
        assert all(len(it) == 1 for it in together.values())


@pytest.mark.parametrize("shape", ["even", "lumps", "two values", "skewed"])
def test_cuts_in_time_are_exact_order_statistics(tmp_path, shape):
    rng = np.random.default_rng(5)
    times = {
        "even": rng.random(999) * 1e6,
        "lumps": rng.integers(0, 7, 999).astype(float),
        "two values": np.repeat([1.0, 2.0, 3.0, 4.0], [900, 90, 8, 1]),
        "skewed": 10.0 ** rng.uniform(0, 9, 999),
    }[shape]
    table = wide_table(999)
    at = table.schema.get_field_index("timestamp")
    table = table.set_column(at, "timestamp", pa.array(times))
    folder = save_parts(tmp_path / "logs", table, 4)
    with workers("threads", 2) as on:
        found = scanned(folder, on).cut(0, "id", need_all_parts=False)
    expected = split(read(folder), group="id", need_all_parts=False)
    assert found.cuts_s == expected.cuts_s
    assert found.n == expected.n


@pytest.mark.parametrize("form", ["wide", "long"])
def test_figures_are_those_of_the_rows_in_memory(tmp_path, form):
    table = wide_table(3000, 1)
    each, rows = (1, table) if form == "wide" else (3, by_request(long_table(table), table))
    folder = save_parts(tmp_path / "logs", rows, 4, rows=300, each=each)
    log = read(save_whole(tmp_path / "whole.parquet", rows), signals=["sure"])
    cut = split(log, group="id")
    here = comparison_set(log, cut, "test", MODELS, catalogue=Catalogue().only(MODELS), seed=0)
    named = [NamedPolicy(f"p{at}", policy) for at, policy in enumerate(POLICIES)]
    expected = evaluate(here, named)
    question = MomentsQuery((), Catalogue().only(MODELS), 0)
    with workers("threads", 2) as on:
        through = scanned(folder, on)
        parts = through.part(through.cut(0, "id"), "test", MODELS)
        found = through.moments(parts, POLICIES, question, "")
    assert found.coverage().n_dropped == here.coverage.n_dropped
    assert dict(found.by_task) == dict(here.coverage.by_task)
    for mine, its in zip(evaluated(found, named, MODELS, "test", 0), expected, strict=True):
        for key in ("n_requests", "n_dropped", "escalation_rate", "model_share"):
            assert getattr(mine, key) == getattr(its, key)
        for key in ("quality", "usd_per_1k", "gain_vs_zero_router", "aiq", "aiq_zero_router"):
            assert getattr(mine, key) == pytest.approx(getattr(its, key), rel=1e-9)
        for key in ("latency_p50_s", "latency_p95_s"):
            assert getattr(mine, key) == pytest.approx(getattr(its, key), rel=0.01)
        for key in ("quality_ci", "usd_per_1k_ci", "gain_ci"):
            close(getattr(mine, key), getattr(its, key))
        known = {it.name: it for it in its.baselines}
        for one in mine.baselines:
            assert one.quality == pytest.approx(known[one.name].quality, rel=1e-9)
            assert one.usd_per_1k == pytest.approx(known[one.name].usd_per_1k, rel=1e-9)
            close(one.quality_gain_ci, known[one.name].quality_gain_ci)


def close(one, other):
    """Two intervals of one thing, from other resamples, differ by little of their width."""
    width = max(other[1] - other[0], 1e-12)
    assert abs(one[0] - other[0]) < 0.15 * width + 1e-9
    assert abs(one[1] - other[1]) < 0.15 * width + 1e-9


def test_statistics_of_a_part_are_those_of_its_rows_and_bits_do_not_depend_on_the_workers(tmp_path):
    table = wide_table(2000, 2)
    folder = save_parts(tmp_path / "logs", table, 5, rows=130)
    log = read(folder, signals=["sure"])
    here = comparison_set(
        log, split(log, group="id"), "tune", MODELS, catalogue=Catalogue(), seed=0
    )
    levels = tuple(Levels(np.linspace(0.05, 0.95, 19)) for _ in range(2))
    spec = Spec("sure", (Chain(MODELS, levels), Chain(MODELS[:2], levels[:1])))
    bits = []
    for where, count in (("threads", 1), ("threads", 3), ("processes", 2)):
        with workers(where, count) as on:
            through = scanned(folder, on)
            parts = through.part(through.cut(0, "id"), "tune", MODELS)
            (stats,) = through.tally(parts, (spec,))
        bits.append([it.tobytes() for calls in stats.calls for it in calls])
        for mine, its in zip(stats.calls, kernel(here.log, spec).calls, strict=True):
            for a, b in zip(mine, its, strict=True):
                np.testing.assert_array_equal(a[0], b[0])
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=0)
    assert bits[0] == bits[1] == bits[2]


def square_or_die(job: tuple[int, str]) -> int:
    """A worker that dies on its first try at 3, as one that the kernel kills does."""
    number, folder = job
    mark = Path(folder) / f"tried-{number}"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def always_die(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def fail(number: int) -> int:
    if number == 2:
        raise LogError("part-2: is torn")
    return number


def test_a_worker_that_dies_is_replaced_and_the_result_is_the_same(tmp_path):
    jobs = [(number, str(tmp_path)) for number in range(9)]
    with workers("processes", 2) as on:
        told = []
        found = list(on.map(square_or_die, jobs, lambda done, of: told.append((done, of))))
    assert found == [number * number for number in range(9)]
    assert (tmp_path / "tried-3").exists()
    assert told[-1] == (9, 9)


def test_a_worker_of_a_cluster_that_dies_changes_nothing(tmp_path):
    distributed = pytest.importorskip("distributed")
    jobs = [(number, str(tmp_path)) for number in range(9)]
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            worker_dashboard_address=None,
        ) as cluster,
        workers(cluster.scheduler_address.replace("tcp://", "dask://")) as on,
    ):
        assert list(on.map(square_or_die, jobs)) == [number * number for number in range(9)]
    assert (tmp_path / "tried-3").exists()


def test_a_task_that_kills_every_worker_is_given_up():
    with (
        workers("processes", 1) as on,
        pytest.raises(RoutelabError, match="partition 1 of 1 was lost 3 times"),
    ):
        list(on.map(always_die, [0]))


def test_what_a_task_raises_is_raised():
    with workers("threads", 2) as on, pytest.raises(LogError, match="part-2: is torn"):
        list(on.map(fail, range(5)))


def test_results_come_in_the_order_of_the_items_and_do_not_pile_up():
    begun = []

    def slow_first(number: int) -> int:
        begun.append(number)
        return number

    on = Workers(lambda: ThreadPoolExecutor(2), (BrokenProcessPool,), 2)
    results = on.map(slow_first, range(50))
    assert next(results) == 0
    assert len(begun) <= 4
    assert list(results) == list(range(1, 50))
    on.close()


def test_an_unknown_executor_is_refused():
    with pytest.raises(RoutelabError, match="choose threads, processes, or dask"), workers("gpu"):
        pass


def test_a_request_with_rows_in_two_files_is_refused(tmp_path):
    table = wide_table(40)
    folder = save_parts(tmp_path / "logs", by_request(long_table(table), table), 3, each=1)
    cut_within = [pq.read_metadata(it).num_rows % 3 for it in sorted(folder.iterdir())]
    assert any(cut_within)
    with workers("threads", 1) as on, pytest.raises(LogError, match="rows in more than one file"):
        scanned(folder, on)


def covered(seed: int) -> bool:
    """Whether the interval of a mean holds the truth, on requests in groups of all sizes."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 10, 400)
    mean = 0.6 + np.repeat(rng.normal(scale=0.15, size=400), sizes)
    value = mean + rng.normal(scale=0.3, size=len(mean))
    bucket = np.repeat(rng.integers(0, BUCKETS, 400), sizes)
    sums = [np.bincount(bucket, weights, BUCKETS) for weights in (value, np.ones(len(value)))]
    samples = Resamples(n_resamples=500, seed=seed).means_of(np.array(sums))
    low, high = interval(samples[:, 0])
    return low <= 0.6 <= high


def test_intervals_from_buckets_of_groups_cover_the_truth():
    assert 0.90 <= np.mean([covered(seed) for seed in range(200)]) <= 0.99


@pytest.mark.slow
def test_intervals_from_buckets_of_groups_cover_the_truth_as_often_as_they_say():
    assert 0.93 <= np.mean([covered(seed) for seed in range(2000)]) <= 0.97


def test_words_among_the_numbers_of_a_signal_are_noted_for_their_file(tmp_path):
    rng = np.random.default_rng(0)
    for part, words in enumerate((["high"], [])):
        sure = [*words, *(f"{it:.3f}" for it in rng.random(60 - len(words)))]
        rows = {
            "request_id": [f"r{part}-{row // 2}" for row in range(60)],
            "model": ["a", "b"] * 30,
            "quality": rng.random(60),
            "cost_usd": np.ones(60),
            "confidence": sure,
        }
        pq.write_table(pa.table(rows), tmp_path / f"{part}.parquet")
    batches = open_batches(tmp_path, signals=["confidence"])
    found = notes_of(batches, [survey_file((batches, file)) for file in (0, 1)])
    assert [it.partition(" on ")[0] for it in found] == [
        "0.parquet: signal confidence is no number but 'high'"
    ]
