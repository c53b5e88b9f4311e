"""The base install loads, checks and routes; the rest says what it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from compiled_forms import needs_a_compiler

from routelab.replay import decide
from routelab.replay_server import background

PROJECT = Path(__file__).parents[3]
MEGABYTE = 1_000_000
UNREACHABLE = ("connection", "no matching distribution", "could not find a version", "timed out")

ROUTE = """
import json, sys
from routelab.core.catalogue.catalogue_file import parse
from routelab.runtime import Router

policy, models, request_id, prompt = sys.argv[1:]
known = parse(open(models, encoding="utf-8").read(), models)
with Router.load(policy, catalogue=known) as router:
    routed = router.route(prompt, id=request_id)
print(json.dumps({"models": routed.decision.models, "answer": routed.answer,
                  "cost_usd": routed.cost_usd, "loaded": sorted(sys.modules)}))
"""


def ran(*command: object, **options) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, timeout=240, **options)


@pytest.fixture(scope="session")
def bare(tmp_path_factory) -> Path:
    """The programs of a virtual environment with routelab and its base dependencies."""
    home = tmp_path_factory.mktemp("bare")
    ran(sys.executable, "-m", "venv", "--without-pip", home / "venv", check=True)
    programs = home / "venv" / "bin"
    pip = [sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet"]
    done = ran(*pip, "--disable-pip-version-check", "--no-compile", "--retries", "1", PROJECT)
    if done.returncode and any(word in done.stderr.lower() for word in UNREACHABLE):
        pytest.skip(f"pip cannot reach a package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return programs


def test_it_brings_little(bare):
    (packages,) = bare.parent.glob("lib/python*/site-packages")
    names = {path.name.split("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert {"routelab", "numpy", "httpx", "msgspec", "safetensors"} <= names
    assert not names & {"pyarrow", "pandas", "optuna", "typer", "starlette", "scikit_learn"}
    size = sum(
        path.stat().st_size
        for path in packages.rglob("*")
        if path.is_file() and not path.relative_to(packages).parts[0].startswith("numpy")
    )
    assert size <= 15 * MEGABYTE


@needs_a_compiler
def test_it_decides_with_compiled_code(bare):
    ran(bare / "python", "-c", "import routelab.signals.features.words._compiled", check=True)


def catalogue_at(url: str, names: Sequence[str], folder: Path) -> Path:
    """A `models.toml` in which one endpoint serves all models."""
    path = folder / "models.toml"
    path.write_text(
        "".join(
            f"[models.{name}]\ncost_reported = true\n[[models.{name}.deployments]]\n"
            f'base_url = "{url}"\nmodel = "{name}"\n'
            for name in names
        ),
        encoding="utf-8",
    )
    return path


def test_a_request_is_routed(bare, tuned, tmp_path):
    log = tuned.study.test.log
    request_id, (prompt,) = str(log.requests.id[0]), log.texts.prompts(np.array([0]))
    expected = decide(tuned.study.policy, log, 0, catalogue=tuned.study.catalogue)
    with background(log) as url:
        models = catalogue_at(url, log.models, tmp_path)
        done = ran(bare / "python", "-c", ROUTE, tuned.policy, models, request_id, prompt)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["models"] == list(expected.models)
    assert told["cost_usd"] == expected.cost_usd
    assert [told["answer"]] == log.texts.responses(np.array([0]), expected.answer.model)
    assert not {"pyarrow", "pandas", "optuna", "typer"} & set(told["loaded"])


def test_a_policy_is_verified(bare, tuned, tmp_path):
    done = ran(bare / "python", "-m", "routelab.policy_file", tuned.policy, "--verify")
    assert done.returncode == 0, done.stderr
    assert "golden decisions: 32/32 equal" in done.stdout
    missing = ran(bare / "python", "-m", "routelab.policy_file", tmp_path / "none.policy")
    assert missing.returncode == 2
    assert "no such policy directory" in missing.stderr


def test_the_command_says_what_to_install(bare):
    done = ran(bare / "routelab", "tune", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"    pip install '{PROJECT}[lab]'\n" in done.stderr  # from where it was installed
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def serving(bare) -> Path:
    """The same environment with the `serve` extra."""
    pip = [sys.executable, "-m", "pip", "--python", bare / "python", "install", "--quiet"]
    done = ran(*pip, "--disable-pip-version-check", "--no-compile", f"{PROJECT}[serve]")
    assert done.returncode == 0, done.stderr
    return bare


SERVE = """
import json, sys, urllib.request
from routelab.serve import EventLog, GatewayServer, Service
from routelab.runtime import base_url, listening_socket
import asyncio

policy, models, request_id, prompt = sys.argv[1:]

async def main(listening):
    service = Service([policy], models, events=EventLog(write=lambda line: None))
    server = GatewayServer(service)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    body = json.dumps({"messages": [{"role": "user", "content": prompt}]}).encode()
    url = base_url("127.0.0.1", listening) + "/chat/completions"
    head = {"x-request-id": request_id, "content-type": "application/json"}
    asked = urllib.request.Request(url, body, head)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    reply = await asyncio.to_thread(lambda: opener.open(asked).read())
    server.should_exit = True
    await serving
    return json.loads(reply)

with listening_socket("127.0.0.1", 0) as listening:
    said = asyncio.run(main(listening))
print(json.dumps({"told": said["routelab"], "loaded": sorted(sys.modules)}))
"""


def test_a_policy_is_served_without_the_workbench(bare, serving, tuned, tmp_path):
    log = tuned.study.test.log
    request_id, (prompt,) = str(log.requests.id[0]), log.texts.prompts(np.array([0]))
    expected = decide(tuned.study.policy, log, 0, catalogue=tuned.study.catalogue)
    with background(log) as url:
        models = catalogue_at(url, log.models, tmp_path)
        done = ran(serving / "python", "-c", SERVE, tuned.policy, models, request_id, prompt)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [it["model"] for it in said["told"]["calls"]] == list(expected.models)
    assert said["told"]["cost_usd"] == expected.cost_usd
    (packages,) = serving.parent.glob("lib/python*/site-packages")
    names = {path.name.split("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert not names & {"pyarrow", "pandas", "optuna", "scikit_learn", "mlflow", "matplotlib"}
    parts = {name.split(".")[1] for name in said["loaded"] if name.startswith("routelab.")}
    assert not parts & {"cli", "logs", "replay", "tuning", "stats", "tracking"}
    missing = ran(serving / "routelab", "serve", tmp_path / "none", "--catalogue", models)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "no such policy directory" in missing.stderr
