"""Batch files: the policy's answers, gone on with after a kill, and held to their money."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from serve_world import CASCADE, MODELS, asking, decisions, listed, prompt, saved

from routelab.cli import main
from routelab.core.catalogue import pointed_at
from routelab.errors import ConfigError
from routelab.policies import Fixed
from routelab.replay import decide
from routelab.replay_server import background
from routelab.serve import EventLog, ServeConfig, Service
from routelab.serve.batch import BatchInput, BatchOutput, BatchRun, BatchWatch

PROJECT = Path(__file__).parents[3]


def written(path, log, rows, **more):
    lines = []
    for row in rows:
        body = asking(prompt(log, row), model="gpt-9", **more)
        line = {"custom_id": str(log.requests.id[row]), "method": "POST",
                "url": "/v1/chat/completions", "body": body}  # fmt: skip
        lines.append(json.dumps(line))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def lines(path):
    return [json.loads(it) for it in path.read_text(encoding="utf-8").splitlines()]


def ran(policy, catalogue, asked, folder, *, retry=False, **options):
    """A run over a batch, in this process."""

    async def run():
        config = ServeConfig(aliases={"*": f"routelab/{policy.stem}"})
        events = EventLog(write=lambda line: None)
        async with Service([policy], catalogue, config, events=events) as service:
            return await BatchRun(service.gateway, asked, output, **options).run()

    with BatchOutput(folder / "out.jsonl", folder / "errors.jsonl", retry) as output:
        output.check(asked)
        return asyncio.run(run())


def test_every_request_has_the_answer_of_the_replay(world, tmp_path):
    log, rows = world.log, range(40)
    asked = BatchInput(written(tmp_path / "in.jsonl", log, rows))
    told = []
    end = ran(world.policies["cascade"], world.catalogue, asked, tmp_path, progress=told.append)
    assert (end.answered, end.failed, end.done, end.stopped) == (40, 0, True, "")
    assert len(told) == 40
    assert told[20].left_s > 0
    found = {it["custom_id"]: it for it in lines(tmp_path / "out.jsonl")}
    for row in rows:
        one, expected = found[str(log.requests.id[row])], decide(CASCADE, log, row)
        body = one["response"]["body"]
        assert one["response"]["status_code"] == 200
        assert one["error"] is None
        assert [it["model"] for it in body["routelab"]["calls"]] == list(expected.models)
        (said,) = log.texts.responses(np.array([row]), expected.answer.model)
        assert body["choices"][0]["message"]["content"] == said
    spent = sum(it["response"]["body"]["routelab"]["cost_usd"] for it in found.values())
    assert end.cost_usd == pytest.approx(spent)
    again = ran(world.policies["cascade"], world.catalogue, asked, tmp_path)
    assert again.cost_usd == pytest.approx(spent)
    assert len(lines(tmp_path / "out.jsonl")) == 40


def test_nothing_that_is_on_the_disk_is_asked_again_after_a_kill(sample_log, tmp_path):
    log, n = sample_log, 60
    asked = written(tmp_path / "in.jsonl", log, range(n))
    with background(log, latency_scale=0.02) as url:
        known = pointed_at(url, MODELS, log.catalogue)
        policy = saved(tmp_path / "large.policy", Fixed("frontier"), known)
        catalogue = listed(tmp_path / "models.toml", known)
        out = tmp_path / "out.jsonl"

        def command(run):
            config = tmp_path / f"{run}.toml"
            config.write_text(f'log = "log-{run}"', encoding="utf-8")
            words = ["batch", policy, asked, "--out", out, "--catalogue", catalogue,
                     "--config", config, "--at-once", 4]  # fmt: skip
            code = "from routelab.cli import main; raise SystemExit(main())"
            return [sys.executable, "-c", code, *map(str, words)]

        env = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
        first = subprocess.Popen(command("first"), env=env, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60.0
        while not out.exists() or len(out.read_bytes().splitlines()) < 12:
            assert first.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        first.wait()
        before = out.read_bytes()
        kept = before[: before.rfind(b"\n") + 1]
        out.write_bytes(kept + b'{"id": "half')  # as a kill may leave it
        there = [json.loads(line)["custom_id"] for line in kept.splitlines()]
        done = subprocess.run(
            command("second"), env=env, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 0, done.stderr
    assert f"{n} of {n} answered (100%)" in done.stderr
    assert out.read_bytes().startswith(kept)
    found = [it["custom_id"] for it in lines(out)]
    assert len(there) < n
    assert len(found) == len(set(found)) == n
    asked_again = {it["request_id"] for it in decisions(tmp_path / "log-second")}
    assert asked_again == set(found) - set(there)


def test_failures_have_a_file_of_their_own_and_may_be_asked_again(world, tmp_path):
    log = world.log
    path = written(tmp_path / "in.jsonl", log, range(3))
    odd = {"custom_id": "odd", "body": {"messages": []}}
    lost = {"custom_id": "lost", "body": asking("not in the log")}
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(odd)}\n\n{json.dumps(lost)}")
    asked = BatchInput(path)
    end = ran(world.policies["large"], world.catalogue, asked, tmp_path)
    assert (end.answered, end.failed, end.done) == (3, 2, True)
    found = {it["custom_id"]: it for it in lines(tmp_path / "errors.jsonl")}
    assert found["odd"]["error"]["code"] == "invalid_value"
    assert found["odd"]["response"]["status_code"] == 400
    assert found["lost"]["error"]["code"] == "no_model_answered"
    assert ran(world.policies["large"], world.catalogue, asked, tmp_path).failed == 2
    again = ran(world.policies["large"], world.catalogue, asked, tmp_path, retry=True)
    assert (again.answered, again.failed) == (3, 2)
    assert len(lines(tmp_path / "errors.jsonl")) == 2


def test_it_stops_when_its_money_is_spent_and_goes_on_with_more(world, tmp_path):
    log, n = world.log, 30
    asked = BatchInput(written(tmp_path / "in.jsonl", log, range(n)))
    usd = [decide(Fixed("frontier"), log, row).cost_usd for row in range(n)]
    policy, catalogue = world.policies["large"], world.catalogue
    end = ran(policy, catalogue, asked, tmp_path, at_once=1, max_usd=sum(usd[:10]) * 1.0001)
    assert (end.answered, end.done) == (11, False)
    assert "are spent" in end.stopped
    again = ran(policy, catalogue, asked, tmp_path, at_once=1, max_usd=end.cost_usd)
    assert again.answered == 11
    assert ran(policy, catalogue, asked, tmp_path).done


@pytest.mark.parametrize("rows", [range(1, 30), range(2)], ids=["other lines", "fewer"])
def test_a_file_that_is_written_to_meanwhile_is_left_and_no_answer_is_anothers(
    world, tmp_path, rows
):
    log, path = world.log, tmp_path / "in.jsonl"
    asked = BatchInput(written(path, log, range(30)))

    def change(now):
        if now.answered == 3:
            written(path, log, rows)

    policy, catalogue = world.policies["large"], world.catalogue
    end = ran(policy, catalogue, asked, tmp_path, at_once=1, progress=change)
    assert not end.done
    assert "in.jsonl was written to meanwhile" in end.stopped
    for it in lines(tmp_path / "out.jsonl"):
        row = log.requests.id.tolist().index(it["custom_id"])
        (said,) = log.texts.responses(np.array([row]), "frontier")
        assert it["response"]["body"]["choices"][0]["message"]["content"] == said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no requests"),
        ("{", "line 1: is no JSON"),
        ('{"custom_id": 3, "body": {}}', "line 1: custom_id=3"),
        ('{"custom_id": "a", "body": {}, "url": "/v1/embeddings"}', "url='/v1/embeddings'"),
        ('{"custom_id": "a", "body": 3}', "body=3"),
        ('{"custom_id": "a", "body": {"stream": true}}', "no streams"),
        ('{"custom_id": "a", "body": {}}\n\n{"custom_id": "a", "body": {}}',
         "line 3: custom_id 'a' is that of line 1 too"),
        ("3\n" * 30, "and 10 lines more"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_told_before_anything_is_asked(tmp_path, text, why):
    (tmp_path / "in.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=why):
        BatchInput(tmp_path / "in.jsonl")


def test_the_output_is_this_batchs_and_this_processes(world, tmp_path):
    asked = BatchInput(written(tmp_path / "in.jsonl", world.log, range(2)))
    ran(world.policies["small"], world.catalogue, asked, tmp_path)
    other = BatchInput(written(tmp_path / "other.jsonl", world.log, range(5, 7)))
    with pytest.raises(ConfigError, match="is of another batch"):
        ran(world.policies["small"], world.catalogue, other, tmp_path)
    with (
        BatchOutput(tmp_path / "out.jsonl", tmp_path / "errors.jsonl"),
        pytest.raises(ConfigError, match="another process writes it"),
        BatchOutput(tmp_path / "out.jsonl", tmp_path / "errors.jsonl"),
    ):
        pass
    (tmp_path / "notes.jsonl").write_text('{"mine": 1}\n', encoding="utf-8")
    with (
        pytest.raises(ConfigError, match="no file of a batch"),
        BatchOutput(tmp_path / "notes.jsonl", tmp_path / "errors.jsonl"),
    ):
        pass
    assert (tmp_path / "notes.jsonl").read_text(encoding="utf-8") == '{"mine": 1}\n'


def test_the_command_says_what_is_left(world, tmp_path, capsys):
    asked = written(tmp_path / "in.jsonl", world.log, range(6))
    words = ["batch", world.policies["large"], asked, "--out", tmp_path / "out.jsonl",
             "--catalogue", world.catalogue, "--at-once", 1]  # fmt: skip
    assert main([*map(str, words), "--max-usd", "0"]) == 1
    said = capsys.readouterr().err
    assert "6 are left, as 0 of 0 USD are spent: run it again" in said
    assert main([*map(str, words)]) == 0
    assert "6 of 6 answered (100%)" in capsys.readouterr().err


def _deep(path):
    inner = b"[" * 200 + b"]" * 200
    path.write_bytes(b'{"custom_id": "a", "body": {"messages": ' + inner + b"}}\n")


def _endless(path):
    path.touch()
    os.truncate(path, 10 << 30)


ODD = {
    "neither a file": os.mkfifo,
    "pipe or a device": lambda path: path.symlink_to("/dev/zero"),
    "line 1 is longer than 33,554,432 bytes": _endless,
    "Is a directory": os.mkdir,
    "symbolic links": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("why", [*ODD, "deep"])
def test_a_file_that_is_made_to_hurt_is_refused(tmp_path, why):
    ODD.get(why, _deep)(tmp_path / "in.jsonl")
    with pytest.raises(ConfigError, match=f"in.jsonl.*{why}"):
        BatchInput(tmp_path / "in.jsonl")


@pytest.mark.parametrize("name", ["out.jsonl", "out.errors.jsonl"])
@pytest.mark.parametrize("why", ODD)
def test_so_is_one_to_write_to(tmp_path, why, name):
    ODD[why](tmp_path / name)
    paths = tmp_path / "out.jsonl", tmp_path / "out.errors.jsonl"
    with pytest.raises(ConfigError, match=f"{name}.*{why}"), BatchOutput(*paths, retry=True):
        pass


def test_a_folder_is_watched(world, tmp_path):
    """Files are answered as they come, and a broken one holds up no other."""
    folder, out, told = tmp_path / "in", tmp_path / "out", []
    folder.mkdir()
    written(folder / "a.jsonl", world.log, range(3))
    (folder / "b.jsonl").write_text("{", encoding="utf-8")

    async def run():
        policy = world.policies["small"]
        config = ServeConfig(aliases={"*": "routelab/small"})
        events = EventLog(write=lambda line: None)
        async with Service([policy], world.catalogue, config, events=events) as service:

            def each(path, end):
                told.append((path.name, end))
                if len(told) == 2:  # both were seen: one more, and what mends the broken one
                    written(folder / "b.jsonl", world.log, range(5))
                    written(folder / "c.jsonl", world.log, range(2))
                if len(told) == 4:
                    watch.stop("enough")

            watch = BatchWatch(service.gateway, folder, out, look_s=0.02, told=each)
            await asyncio.wait_for(watch.run(), 60.0)

    asyncio.run(run())
    assert [name for name, _ in told] == ["a.jsonl", "b.jsonl", "b.jsonl", "c.jsonl"]
    assert "b.jsonl: line 1: is no JSON" in str(told[1][1])
    assert [end.answered for _, end in (told[0], *told[2:])] == [3, 5, 2]
    assert [len(lines(out / f"{name}.jsonl")) for name in "abc"] == [3, 5, 2]


@pytest.mark.parametrize(
    "endings",
    [
        [signal.SIGTERM],
        pytest.param([signal.SIGKILL, signal.SIGTERM], marks=pytest.mark.slow),
    ],
    ids=["told to stop", "killed"],
)
def test_the_command_watches_a_folder_and_goes_on_after_a_kill(world, tmp_path, endings):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    written(folder / "a.jsonl", world.log, range(30))
    command = [sys.executable, "-c", "from routelab.cli import main; main()", "batch",
               world.policies["small"], folder, "--out", out, "--catalogue", world.catalogue,
               "--at-once", "1"]  # fmt: skip
    for ending in endings:
        last = ending == signal.SIGTERM
        with subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE) as running:
            found = out / "a.jsonl"
            least = 30 if last else 3
            until = time.monotonic() + 60.0
            while not found.exists() or found.read_bytes().count(b"\n") < least:
                assert time.monotonic() < until
                time.sleep(0.01)
            running.send_signal(ending)
            assert running.wait(60.0) == (0 if last else -signal.SIGKILL)
    answered = [it["custom_id"] for it in lines(out / "a.jsonl")]
    assert sorted(answered) == sorted({str(it) for it in world.log.requests.id[:30]})


def test_folders_that_cannot_be_are_told(world, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    taken = tmp_path / "file"
    taken.write_text("", encoding="utf-8")
    given = [str(world.policies["small"]), str(folder), "--catalogue", str(world.catalogue)]
    for more, why in (
        (["--out", str(folder)], "is the folder of the requests"),
        (["--out", str(taken)], "is a file, and the answers to a folder go into a folder"),
        (["--out", str(tmp_path / "out"), "--errors", "x"], "--errors is of one file"),
    ):
        assert main(["batch", *given, *more]) == 2
        assert why in capsys.readouterr().err


def test_answers_of_another_policy_are_told(world, tmp_path, capsys):
    asked = written(tmp_path / "in.jsonl", world.log, range(3))
    more = [str(asked), "--out", str(tmp_path / "out.jsonl"), "--catalogue", str(world.catalogue)]
    for name in ("small", "large", "large"):
        assert main(["batch", str(world.policies[name]), *more]) == 0
        said = capsys.readouterr().err
        assert ("3 answers in" in said and "policy 'small'" in said) == (name == "large")
