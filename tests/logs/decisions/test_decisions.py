"""What a router wrote down is read back as a log, compacted or not, whatever crashed meanwhile."""

from __future__ import annotations

import asyncio
import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from runtime_world import PRICES, Endpoint, catalogue, model, policy_file

from routelab.core.request import Request
from routelab.errors import LogError, RouteError
from routelab.logs import Log, PartialLog, describe, read
from routelab.logs.decisions import compact, open_journal
from routelab.policies import Cascade, Explore, Fixed
from routelab.runtime import AsyncRouter, DecisionLog, RouterConfig
from routelab.runtime.finished_request import FinishedRequest

ONE = (1000 * 2.0 + 500 * 8.0) / 1e6
LAST = 3 * ONE
DEAR = {name: 3 * price for name, price in PRICES.items()}
CASCADE = Cascade(models=("first", "last"), thresholds=(0.8,), signal="agreement")
WORLD = catalogue(first=model("varied"), last=model("plain", **DEAR))
SOURCE = {"agreement": lambda request, body: 0.9 if "even" in request.task else 0.1}


def routed(tmp_path, policy=CASCADE, world=WORLD, *, n=6, log=None, judge=True, signals=SOURCE):
    """A folder with the decision log of n requests, every other of which takes one call."""
    chosen = policy_file(tmp_path, policy, world)
    folder = tmp_path / "log"

    async def run():
        options = {"transport": Endpoint().transport, "log": log or folder, "signals": signals}
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(wall_clock=lambda: 1_795_521_600.0, **options),
        ) as router:
            for number in range(n):
                task = ("even", "odd")[number % 2]
                try:
                    await router.route(f"prompt {number}", id=f"r{number}", task=task, tenant="a")
                except RouteError:
                    continue
                if judge:
                    router.feedback(f"r{number}", number % 10 / 10)

    asyncio.run(run())
    return folder


def test_a_cascades_log_is_partial_and_tells_what_each_call_was(tmp_path):
    log = read(routed(tmp_path))
    assert isinstance(log, PartialLog)
    assert log.models == ("first", "last")
    assert log.requests.id.tolist() == [f"r{number}" for number in range(6)]
    assert log.requests.task.tolist() == ["even", "odd"] * 3
    assert log.requests.timestamp_s.tolist() == [1_795_521_600.0] * 6
    assert log.request.tolist() == [0, 1, 1, 2, 3, 3, 4, 5, 5]
    assert log.step.tolist() == [0, 0, 1, 0, 0, 1, 0, 0, 1]
    assert log.propensity.tolist() == [1.0] * 9
    assert log.cost_usd.tolist() == pytest.approx([ONE, ONE, LAST] * 3)
    np.testing.assert_array_equal(
        log.quality, [0.0, math.nan, 0.1, 0.2, math.nan, 0.3, 0.4, math.nan, 0.5]
    )
    first = log.signals["agreement"][log.model == 0]
    assert first.tolist() == [0.9, 0.1] * 3
    found = describe(log)
    assert (found["form"], found["steps"]) == ("partial", 9)


def test_propensities_of_an_exploring_policy_are_those_of_its_draws(tmp_path):
    log = read(routed(tmp_path, Explore(policy=CASCADE, epsilon=0.5), n=40))
    assert set(log.propensity[log.step == 0].tolist()) == {0.25, 0.75}
    assert set(log.propensity[log.step > 0].tolist()) == {1.0}


def test_where_every_model_was_asked_the_log_is_complete(tmp_path):
    policy = Cascade(models=("first", "last"), thresholds=(2.0,), signal="agreement")
    log = read(routed(tmp_path, policy))
    assert isinstance(log, Log)
    assert log.cost_usd[:, 1].tolist() == pytest.approx([LAST] * 6)
    assert log.quality[:, 1].tolist() == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert np.isnan(log.quality[:, 0]).all()


def test_one_model_and_no_judgement_can_still_be_described(tmp_path):
    log = read(routed(tmp_path, Fixed("first"), judge=False, signals={}))
    assert np.isnan(log.quality).all()
    assert any("no answer was judged" in note for note in log.notes)
    assert describe(log)["models"]["first"]["usd_per_1k"] == pytest.approx(1000 * ONE)


def test_feedback_of_a_file_goes_before_the_logs_own(tmp_path):
    folder = routed(tmp_path)
    told = tmp_path / "judged.jsonl"
    told.write_text(
        '{"request_id": "r1", "quality": 1.0}\n'
        '{"request_id": "r1", "model": "first", "quality": 0.75}\n'
        '{"request_id": "nobody", "quality": 1.0}\n'
    )
    log = read(folder, feedback=told)
    assert log.quality[log.request == 1].tolist() == [0.75, 1.0]
    assert any("1 judgements are of no answer" in note for note in log.notes)
    told.write_text('{"request_id": "r1"}\n')
    with pytest.raises(LogError, match=r"judged\.jsonl: feedback needs quality"):
        read(folder, feedback=told)
    with pytest.raises(LogError, match="is no decision log"):
        read(told, feedback=told)
    told.write_text(
        '{"request_id": "r1", "quality": 1.0}\n\n{"request_id": "r2", "quality": "good"}\n'
        + '{"request_id": 7, "model": ["a"]}\n' * 6
    )
    with pytest.raises(LogError) as caught:
        read(folder, feedback=told)
    first, second, *_, last = caught.value.problems
    assert first == 'judged.jsonl: line 3: quality is "good"; it must be a number in [0, 1]'
    assert second == (
        "judged.jsonl: line 4: request_id is 7; it must be text; quality is missing; it must be a"
        ' number in [0, 1]; model is ["a"]; it must be text, or left out'
    )
    assert last == "judged.jsonl: ... and 2 more like the 5 above"


