"""Run the real libraries against a provider on loopback, and keep what they record.

`python records.py [LIBRARY...] [--out FOLDER] [--homes FOLDER] [--newest]` installs each into an
environment of its own, at the versions below, and writes `recorded/LIBRARY`. Nothing but the
package indexes is reached.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from upstream_world import upstream

HERE = Path(__file__).parent
WRITERS = HERE / "writers"
RECORDED = HERE / "recorded"
PACKAGES = {
    "inspect_ai": ("inspect_ai==0.3.285", "openai==3.57.0", "anthropic"),
    "litellm": (
        "litellm==1.110.2",
        "apscheduler",
        "backoff",
        "cryptography",
        "email-validator",
        "expression",
        "fastapi",
        "fastapi-sso",
        "mcp",
        "orjson",
        "PyJWT",
        "python-multipart",
        "redis",
        "rich",
        "semver",
        "soundfile",
        "uvicorn",
        "websockets",
    ),  # with what spend logs need of its proxy
    "lm_eval": ("lm-eval[api]==0.4.13",),
    "mlflow": (),  # which development has
    "opentelemetry": (
        "openai==3.57.0",
        "opentelemetry-sdk==1.45.2",
        "opentelemetry-exporter-otlp-json-file==0.66b1",
        "opentelemetry-instrumentation-genai-openai==1.3b0",
        "opentelemetry-instrumentation-openai==0.62.4",
        "openinference-instrumentation-openai==0.1.66",
    ),
    "opentelemetry_v2": (
        "openai==3.57.0",
        "httpx",  # which the package imports and does not ask for
        "opentelemetry-sdk==1.45.2",
        "opentelemetry-exporter-otlp-json-file==0.66b1",
        "opentelemetry-instrumentation-openai-v2==2.4b0",
        "opentelemetry-util-genai==0.4b0",
    ),
    "promptfoo": ("promptfoo@0.121.20",),  # through npm
}
"""What each library's environment holds."""

_SCRIPTS = {"opentelemetry_v2": "opentelemetry"}


def recorded(library: str, out: Path, homes: Path, *, newest: bool = False) -> Path:
    """The folder of what a library wrote of its calls, made anew."""
    program = _program(library, homes / library, newest=newest)
    folder = out / library
    with tempfile.TemporaryDirectory(prefix="records-") as name, upstream() as provider:
        work = Path(name)
        environment = {it: os.environ[it] for it in ("PATH", "LANG") if it in os.environ}
        environment |= {"HOME": name, "TMPDIR": name, "DO_NOT_TRACK": "1"}
        environment["RECORDS_HOME"] = str(homes / library)
        made = work / "made"
        made.mkdir()
        done = subprocess.run(
            [*program, provider.url, str(made)],
            cwd=work, env=environment, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{library}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        hidden = {name: "work", str(HERE.parents[2]): "routelab", str(homes): "homes"}
        hidden |= {sys.prefix: "venv", sys.base_prefix: "python"}
        _without_this_machine(made, hidden | {socket.gethostname(): "host"})
        _packed(made)
        (made / "upstream.json").write_text(json.dumps(provider.calls, indent=1) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)
    return folder


def _program(library: str, home: Path, *, newest: bool) -> list[str]:
    """What runs the library's script, once its environment is there."""
    if not PACKAGES[library]:
        return [sys.executable, str(_script(library))]
    wanted = [re.split("==|(?<=.)@", it)[0] if newest else it for it in PACKAGES[library]]
    node = _script(library).suffix == ".cjs"
    program, mark = "node" if node else str(home / "bin" / "python"), home / "installed.json"
    if not mark.exists() or json.loads(mark.read_text()) != wanted:
        home.mkdir(parents=True, exist_ok=True)
        if node:
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", home]
        else:
            subprocess.run([sys.executable, "-m", "venv", home], check=True)
            command = [program, "-m", "pip", "install", "--quiet"]
        subprocess.run([*command, *wanted], check=True)
        mark.write_text(json.dumps(wanted))
    return [program, str(_script(library))]


def _script(library: str) -> Path:
    (found,) = WRITERS.glob(f"{_SCRIPTS.get(library, library)}_records.*")
    return found


def _without_this_machine(folder: Path, hidden: dict[str, str]) -> None:
    """Take out of records where they were made."""
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix != ".eval":  # packed, and checked by the tests
            file.write_bytes(_hidden(file.read_bytes(), hidden))


def _packed(folder: Path) -> None:
    """Records of many bytes and few words are gzipped, alike each time."""
    for file in [*folder.rglob("*.jsonl"), *folder.glob("*.json")]:
        if file.stat().st_size > 10_000:
            content = gzip.compress(file.read_bytes(), mtime=0)
            file.with_name(f"{file.name}.gz").write_bytes(content)
            file.unlink()


def _hidden(content: bytes, hidden: dict[str, str]) -> bytes:
    for word, instead in hidden.items():
        for form in (word, word.replace("/", "\\/")):  # as pandas writes it
            content = content.replace(form.encode(), instead.encode())
    return content


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("libraries", nargs="*", default=list(PACKAGES))
    parser.add_argument("--out", type=Path, default=RECORDED)
    parser.add_argument("--homes", type=Path, default=Path(tempfile.gettempdir()) / "record-homes")
    parser.add_argument("--newest", action="store_true", help="install what is newest")
    asked = parser.parse_args()
    for each in asked.libraries:
        made = recorded(each, asked.out, asked.homes, newest=asked.newest)
        sys.stdout.write(f"{made}\n")
