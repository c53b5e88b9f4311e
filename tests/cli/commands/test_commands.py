"""The commands beside `tune` and `replay`: what they print, and that it is true."""

from __future__ import annotations

import hashlib
import math
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import typer
from cli_world import left_behind, rows_of, save, strict_json
from compiled_forms import form_of

from routelab import __version__
from routelab.cli.app import app
from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model
from routelab.core.signal_spec import SignalSpec
from routelab.policies import Cascade, Fixed, to_wire
from routelab.policy_file import Document, load, write
from routelab.replay import decide
from routelab.replay_server import background, pointed_at
from routelab.runtime import Router

COMMANDS = {
    ("demo",): {"--json"},
    ("tune",): {
        "--models", "--signal", "--max-usd-per-1k", "--min-quality", "--min-quality-share",
        "--seed", "--trials", "--storage", "--catalogue", "--no-tracking", "--out", "--json",
        "--prices", "--allow-missing", "--group",
    },
    ("replay",): {"--log", "--split", "--json"},
    ("inspect",): {"--verify", "--json"},
    ("explain",): {"--log", "--id", "--json"},
    ("route",): {"--catalogue", "--base-url", "--id", "--stream", "--json"},
    ("replay-server",): {"--port", "--latency-scale", "--signal"},
    ("data", "describe"): {"--json", "--prices", "--column"},
}  # fmt: skip


def click_command(path):
    command = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    return command


