"""The decision log: what it holds, and that it never costs a request or a record."""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator
from runtime_world import PRICES, Endpoint, catalogue, model, policy_file

from routelab.core.catalogue.catalogue import Deployment, Model
from routelab.core.request import Request
from routelab.core.storage import schema
from routelab.core.storage.record import Record
from routelab.errors import NoModelError, RouteError
from routelab.logs import prompt_key
from routelab.logs.decisions import open_journal
from routelab.policies import Cascade, Explore, Fixed
from routelab.runtime import AsyncRouter, DecisionLog, RouterConfig
from routelab.runtime.finished_request import FinishedRequest

CASCADE = Cascade(models=("first", "last"), thresholds=(2.0,), signal="score")


def route(tmp_path, policy, world, *, log=None, prompts=("hello",), **fields):
    """Route prompts one after the other; the errors that were raised."""
    chosen = policy_file(tmp_path, policy, world)
    errors = []

    async def run():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(
                transport=Endpoint().transport, log=log or tmp_path / "log", timeout_s=0.2
            ),
        ) as router:
            for number, prompt in enumerate(prompts):
                try:
                    await router.route(prompt, id=f"r{number}", **fields)
                except RouteError as error:
                    errors.append(error)

    asyncio.run(run())
    return errors


def lines(folder):
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def finished(number, **fields):
    made = {"policy": "p", "status": "answered", "timestamp_s": 1.0, "latency_s": 0.5}
    request = Request(f"r{number}", ({"role": "user", "content": f"prompt {number}"},))
    return FinishedRequest(**{**made, "request": request, "cost_usd": 0.001, **fields})


def test_a_record_tells_every_step_with_its_signal_threshold_cost_and_deployment(tmp_path):
    world = catalogue(first=model("scored"), last=model("broken", "plain"))
    route(tmp_path, CASCADE, world, tenant="acme", task="chat", priority="high", needs=())
    (record,) = lines(tmp_path / "log")
    assert record["schema"] == "routelab.decision/1"
    assert (record["request_id"], record["tenant"], record["task"]) == ("r0", "acme", "chat")
    assert (record["status"], record["model"], record["priority"]) == ("answered", "last", "high")
    assert record["prompt_hash"] == "sha256:" + prompt_key("hello")
    first, last = record["steps"]
    assert (first["signals"], first["threshold"], first["turn"]) == ({"score": 0.75}, 2.0, 0)
    assert (last["final"], last["turn"]) == (True, 1)
    assert last["deployment"] == "plain-name at http://upstream.test/plain/v1"
    assert "boiler on fire" in last["notes"][0]
    assert record["cost_usd"] == first["cost_usd"] + last["cost_usd"] > 0
    assert "hello" not in json.dumps(record)
    Draft202012Validator(schema.decision_schema()).validate(record)
    assert msgspec.json.decode(msgspec.json.encode(record), type=Record).model == "last"


def test_a_request_that_nobody_answered_keeps_its_cost_in_the_error_and_the_log(tmp_path):
    world = catalogue(first=model("charged", cost_reported=True), last=model("broken"))
    (error,) = route(tmp_path, CASCADE, world)
    assert error.cost_usd == 0.5
    assert [step.call.model for step in error.steps] == ["first", "last"]
    (record,) = lines(tmp_path / "log")
    assert (record["status"], record["cost_usd"], "model" in record) == ("failed", 0.5, False)
    assert "boiler on fire" in record["error"]
    assert [step["model"] for step in record["steps"]] == ["first", "last"]


def test_the_published_schema_is_current():
    published = Path(__file__).parents[3] / "docs" / "decision.schema.json"
    told = "out of date: python -m routelab.core.storage.schema > docs/decision.schema.json"
    assert published.read_text(encoding="utf-8") == schema.text(), told


def test_a_refused_request_is_recorded_with_the_reason(tmp_path):
    world = catalogue(first=model("plain", capabilities=()), last=model("plain", capabilities=()))
    (error,) = route(tmp_path, CASCADE, world, needs=("vision",))
    assert isinstance(error, NoModelError)
    (record,) = lines(tmp_path / "log")
    assert (record["status"], record["needs"]) == ("refused", ["vision"])
    assert "lacks vision" in record["error"]


def test_a_request_whose_caller_went_away_is_recorded_with_what_it_had_cost(tmp_path):
    last = model("charged", "asleep", cost_reported=True)
    chosen = policy_file(tmp_path, CASCADE, catalogue(first=model("scored"), last=last))

    async def run():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=Endpoint().transport, log=tmp_path / "log"),
        ) as router:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(router.route("hello"), 0.2)

    asyncio.run(run())
    (record,) = lines(tmp_path / "log")
    first, under_way = record["steps"]
    assert (record["status"], under_way["error"]) == ("cancelled", "cancelled")
    assert record["cost_usd"] == first["cost_usd"] + under_way["cost_usd"] > 0.5
    assert [it["status"] for it in under_way["attempts"][:1]] == [503]


