"""The tutorial is lived through from its first line to its last, as a reader would.

Blocks with a title become files, Python blocks run in one session, and commands run in the
order in which they stand. A ```text block is what the command before it printed, but for the
numbers. Ports are exchanged for free ones.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from routelab.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.M | re.S)
PORTS = ("8801", "8802")
PATIENCE_S = 30.0


class Block(NamedTuple):
    """A fenced block of the page."""

    kind: str
    title: str
    body: str


def blocks(text: str) -> list[Block]:
    return [Block(*(part or "" for part in it.groups())) for it in FENCE.finditer(text)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as it:
        return it.getsockname()[1]


class Reader:
    """Does what the page says, in the working directory."""

    def __init__(self, servers: contextlib.ExitStack) -> None:
        self._servers = servers
        self._names: dict[str, object] = {"__name__": "__main__"}
        self.printed = ""
        self.ran: list[str] = []

    def follow(self, block: Block) -> None:
        if block.title:
            Path(block.title).write_text(block.body, encoding="utf-8")
        else:
            getattr(self, block.kind)(block.body)

    def python(self, body: str) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(body, str(PAGE), "exec"), self._names)
        self.printed = out.getvalue()

    def console(self, body: str) -> None:
        for line in body.replace("\\\n", " ").splitlines():
            if line.endswith(" &"):
                self._servers.enter_context(serving(line))
            elif line.startswith("routelab "):
                self._command(shlex.split(line)[1:])
            else:
                assert line == "pip install '.[lab]'", f"nobody runs {line!r}"
            self.ran.append(line)

    def text(self, body: str) -> None:
        printed = [shape(line) for line in self.printed.splitlines()]
        for line in body.splitlines():
            assert shape(line) in printed, f"{line!r} was not printed:\n{self.printed}"

    def _command(self, words: list[str]) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status = main(words)
        self.printed = out.getvalue()
        assert status == 0, words


def shape(line: str) -> str:
    """A line without its numbers and the width of its columns."""
    return " ".join(re.sub(r"[+-]?\d[\d.,]*(e-\d+)?", "#", line).split())


@contextlib.contextmanager
def serving(line: str) -> Iterator[None]:
    """A server in the background, from when it accepts connections."""
    words = shlex.split(line.removesuffix(" &"))
    port = int(words[words.index("--port") + 1])
    program = [sys.executable, "-c", CALL[words[0]], *words[1:]]
    process = subprocess.Popen(program, stderr=subprocess.PIPE, text=True, env=environment())
    try:
        await_port(port, process)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


CALL = {
    "routelab": "import sys; from routelab.cli import main; sys.exit(main())",
    "uvicorn": "from uvicorn import main; main()",
}


def environment() -> dict[str, str]:
    """With the working directory to import from, as `uvicorn` has it."""
    paths = [str(Path.cwd()), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def await_port(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1])
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on {port}")


@pytest.fixture
def page() -> str:
    text = PAGE.read_text(encoding="utf-8")
    for port in PORTS:
        text = text.replace(port, str(free_port()))
    return text


def test_the_tutorial_works_from_its_first_line_to_its_last(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = blocks(page)
    with contextlib.ExitStack() as servers:
        reader = Reader(servers)
        for block in found:
            reader.follow(block)
    assert len(found) == page.count("\n```") / 2
    commands = {line.split()[1] for line in reader.ran if line.startswith("routelab")}
    assert commands == {
        "data", "tune", "replay", "explain", "inspect", "replay-server", "route",
    }  # fmt: skip
    assert {"traffic.csv", "traffic.policy", "traffic.study", "reports", "service.py"} <= {
        path.name for path in tmp_path.iterdir()
    }
