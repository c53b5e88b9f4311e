"""`routelab serve` as a process, and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from routelab.cli import main; raise SystemExit(main())"]


class Process:
    """A server in a process of its own, and what it says."""

    def __init__(self, *words):
        self.lines = []
        self.running = subprocess.Popen(
            [*COMMAND, "serve", *map(str, words)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.running.stderr:
            self.lines.append(line.rstrip("\n"))

    @property
    def events(self):
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def workers(self):
        """Ids of its processes that answer."""
        pid = self.running.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(it) for it in listed.split()]

    def count(self, event):
        """How often something has happened."""
        return sum(it["event"] == event for it in self.events)

    def wait_for(self, what, seconds=120.0):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := [line for line in self.lines if what in line]:
                return found[-1]
            assert self.running.poll() is None, self.lines
            time.sleep(0.02)
        raise TimeoutError((what, self.lines))

    def ended(self, seconds=60.0):
        code = self.running.wait(seconds)
        self._reader.join(5.0)
        return code, "\n".join(self.lines)


@contextmanager
def process(*words):
    found = Process(*words)
    try:
        yield found
    finally:
        if found.running.poll() is None:
            found.running.kill()
            found.running.wait()
            found.ended()  # its processes have the pipe open until they end too
        found.running.stderr.close()
