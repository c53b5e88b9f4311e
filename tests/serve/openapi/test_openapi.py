"""The OpenAPI document is valid, complete and current, and the gateway keeps to it."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from routelab.serve import CallerRules, GatewayApp, ServeConfig
from routelab.serve.app import WEBSOCKET
from routelab.serve.openapi import openapi_document, openapi_text
from routelab.serve.openapi.document import CODES

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
KEY = "rl-openapi"


def test_the_published_document_is_current():
    told = "out of date: python -m routelab.serve.openapi.document > docs/openapi.json"
    assert (PROJECT / "docs" / "openapi.json").read_text(encoding="utf-8") == openapi_text(), told


def test_it_is_an_openapi_document():
    validate = pytest.importorskip(
        "openapi_spec_validator", reason="openapi-spec-validator is of the dev extra"
    ).validate
    validate(openapi_document())


def test_it_has_every_address_and_its_method(gateway):
    made = openapi_document()["paths"]
    served = GatewayApp(gateway.service).addresses
    assert made.keys() == {*served, WEBSOCKET}
    for address, there in served.items():
        assert made[address].keys() == {there.method.lower()}
        assert bool(made[address][there.method.lower()]["security"]) != there.open
    assert gateway.client.get("/openapi.json").json() == openapi_document()


def test_it_has_every_code_of_a_refusal():
    """Codes are words; those of `RefusedError(status, message, code)` are found in the source."""
    found = set()
    for path in (PROJECT / "src" / "routelab" / "serve").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RefusedError":
                status, _, code = node.args
                if isinstance(status, ast.Constant) and isinstance(code, ast.Constant):
                    found.add((status.value, code.value))
    elsewhere = {(409, "duplicate_id"), (503, "draining"), (500, "never_finished")}
    known = {(status, code) for status, codes in CODES.items() for code in codes}
    assert len(found) > 25
    assert found - elsewhere <= known


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    """A gateway that asks for a key, before a provider that answers everything."""
    sys.path.insert(0, str(HERE.parent / "responses"))
    from responses_world import before_a_provider

    folder = tmp_path_factory.mktemp("openapi")
    hashed = hashlib.sha256(KEY.encode()).hexdigest()
    (folder / "keys.toml").write_text(f'[keys.ann]\nsha256 = ["{hashed}"]\n', encoding="utf-8")
    config = ServeConfig(callers=CallerRules(keys=str(folder / "keys.toml")))
    with before_a_provider(folder, config=config) as (gateway, _):
        yield gateway


@pytest.mark.parametrize(
    ("phases", "examples", "seed"),
    [
        ("fuzzing", 8, 1),
        pytest.param("coverage", 1, 1, marks=pytest.mark.slow),
        pytest.param("fuzzing,stateful", 60, 2, marks=pytest.mark.fuzz),
    ],
)
def test_the_gateway_keeps_to_it(keyed, tmp_path, caplog, phases, examples, seed):
    pytest.importorskip("schemathesis", reason="schemathesis is of the dev extra")
    url = str(keyed.client.base_url).rstrip("/")
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json",
            "--header", f"Authorization: Bearer {KEY}", "--phases", phases,
            "--max-examples", str(examples), "--seed", str(seed), "--continue-on-failure",
            "--exclude-checks", "positive_data_acceptance", "--warnings", "off", "--no-color",
        ],
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "openapi_checks", "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=3000,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "19 selected" in done.stdout or "20 selected" in done.stdout
    assert not [it for it in keyed.events if it["event"] == "broken"]
    assert not [it for it in caplog.records if it.levelname == "ERROR"]
    assert not keyed.service.gateway.under_way