def test_the_propensity_of_each_call_is_that_of_the_draws_before_it(tmp_path):
    world = catalogue(first=model("scored"), last=model("plain"))
    policy = Explore(policy=CASCADE, epsilon=0.5)
    route(tmp_path, policy, world, prompts=["hello"] * 40)
    records = lines(tmp_path / "log")
    for record in records:
        (choice,) = record["choices"]
        assert [step.get("propensity", 1.0) for step in record["steps"]] == [
            choice["propensity"],
            *[1.0] * (len(record["steps"]) - 1),
        ]
    assert {record["choices"][0]["propensity"] for record in records} == {0.25, 0.75}


def test_texts_are_logged_only_when_switched_on(tmp_path):
    log = DecisionLog(tmp_path / "log", texts=True, hash_key=b"key")
    route(tmp_path, Fixed("first"), catalogue(first=model("good")), log=log, prompts=["\ud800hi"])
    (record,) = lines(tmp_path / "log")
    assert record["messages"] == [{"role": "user", "content": "?hi"}]
    assert record["steps"][0]["response"] == "?hi"
    assert record["prompt_hash"].startswith("hmac-sha256:")


def test_keys_never_reach_the_log(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_KEY", 'open"sesame')
    at = Deployment("http://upstream.test/plain/v1", "m", api_key_env="TEST_KEY")
    log = DecisionLog(tmp_path / "log", texts=True)
    world = catalogue(first=Model(deployments=(at,), **PRICES))
    route(tmp_path, Fixed("first"), world, log=log, prompts=['my key is open"sesame'])
    (record,) = lines(tmp_path / "log")
    assert record["messages"][0]["content"] == "my key is ***"


def test_no_record_is_lost_or_torn_when_files_are_full(tmp_path):
    log = DecisionLog(tmp_path, max_bytes=2000)
    threads = [
        threading.Thread(
            target=lambda at=at: [log.write(finished(f"{at}-{n}")) for n in range(500)]
        )
        for at in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert log.status() == (type(log.status()))(written=2000)
    assert {it["request_id"] for it in lines(tmp_path)} == {
        f"r{at}-{n}" for at in range(4) for n in range(500)
    }
    assert len(list(tmp_path.glob("*.jsonl"))) > 10


def test_what_the_queue_has_no_room_for_is_dropped_and_counted(tmp_path):
    log = DecisionLog(tmp_path, max_queued=10)
    for number in range(500):
        log.write(finished(number))
    log.close()
    status = log.status()
    assert status.written + status.dropped == 500
    assert status.dropped > 0
    assert len(lines(tmp_path)) == status.written


def test_long_prompts_do_not_pile_up_in_the_queue(tmp_path):
    (tmp_path / "log").write_text("in the way")
    log = DecisionLog(tmp_path / "log", max_queued_chars=10_000)
    long = Request("long", ({"role": "user", "content": "x" * 4000},))
    for _ in range(100):
        log.write(finished(0, request=long))
    status = log.status()
    assert status.dropped > 50
    assert status.queued + status.dropped == 100
    log.close()
    assert log.status().dropped == 100


def test_a_record_that_json_cannot_hold_is_dropped_alone(tmp_path):
    log = DecisionLog(tmp_path, texts=True)
    odd = Request("odd", ({"role": "user", "content": "x", "f": object()},))
    log.write(finished(0, request=odd))
    log.write(finished(1))
    log.close()
    assert [it["request_id"] for it in lines(tmp_path)] == ["r1"]
    assert log.status().dropped == 1


LIMITED = """
    import resource, signal, sys
    from test_decision_log import finished
    from routelab.runtime import DecisionLog

    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    log = DecisionLog(sys.argv[1], max_bytes=1 << 20)
    for number in range(60):
        log.write(finished(number))
    log.close()
    print(log.status().written, log.status().dropped, log.status().error)
"""


def test_a_full_disk_costs_the_log_and_nothing_else(tmp_path):
    done = script(LIMITED, tmp_path / "log")
    written, dropped, error = done.split(maxsplit=2)
    assert int(written) + int(dropped) == 60
    assert int(written) >= 10
    assert int(dropped) > 0
    assert "too large" in error
    for path in (tmp_path / "log").glob("*.jsonl"):
        assert path.stat().st_size <= 5000
    assert len(lines(tmp_path / "log")) == int(written)


ROUTED = """
    import asyncio, json, logging, pathlib, resource, sys
    from runtime_world import Endpoint, catalogue, model, policy_file
    from routelab.policies import Fixed
    from routelab.runtime import AsyncRouter, RouterConfig

    async def run():
        folder = pathlib.Path(sys.argv[1])
        chosen = policy_file(folder, Fixed("first"), catalogue(first=model("plain")))
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        config = RouterConfig(transport=Endpoint().transport, log=folder / "log")
        async with AsyncRouter(chosen, chosen.document.catalogue, config) as router:
            answers = [(await router.route(f"question {it}")).answer for it in range(60)]
        return answers, (await router.snapshot()).log

    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    answers, status = asyncio.run(run())
    print(json.dumps([answers, status.written, status.dropped]))
"""


def test_requests_are_answered_although_the_disk_under_the_log_is_full(tmp_path):
    warned, told = script(ROUTED, tmp_path).splitlines()
    answers, written, dropped = json.loads(told)
    assert answers == ["plain"] * 60
    assert written + dropped == 60
    assert dropped > 0
    assert len(lines(tmp_path / "log")) == written
    assert warned.startswith(f"decision log {tmp_path / 'log'} cannot be written: ")
    assert "requests go on, and up to 10000 records wait until it can" in warned


def test_a_folder_that_cannot_be_made_fails_no_request(tmp_path, caplog):
    (tmp_path / "log").write_text("a file")
    world = catalogue(first=model("plain"))
    assert route(tmp_path, Fixed("first"), world, prompts=["a", "b"]) == []
    assert "cannot be written" in caplog.text


def test_logging_goes_on_when_the_disk_has_room_again(tmp_path, monkeypatch):
    monkeypatch.setattr("routelab.runtime.journal.decision_log._RETRY_S", 0.01)
    (tmp_path / "log").write_text("in the way")
    log = DecisionLog(tmp_path / "log")
    log.write(finished(0))
    wait_for(lambda: log.status().error)
    (tmp_path / "log").unlink()
    log.write(finished(1))
    wait_for(lambda: log.status().written == 2)
    assert log.status().error is None
    log.close()
    assert [it["request_id"] for it in lines(tmp_path / "log")] == ["r0", "r1"]


FORKED = """
    import os, sys
    from test_decision_log import finished
    from routelab.runtime import DecisionLog

    log = DecisionLog(sys.argv[1])
    log.write(finished(0))
    child = os.fork()
    log.write(finished(1 if child else 2))
    log.close()
    if child:
        os.waitpid(child, 0)
    else:
        os._exit(0)
"""


def test_a_forked_process_logs_to_a_file_of_its_own(tmp_path):
    script(FORKED, tmp_path)
    assert sorted(it["request_id"] for it in lines(tmp_path)) == ["r0", "r1", "r2"]
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


LEAVING = """
    import sys
    from test_decision_log import finished
    from routelab.runtime import DecisionLog

    log = DecisionLog(sys.argv[1])
    for number in range(300):
        log.write(finished(number))
"""


def test_a_program_that_ends_without_closing_its_log_loses_nothing(tmp_path):
    script(LEAVING, tmp_path)
    assert len(lines(tmp_path)) == 300


KILLED = """
    import os, signal, sys
    from test_decision_log import finished
    from routelab.runtime import DecisionLog

    log = DecisionLog(sys.argv[1], max_queued=10**6)
    for number in range(100_000):
        log.write(finished(number))
        if log.status().written > 2000:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_program_leaves_whole_lines_that_can_be_read(tmp_path):
    code = textwrap.dedent(KILLED)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=surroundings())
    assert done.returncode == -9
    records = list(open_journal(tmp_path).lines())
    assert [it.request_id for it in records] == [f"r{number}" for number in range(len(records))]
    assert len(records) > 2000


def test_an_observer_that_fails_does_not_fail_a_request(tmp_path, caplog):
    class Broken:
        def finished(self, finished):
            raise RuntimeError("not today")

    chosen = policy_file(tmp_path, Fixed("first"), catalogue(first=model("plain")))

    async def run():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=Endpoint().transport, observers=[Broken()]),
        ) as router:
            return await router.route("hello")

    assert asyncio.run(run()).answer == "plain"
    assert "not today" in caplog.text


def test_feedback_lies_in_range_and_reaches_the_log(tmp_path):
    chosen = policy_file(tmp_path, Fixed("first"), catalogue(first=model("plain")))

    async def run():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=Endpoint().transport, log=tmp_path / "log"),
        ) as router:
            routed = await router.route("hello")
            for wrong in (-0.1, 1.1, math.nan):
                with pytest.raises(RouteError, match="lies in"):
                    router.feedback(routed.decision.request_id, wrong)
            router.feedback(routed.decision.request_id, 0.5, source="user")

    asyncio.run(run())
    record, judged = lines(tmp_path / "log")
    assert (judged["schema"], judged["quality"]) == ("routelab.feedback/1", 0.5)
    assert judged["request_id"] == record["request_id"]


def script(text, *arguments):
    """Run a program in a process of its own; what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)],
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def surroundings():
    """Variables with which a program finds this module."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}


def wait_for(true):
    """Wait until something holds, for at most ten seconds."""
    pause = threading.Event()
    for _ in range(1000):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError("never happened")
