"""The real LiteLLM proxy beside our gateway, under the same callers and before the same endpoint.

Only when asked: `python -m benchmarks litellm`, with LiteLLM in a virtual environment of its own:

    python -m venv .venv-litellm && .venv-litellm/bin/pip install 'litellm[proxy]'

or in another one, which the variable ROUTELAB_LITELLM names. Each is one process, and takes turns.
LiteLLM has nothing configured but a model and the one key that it insists on; our gateway has as
much, a file of keys, and once more with what `serve` measures besides: a decision log, limits of a
key and a tenant. The ratio is that of processor time, as there.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from benchmarks.bench_runtime import PROMPT, policy_file, server
from benchmarks.bench_serve import AT_ONCE, SETTINGS, Turn, asked, posted, started, turn
from routelab.core.catalogue import catalogue_file
from routelab.serve import new_key

PLACE = "ROUTELAB_LITELLM"
TURNS, THEIRS, OURS = 3, 320, 3_200
"""Turns after the first, which warms up, and requests of one."""
PATIENCE_S = 180.0


def environment() -> Path:
    """The virtual environment that has LiteLLM.

    Raises:
        SystemExit: there is none.
    """
    folder = Path(os.environ.get(PLACE) or Path(__file__).parent.parent / ".venv-litellm")
    if not (folder / "bin" / "litellm").is_file():
        raise SystemExit(
            f"no LiteLLM in {folder}: python -m venv {folder} && {folder}/bin/pip install"
            f" 'litellm[proxy]', or name another environment in {PLACE}"
        )
    return folder


@contextmanager
def litellm(folder: Path, base_url: str, master: str) -> Iterator[tuple[int, int]]:
    """LiteLLM's proxy at work: its process id and port.

    Args:
        folder: for its files.
        base_url: of the endpoint.
        master: the key that it asks for.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        port = held.getsockname()[1]
    config = {
        "model_list": [
            {
                "model_name": "north",
                "litellm_params": {
                    "model": "openai/north",
                    "api_base": base_url,
                    "api_key": "none",
                },
            }
        ],
        "litellm_settings": {"telemetry": False},
    }
    (folder / "litellm.yaml").write_text(json.dumps(config), encoding="utf-8")  # which is YAML too
    words = [environment() / "bin" / "litellm", "--config", folder / "litellm.yaml",
             "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]  # fmt: skip
    local = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "NO_PROXY": "*",
        "LITELLM_MASTER_KEY": master,
    }
    env = {name: it for name, it in os.environ.items() if name != "PYTHONPATH"} | local
    with (
        (folder / "litellm.log").open("wb") as log,
        subprocess.Popen(words, stdout=log, stderr=log, env=env, cwd=folder) as process,
    ):
        try:
            _wait(process, port, folder / "litellm.log")
            yield process.pid, port
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_S and process.poll() is None:
        try:
            asyncio.run(asked(port, b"GET /health/liveliness HTTP/1.1\r\nhost: a\r\n\r\n", 1))
        except (OSError, EOFError, AssertionError):
            time.sleep(0.25)
        else:
            return
    raise SystemExit(f"LiteLLM did not start: {log.read_text(errors='replace')[-2000:]}")


def version() -> str:
    """Of the LiteLLM that is measured."""
    program = "from importlib.metadata import version; print(version('litellm'))"
    words = [environment() / "bin" / "python", "-c", program]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def run() -> list[tuple[str, float, str, bool]]:
    print(f"LiteLLM {version()}, {AT_ONCE} callers", file=sys.stderr)
    with tempfile.TemporaryDirectory() as held, server() as base_url, ExitStack() as stack:
        folder = Path(held)
        policy = policy_file(folder, base_url)
        text = catalogue_file.text(policy.document.catalogue.models)
        (folder / "models.toml").write_text(text, encoding="utf-8")
        key, table = new_key("bench", "bench")
        (folder / "keys.toml").write_text(table, encoding="utf-8")
        full = folder / "full"
        full.mkdir()
        (folder / "serve.toml").write_text('[callers]\nkeys = "keys.toml"\n', encoding="utf-8")
        (full / "serve.toml").write_text(SETTINGS, encoding="utf-8")
        for name in ("models.toml", "keys.toml"):
            (full / name).write_bytes((folder / name).read_bytes())
        master = f"sk-{secrets.token_hex(32)}"
        theirs = stack.enter_context(litellm(folder, base_url, master))
        words = sys.executable, "-m", "benchmarks.gateway", str(policy.path)
        ours, logged = (stack.enter_context(started(*words, str(it))) for it in (folder, full))
        body = {"model": "north", "messages": [{"role": "user", "content": PROMPT}]}
        chat = "/v1/chat/completions"
        routed = {**body, "model": "routelab/bench"}
        to_us = posted(chat, routed, f"authorization: Bearer {key}")
        sides = (
            (theirs, posted(chat, body, f"authorization: Bearer {master}"), THEIRS),
            (ours, to_us, OURS),
            (logged, to_us, OURS),
        )
        found: tuple[list[Turn], ...] = ([], [], [])
        for number in range(TURNS + 1):
            for ((pid, port), request, n), turns in zip(sides, found, strict=True):
                measured = asyncio.run(turn(pid, port, request, n))
                if number:
                    turns.append(measured)
    us = [statistics.median(it.processor_us for it in turns) for turns in found]
    rates = [statistics.median(it.per_second for it in turns) for turns in found]
    times = us[0] / us[1]
    return [
        ("litellm_processor_us", us[0], "-", True),
        ("litellm_gateway_processor_us", us[1], "-", True),
        ("litellm_gateway_with_log_processor_us", us[2], "-", True),
        (f"litellm_c{AT_ONCE}_per_s", rates[0], "-", True),
        (f"litellm_gateway_c{AT_ONCE}_per_s", rates[1], "-", True),
        (f"litellm_wall_times_c{AT_ONCE}", rates[1] / rates[0], "-", True),
        (f"litellm_times_with_log_c{AT_ONCE}", us[0] / us[2], "-", True),
        (f"litellm_times_c{AT_ONCE}", times, ">= 20", times >= 20.0),
    ]