def every_command(group=None, path=()):
    """Paths of all commands that the program has."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_is_there(path):
    options = {name for option in click_command(path).params for name in option.opts}
    assert options >= COMMANDS[path]


@pytest.mark.parametrize("path", sorted({*every_command(), *COMMANDS}), ids=" ".join)
def test_help_has_an_example_that_parses(run, path):
    assert "Example" in run.ok(*path, "--help").out
    text = click_command(path).epilog
    (example,) = [part for part in text.split("`") if part.startswith("routelab ")]
    assert example.split()[1:][: len(path)] == list(path)


def test_without_arguments_the_help_is_shown(run):
    assert "tune" in run().out + run().err


def test_the_version_is_printed(run):
    told = run.ok("--version").out
    assert told.startswith(f"routelab {__version__} (")
    packages = ("policies.supermodel", "scorers.kernels", "signals.features.words")
    slow = [it for it in packages if form_of(f"routelab.{it}", "compiled") is None]
    assert ("(compiled)" in told) == (not slow)
    assert all(it in told for it in slow)


def test_inspect_shows_the_card_and_verifies(run, tuned):
    told = run.ok("inspect", tuned.policy, "--verify").out
    digest = load(tuned.policy).digest
    assert f"digest: {digest}" in " ".join(told.split())
    assert "golden decisions: 32/32 equal" in told
    for model in tuned.study.policy.models_used:
        assert model in told
    assert tuned.study.verdict.word in told


def test_inspect_gives_the_document_as_json(run, tuned):
    told = run.ok("inspect", tuned.policy, "--verify", "--json").data
    assert told["policy"]["thresholds"] == list(tuned.study.policy.thresholds)
    assert told["verify"]["n"] == told["verify"]["equal"] == 32
    assert told["verify"]["smallest_margin"] >= 0
    assert told["evaluation"]["test"]["quality"] == tuned.study.figures.quality
    assert run.ok("inspect", tuned.policy, "--json").data["verify"] is None


def with_wrong_golden(tuned, copy, count):
    """A copy of the policy that expects up to `count` decisions to deliver nobody."""
    copy.mkdir()
    for path in tuned.policy.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    golden = (copy / "golden.jsonl").read_bytes()
    last = tuned.study.policy.models[-1].encode()
    altered = golden.replace(b'"answer":"' + last, b'"answer":"' + b"nobody", count)
    assert altered != golden
    (copy / "golden.jsonl").write_bytes(altered)
    main = (copy / "policy.json").read_text()
    old, new = (hashlib.sha256(it).hexdigest() for it in (golden, altered))
    (copy / "policy.json").write_text(main.replace(old, new))
    return copy


def test_inspect_verify_tells_a_wrong_decision(run, tuned, tmp_path):
    done = run("inspect", with_wrong_golden(tuned, tmp_path / "copy.policy", 1), "--verify")
    assert done.status == 2
    assert "golden decisions: 31/32 equal" in done.out
    warning, first, example = done.err.splitlines()
    assert "is as it was written, but this machine reckons otherwise (1 of 32" in warning
    assert first == "error: 1 of 32 golden decisions differ:"
    assert "to deliver nobody" in example


def test_inspect_verify_tells_of_many_wrong_decisions_a_few(run, tuned, tmp_path):
    copy = with_wrong_golden(tuned, tmp_path / "copy.policy", 9)
    done = run("inspect", copy, "--verify")
    assert "\nerror: 9 of 32 golden decisions differ; the first 5 (--json has all)" in done.err
    assert done.err.count("to deliver nobody") == len(done.err.splitlines()) - 2 == 5
    assert len(run("inspect", copy, "--verify", "--json").data["verify"]["problems"]) == 9


@pytest.mark.parametrize("command", [("inspect",), ("route", "hi")], ids=" ".join)
def test_a_directory_that_is_no_policy_says_what_it_is(run, tuned, tmp_path, command):
    name, *rest = command
    study = tuned.policy.with_name("sample.study")
    says = run.refused(name, study, *rest)
    assert says == f"error: {study}: is a study; the policy is {tuned.policy}\n"
    says = run.refused(name, tmp_path, *rest)
    assert says == f"error: {tmp_path}: no policy directory: it has no policy.json\n"


def escalated_and_not(tuned):
    """Ids of one test request that the first model keeps, and one that goes to the end."""
    study = tuned.study
    calls = study.test.replay(study.policy).calls
    ids = study.test.log.requests.id
    return [str(ids[np.flatnonzero(calls == n)[0]]) for n in (1, len(study.policy.models))]


def test_explain_repeats_the_replay_step_by_step(run, tuned, sample_file):
    study = tuned.study
    ids = study.test.log.requests.id
    done = study.test.replay(study.policy)
    for request_id in escalated_and_not(tuned):
        told = run.ok("explain", tuned.policy, "--log", sample_file, "--id", request_id, "--json")
        row = int(np.flatnonzero(ids == request_id)[0])
        it = told.data
        assert it["id"] == request_id
        assert it["cost_usd"] == done.cost_usd[row]
        assert it["quality"] == done.quality[row]
        assert it["model"] == study.test.models[done.answered[row]]
        assert len(it["steps"]) == done.calls[row]
        assert math.fsum(step["cost_usd"] for step in it["steps"]) == pytest.approx(it["cost_usd"])
        for step, threshold in zip(it["steps"], study.policy.thresholds, strict=False):
            assert step["threshold"] == threshold
            kept = step["signals"]["confidence"] >= threshold
            assert step["outcome"] == ("accepted" if kept else "escalated")


def test_explain_prints_thresholds_outcomes_and_alternatives(run, tuned, sample_file):
    _, request_id = escalated_and_not(tuned)
    told = run.ok("explain", tuned.policy, "--log", sample_file, "--id", request_id).out
    for part in (f"{tuned.study.policy.thresholds[0]:.6g}", "escalated", "Each model alone"):
        assert part in told
    for model in tuned.study.log.models:
        assert model in told


def test_route_sends_a_prompt_to_real_endpoints(run, tuned, tmp_path):
    study = tuned.study
    log = study.test.log
    with background(log, catalogue=study.catalogue) as url:
        tables = "".join(
            f"[models.{name}]\ncost_reported = true\n[[models.{name}.deployments]]\n"
            f'base_url = "{url}"\nmodel = "{name}"\n'
            for name in log.models
        )
        (tmp_path / "models.toml").write_text(tables)
        for row in (0, 1, 2):
            request_id, (prompt,) = str(log.requests.id[row]), log.texts.prompts(np.array([row]))
            expected = decide(study.policy, log, row, catalogue=study.catalogue)
            told = run.ok("route", tuned.policy, prompt, "--id", request_id,
                          "--catalogue", "models.toml", "--json").data  # fmt: skip
            assert [step["model"] for step in told["steps"]] == list(expected.models)
            assert told["cost_usd"] == expected.cost_usd
            said = log.texts.responses(np.array([row]), expected.answer.model)
            assert [told["answer"]] == said
        plain = run.ok("route", tuned.policy, prompt, "--catalogue", "models.toml").out
        assert "USD" in plain


def test_route_sends_every_model_to_one_address(run, tuned):
    study = tuned.study
    log = study.test.log
    (prompt,) = log.texts.prompts(np.array([4]))
    with background(log) as url:
        told = run.ok("route", tuned.policy, prompt, "--id", log.requests.id[4],
                      "--base-url", url, "--json").data  # fmt: skip
        asked = ("route", tuned.policy, prompt, "--id", log.requests.id[4], "--base-url", url)
        assert run.ok(*asked, "--stream").out.startswith(told["answer"])
        assert "one of --stream and --json" in run.refused(*asked, "--stream", "--json")
    expected = decide(study.policy, log, 4, catalogue=study.catalogue)
    assert [step["model"] for step in told["steps"]] == list(expected.models)
    assert told["cost_usd"] == expected.cost_usd
    says = run.refused("route", tuned.policy, prompt, "--base-url", "localhost:8801")
    assert "--base-url localhost:8801: must start with http:// or https://" in says


def written(path, policy, catalogue):
    document = Document(
        name="x",
        policy=to_wire(policy),
        candidates=policy.models_used,
        catalogue=catalogue,
        signals={name: SignalSpec() for name in policy.signals_used},
    )
    return write(path, document, "# x\n").path


def toml_of(folder, catalogue):
    """A catalogue as a user writes it."""
    path = folder / "models.toml"
    lines = []
    for name, it in catalogue.models.items():
        lines += [f'[models."{name}"]', f"cost_reported = {str(it.cost_reported).lower()}"]
        for at in it.deployments:
            lines += [
                f'[[models."{name}".deployments]]',
                f'base_url = "{at.base_url}"',
                f'model = "{at.model}"',
            ]
    path.write_text("\n".join(lines))
    return path


def test_route_says_why_a_call_failed(run, tuned, tmp_path):
    log = tuned.study.test.log
    first, last = log.models[0], log.models[-1]
    with background(log) as url:
        known = Catalogue(
            {
                first: Model(deployments=(Deployment(url, "nobody"),)),
                last: Model(cost_reported=True, deployments=(Deployment(url, last),)),
            }
        )
        policy = written(tmp_path / "x.policy", Cascade((first, last), (0.5,), "confidence"), known)
        asked = ("route", policy, "hi", "--id", log.requests.id[0])
        out = run.ok(*asked, "--catalogue", toml_of(tmp_path, known)).out
    text = " ".join(out.split())
    assert f"{first} (failed) > {last} (delivered)" in text
    assert f"{first} failed: nobody at {url}: answered 404" in text


def test_route_says_that_a_cost_is_not_known(run, tuned, tmp_path, caplog):
    log = tuned.study.test.log
    name = log.models[0]
    with background(log) as url:
        known = Catalogue({name: Model(deployments=(Deployment(url, name),))})
        policy = written(tmp_path / "x.policy", Fixed(name), known)
        asked = ("route", policy, "hi", "--id", log.requests.id[0])
        out = run.ok(*asked, "--catalogue", toml_of(tmp_path, known)).out
    assert "no prices; give input_usd_per_mtok" in caplog.text
    assert "cost not known" in out
    assert "nan" not in out.rpartition(name)[2]


def test_a_catalogue_with_unknown_fields_names_them_and_what_there_is(run, tuned, tmp_path):
    (tmp_path / "models.toml").write_text(
        "[models.a]\nprice = 3\ncolour = 'red'\n[models.b]\n"
        "deployments = [{base_url = 'http://x', model = 'm'}, {url = 'http://x'}]\n"
        "[prices]\na = 3\n"
    )
    says = run.refused("route", tuned.policy, "hi", "--catalogue", "models.toml")
    first, second, third, *lacking = says.removeprefix("error: ").splitlines()
    assert first == "models.toml: the file: no field 'prices'; there is models, engine"
    assert second.startswith(
        "models.toml: models.a: no field 'price', 'colour'; there is input_usd"
    )
    assert "capabilities, context_window, cost_reported, deployments" in second
    assert third.startswith(
        "models.toml: models.b: deployment 2: no field 'url'; there is base_url, model, provider,"
        " api_key_env"
    )
    assert [it.split("; ")[0] for it in lacking] == [
        f"models.toml: models.b: deployment 2: {name} is missing" for name in ("base_url", "model")
    ]


@pytest.mark.parametrize("port", [-1, 99999])
def test_a_port_that_is_none_is_refused(run, sample_file, port):
    says = run.refused("replay-server", sample_file, "--port", port)
    assert "Invalid value for '--port'" in says


def test_data_describe_tells_models_coverage_and_signals(run, sample_file, sample_log):
    told = run.ok("data", "describe", sample_file, "--json").data
    assert told["requests"] == len(sample_log)
    assert set(told["models"]) == set(sample_log.models)
    for column, name in enumerate(sample_log.models):
        assert told["models"][name]["quality"] == pytest.approx(
            sample_log.quality[:, column].mean()
        )
    useful, useless = (
        [told["signal_quality"][signal][name]["auroc"] for name in sample_log.models]
        for signal in ("confidence", "verbosity")
    )
    assert min(useful) > 0.7
    assert max(abs(it - 0.5) for it in useless) < 0.05
    plain = run.ok("data", "describe", sample_file).out
    for part in (*sample_log.models, "AUROC", "tasks: 6"):
        assert part in plain


def test_data_describe_prints_what_was_not_observed(run, tmp_path):
    log = save(tmp_path / "log.csv", rows_of(20))
    assert "not observed" in run.ok("data", "describe", log).out


def test_demo_proves_itself_over_http(run, tmp_path):
    done = run.ok("demo", "--json")
    parity = done.data["parity"]
    assert parity["holds"]
    assert parity["same"] == parity["n"] == done.data["test"]["n_requests"] >= 300
    assert parity["replayed_usd"] == parity["routed_usd"] > 0
    first, second = done.data["halves"]
    assert first["n_requests"] + second["n_requests"] == parity["n"]
    assert first["quality"] > second["quality"]
    assert {"demo.policy", "demo.study"} <= set(left_behind(tmp_path))
    assert not any(name.startswith(".") for name in left_behind(tmp_path))


@pytest.mark.slow  # `--json` tells the same, and the README's block is what it prints
def test_demo_prints_the_line_of_parity_and_both_halves(run):
    told = run.ok("demo", "--verbose").out
    n = told.split("parity: ")[1].split("/")[0]
    assert int(n) >= 300
    assert f"parity: {n}/{n} decisions, cost equal" in told
    for part in ("first half", "second half", "verdict:", "policy: demo.policy", "oracle"):
        assert part in told


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_prints(run):
    """Down to what this command leaves out: where it is told to put things."""
    told = run.ok("demo", "--out", "policies/demo.policy").out
    page = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    block = page.split("```text\n")[1].split("\n```")[0]
    assert [line.rstrip() for line in told.splitlines()] == block.splitlines()


ROUTELAB = Path(sys.executable).with_name("routelab")


def routelab(*arguments, cwd):
    """A command in a process of its own."""
    command = [str(ROUTELAB), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_standard_output_holds_only_json(tmp_path, few_file):
    quick = ("--policy", "cascade", "--trials", 3, "--no-tracking")
    tuned = routelab("tune", few_file, *quick, "--json", cwd=tmp_path)
    assert tuned.returncode == 0, tuned.stderr
    told = strict_json(tuned.stdout)
    again = routelab("replay", "few.policy", "--log", few_file, "--json", cwd=tmp_path)
    assert strict_json(again.stdout) == [told["test"]]


def test_an_error_leaves_standard_output_empty(tmp_path):
    done = routelab("tune", "none.csv", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: none.csv: no such file\n"


def test_the_replay_server_answers_a_request(tmp_path, sample_file, tuned):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(ROUTELAB), "replay-server", str(sample_file), "--port", str(port)]
    with (tmp_path / "told").open("w") as told:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=told, stderr=told)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server)
        log = tuned.study.test.log
        prompt = log.texts.prompts(np.array([0]))[0]
        catalogue = pointed_at(f"http://127.0.0.1:{port}/v1", log.models)
        with Router.load(tuned.policy, catalogue=catalogue) as router:
            routed = router.route(prompt, id=str(log.requests.id[0]))
        expected = decide(tuned.study.policy, log, 0, catalogue=tuned.study.catalogue)
        assert routed.decision.models == expected.models
        assert routed.cost_usd == expected.cost_usd
        told = (tmp_path / "told").read_text()
        assert f"serving 4000 requests and 5 models at http://127.0.0.1:{port}/v1" in told
        proposed = told.split("send one: routelab ")[1].splitlines()[0]
        words = [str(tuned.policy) if it == "NAME.policy" else it for it in shlex.split(proposed)]
        done = routelab(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "USD" in done.stdout
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(url, server):
    """Until the server answers, or has ended."""
    for _ in range(600):
        try:
            return httpx.get(url).raise_for_status()
        except httpx.TransportError:
            assert server.poll() is None, "the server ended"
            time.sleep(0.05)
    raise AssertionError(f"nobody answered at {url}")