def test_failed_calls_count_and_calls_that_were_never_made_do_not(tmp_path):
    world = catalogue(first=model("broken"), last=model("plain", **DEAR))
    log = read(routed(tmp_path, world=world))
    assert log.error.reshape(-1)[:2].tolist() in ([True, False], [True, True])
    assert np.nansum(log.quality[..., 0]) == 0.0


def test_a_torn_last_line_is_left_out_with_a_note_and_another_one_is_an_error(tmp_path):
    folder = routed(tmp_path)
    (path,) = folder.glob("*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:100])
    log = read(folder)
    assert len(log) == 6
    assert any("ends in the middle of a line" in note for note in log.notes)
    path.write_bytes(whole[:100] + b"\n" + whole)
    with pytest.raises(LogError, match="line 1"):
        read(path)
    path.write_bytes(whole + b'{"schema": "routelab.decision/2", "request_id": "x"}\n')
    with pytest.raises(LogError, match=r"routelab\.decision/2.*newer"):
        read(path)


def test_requests_that_share_an_id_are_told_apart(tmp_path):
    folder = routed(tmp_path, n=2)
    (path,) = folder.glob("*.jsonl")
    path.write_bytes(2 * path.read_bytes())
    log = read(folder)
    assert log.requests.id.tolist() == ["r0", "r1", "r0#2", "r1#2"]
    assert any("request id of an earlier one" in note for note in log.notes)


def same(one, other):
    assert one.models == other.models
    for name in ("request", "model", "step", "propensity", "quality", "cost_usd", "latency_s"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.requests.id.tolist() == other.requests.id.tolist()
    assert one.signals.keys() == other.signals.keys()
    for name in one.signals:
        np.testing.assert_array_equal(one.signals[name], other.signals[name])


def test_a_compacted_log_says_the_same_in_fewer_bytes_and_loses_no_line(tmp_path):
    folder = routed(tmp_path, n=200, log=DecisionLog(tmp_path / "log", max_bytes=20_000))
    log = DecisionLog(folder)
    log.write(refused())
    log.close()
    before, lines = read(folder), list(open_journal(folder).lines())
    done = compact(folder)
    assert (len(done.out), done.requests, done.left) == (1, 201, ())
    assert len(done.files) > 3
    assert done.after_bytes < done.before_bytes / 4
    assert [it.suffix for it in folder.iterdir()] == [".parquet"]
    same(read(folder), before)
    same(read(done.out[0]), before)
    key = lambda it: json.dumps(repr(it))  # noqa: E731
    assert sorted(open_journal(folder).lines(), key=key) == sorted(lines, key=key)
    assert {"request_id", "model", "quality", "record"} <= set(pq.read_schema(done.out[0]).names)


def refused():
    return FinishedRequest(
        request=Request("refused"),
        policy="p",
        status="refused",
        timestamp_s=1.0,
        latency_s=0.0,
        cost_usd=0.0,
        error="nothing left",
    )


def test_a_file_that_is_being_written_is_not_compacted(tmp_path):
    folder = routed(tmp_path)
    log = DecisionLog(folder)
    log.write(refused())
    while not log.status().written:
        pass
    done = compact(folder)
    assert (len(done.files), len(done.left)) == (1, 1)
    log.close()
    assert len(compact(folder).files) == 1
    assert sorted(it.request_id for it in open_journal(folder).lines() if hasattr(it, "steps")) == [
        *(f"r{number}" for number in range(6)),
        "refused",
    ]


def test_files_that_a_crash_left_beside_their_parquet_file_are_not_counted_twice(tmp_path):
    folder = routed(tmp_path)
    before = read(folder)
    compact(folder, keep=True)
    assert sorted(it.suffix for it in folder.iterdir()) == [".jsonl", ".parquet"]
    same(read(folder), before)
    compact(folder)
    assert [it.suffix for it in folder.iterdir()] == [".parquet"]
    same(read(folder), before)


def test_the_folder_may_be_the_one_one_is_in(tmp_path, monkeypatch):
    monkeypatch.chdir(routed(tmp_path))
    assert len(read(".")) == 6


def test_a_folder_without_a_decision_log_says_so(tmp_path):
    with pytest.raises(LogError, match="no decision log; name the folder"):
        compact(tmp_path)
    with pytest.raises(LogError, match="no such file"):
        open_journal(tmp_path / "nothing")
    with pytest.raises(LogError, match="no Parquet file"):
        read(tmp_path)


def test_lines_that_no_router_wrote_are_named_with_the_way_out(tmp_path):
    (file,) = routed(tmp_path).glob("*.jsonl")
    file.write_text(file.read_text().replace('"task":"odd"', '"task":null'))
    with pytest.raises(LogError, match=r"line \d+: Expected `str`, got `null`.*") as caught:
        read(file.parent)
    assert "take the lines out of the file to read the rest" in str(caught.value)


def test_feedback_may_be_named_by_text(tmp_path):
    folder = routed(tmp_path, judge=False)
    judged = tmp_path / "judged.jsonl"
    judged.write_text('{"request_id": "r0", "quality": 0.5}\n')
    assert read(str(folder), feedback=str(judged)).quality[0] == 0.5
