"""`routelab tune` and `replay` on a folder of Parquet files, read whole or in batches."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches_world import by_request, long_table, save_parts, save_whole, wide_table
from cli_world import left_behind

from routelab.policy_file import load

QUICK = ("--policy", "cascade", "--signal", "sure:2", "--no-tracking", "--no-report", "--json")
TABLE = wide_table(2500, 4)


@pytest.fixture
def folder(tmp_path):
    return save_parts(tmp_path / "logs", TABLE, 4, rows=300)


def rounded(data):
    return json.loads(json.dumps(data), parse_float=lambda text: f"{float(text):.9g}")


def tuned(run, log, *options):
    return run.ok("tune", log, "--replace", *QUICK, *options).data


def figures(told):
    return {key: told[key] for key in ("verdict", "reasons", "test", "operating_points", "splits")}


def test_a_folder_and_a_pattern_give_the_study_of_one_file(run, folder, tmp_path):
    whole = save_whole(tmp_path / "whole.parquet", TABLE)
    logs = (whole, folder, folder / "*.parquet")
    told = [figures(tuned(run, log, "--trials", 5, "--out", "x.policy")) for log in logs]
    assert told[0] == told[1] == told[2]


def test_a_reversed_signal_is_said_of_a_log_in_batches(run, folder):
    quiet = ("--no-tracking", "--no-report", "--json", "--executor", "threads")
    told = run.ok("tune", folder, *quiet, "--signal", "reversed:sure:2", "--out", "x.policy").data
    (line,) = [it for it in told["reasons"] if "is reversed" in it]
    assert "`signals=['sure']`" in line
    batches = tuned(run, folder, "--executor", "threads")["reasons"]
    memory = tuned(run, folder, "--trials", 5)["reasons"]
    assert not any("is reversed" in it for it in batches)
    doubts = [[it[:40] for it in told if "label" in it] for told in (batches, memory)]
    assert doubts[0] == doubts[1]


def test_other_files_of_the_same_name_make_another_study(run, folder, tmp_path):
    asked = ("tune", folder, *QUICK, "--executor", "threads", "--out", "x.policy")
    run.ok(*asked)
    before = load(tmp_path / "x.policy").digest
    run.ok(*asked)
    save_parts(tmp_path / "logs", wide_table(2000, 5), 4, rows=300)
    assert "its log is logs of other content" in run.refused(*asked)
    assert load(tmp_path / "x.policy").digest == before
    run.ok(*asked, "--replace")


def test_the_policy_is_named_after_the_folder(run, folder):
    tuned(run, folder, "--executor", "threads")
    assert load("logs.policy").name == "logs"
    tuned(run, folder / "part*.parquet", "--executor", "threads", "--out", "y.policy")


def test_executors_and_forms_and_cuts_of_a_log_give_the_same_study(run, folder, tmp_path):
    whole = save_whole(tmp_path / "whole.parquet", TABLE)
    long = save_parts(tmp_path / "long", by_request(long_table(TABLE), TABLE), 3, each=3)
    told = [
        tuned(run, log, "--executor", where, "--out", "x.policy")
        for log, where in (
            (folder, "threads"), (folder, "processes"), (whole, "threads"), (long, "threads"),
        )
    ]  # fmt: skip
    assert told[0] == told[1]
    assert told[0]["policy_digest"] == told[1]["policy_digest"]
    same = [rounded(figures(it)) for it in told]
    assert same[0] == same[2] == same[3]


def test_a_study_in_batches_is_near_that_in_memory_and_has_the_same_parts(run, folder):
    batches = tuned(run, folder, "--executor", "threads", "--looks", "batches.looks")
    memory = tuned(run, folder, "--trials", 5, "--looks", "memory.looks")
    for key in ("n", "dropped", "rule", "cuts_s", "group"):
        assert batches["splits"][key] == memory["splits"][key]
    assert batches["test"]["n_requests"] == memory["test"]["n_requests"]
    assert batches["test"]["aiq_zero_router"] == pytest.approx(memory["test"]["aiq_zero_router"])
    assert batches["aiq_front"] == pytest.approx(memory["aiq_front"], abs=0.01)
    assert batches["verdict"] == memory["verdict"] == "ship"
    assert batches.keys() - memory.keys() == {"streamed"}
    assert memory.keys() <= batches.keys()


def test_a_study_in_batches_gets_its_page_from_the_log(run, folder):
    tuned(run, folder, "--executor", "threads", "--out", "x.policy")
    run.ok("report", "x.policy", "--out", "bare.html")
    told = run.ok("report", "x.policy", "--log", folder, "--out", "full.html", "--json").data
    assert told["source"] == "study"
    assert told["verdict"] == "ship"
    bare, full = (Path(name).read_text(encoding="utf-8") for name in ("bare.md", "full.md"))
    assert len(full) > 1.3 * len(bare)


def test_policies_tuned_in_batches_are_compared_on_their_test_part(run, folder):
    batches = ("--executor", "threads")
    tuned(run, folder, *batches, "--out", "old.policy")
    tuned(run, folder, *batches, "--max-usd-per-1k", 0.8, "--out", "new.policy")
    found = run.ok("diff", "old.policy", "new.policy", "--log", folder, "--json").data
    assert found["part"] == "test"
    assert found["notes"] == []


@pytest.mark.parametrize("bounds", [("--min-quality-share", 0.95), ("--max-usd-per-1k", 0.8), ()])
def test_replay_in_batches_repeats_the_study_to_the_last_digit(run, folder, bounds):
    told = tuned(run, folder, "--executor", "threads", "--out", "x.policy", *bounds)
    again = run.ok("replay", "x.policy", "--log", folder, "--executor", "threads", "--json")
    assert again.data == [told["test"]]
    assert again.err == ""
    whole = run.ok("replay", "x.policy", "--log", folder, "--json").data[0]
    for key in ("quality", "usd_per_1k", "gain_vs_zero_router", "escalation_rate"):
        assert whole[key] == pytest.approx(told["test"][key], rel=1e-9)
    for part in ("tune", "all"):
        run.ok("replay", "x.policy", "--log", folder, "--split", part, "--executor", "threads")


def test_a_log_with_other_rows_has_no_test_part(run, folder, tmp_path):
    tuned(run, folder, "--executor", "threads", "--out", "x.policy")
    other = save_parts(tmp_path / "other", wide_table(900, 5), 2)
    for options in ((), ("--executor", "threads")):
        says = run.refused("replay", "x.policy", "--log", other, *options)
        assert "is not the log that policy 'x' was tuned on" in says


def test_without_a_signal_the_best_fixed_or_mixture_is_exported(run, tmp_path):
    table = TABLE.drop_columns([name for name in TABLE.column_names if name.endswith("sure")])
    folder = save_parts(tmp_path / "logs", table, 3)
    told = run.ok("tune", folder, "--executor", "threads", "--max-usd-per-1k", 0.8, "--json").data
    assert told["operating_points"][0]["policy"]["kind"] == "mixture"
    assert any("no usable confidence signal" in reason for reason in told["reasons"])
    (again,) = run.ok(
        "replay", "logs.policy", "--log", folder, "--executor", "threads", "--json"
    ).data
    assert again == told["test"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--executor", "gpu"), "--executor gpu: choose threads, processes, or dask://HOST:PORT"),
        (("--executor", "dask://127.0.0.1:1"), "no Dask scheduler answers there"),
        (
            ("--policy", "utility"),
            "--policy utility: cannot be had of a log",
        ),
        (("--certify", "regret=0.1"), "--certify: cannot be had"),
        (("--max-p95-s", 3), "--max-p95-s: cannot be had"),
        (("--storage", "x.log"), "--storage x.log: cannot be had"),
        (("--by", "task"), "--by task: cannot be had"),
        (("--sampler", "tpe"), "--sampler tpe: cannot be had"),
        (("--levels", 1), "--levels is 1; at least 2 are needed"),
        (("--levels", 200_000), "levels fit, or fewer models"),
        (("--models", "small"), "two candidate models or more"),
        (("--models", "small,huge"), "no model 'huge'"),
        (("--signal", "calm:2"), "no values of signal 'calm'; it has sure"),
        (("--min-quality", 0.999), "the best reachable is"),
        (("--group", "user"), "unknown grouping 'user'"),
        (("--group", "group"), "no group column to group by"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(run, folder, tmp_path, options, says):
    where = () if "--executor" in options else ("--executor", "threads")
    assert says in run.refused("tune", folder, *where, *options)
    assert left_behind(tmp_path, folder) == []


def test_all_that_is_wrong_with_the_files_is_said_at_once(run, folder, tmp_path):
    parts = sorted(folder.iterdir())
    pq.write_table(pq.read_table(parts[1]).drop_columns(["small|sure"]), parts[1])
    table = pq.read_table(parts[2])
    at = table.schema.get_field_index("large")
    pq.write_table(
        table.set_column(at, "large", table.column("large").cast(pa.float32())), parts[2]
    )
    says = run.refused("tune", folder, "--executor", "threads")
    assert "part-001.parquet: lacks small|sure" in says
    assert "part-002.parquet: column 'large' is float, and double in part-000.parquet" in says
    assert left_behind(tmp_path, folder) == []


def test_too_many_missing_outcomes_are_refused_unless_allowed(run, tmp_path):
    at = TABLE.schema.get_field_index("large")
    values = TABLE.column("large").to_pylist()
    some = pa.array([None if i % 3 == 0 else it for i, it in enumerate(values)])
    folder = save_parts(tmp_path / "logs", TABLE.set_column(at, "large", some), 3)
    says = run.refused("tune", folder, "--executor", "threads", *QUICK)
    assert "over 20% is refused" in says
    told = tuned(run, folder, "--executor", "threads", "--allow-missing")
    assert told["coverage"]["test"]["n_dropped"] > 100
    assert any(reason.startswith("test: ") for reason in told["reasons"])


def test_a_cluster_gives_the_policy_that_threads_give(run, folder):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        worker_dashboard_address=None,
    ) as cluster:
        where = cluster.scheduler_address.replace("tcp://", "dask://")
        told = tuned(run, folder, "--executor", where, "--out", "x.policy")
    assert told == tuned(run, folder, "--executor", "threads", "--out", "x.policy")
