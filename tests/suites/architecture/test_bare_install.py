"""The base install loads, checks and routes; the rest says what it needs."""

from __future__ import annotations

import json
import subprocess
import sys
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


def test_a_request_is_routed(bare, tuned, tmp_path):
    log = tuned.study.test.log
    request_id, (prompt,) = str(log.requests.id[0]), log.texts.prompts(np.array([0]))
    expected = decide(tuned.study.policy, log, 0, catalogue=tuned.study.catalogue)
    with background(log) as url:
        models = tmp_path / "models.toml"
        models.write_text(
            "".join(
                f"[models.{name}]\ncost_reported = true\n[[models.{name}.deployments]]\n"
                f'base_url = "{url}"\nmodel = "{name}"\n'
                for name in log.models
            )
        )
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
