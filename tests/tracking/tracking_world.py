"""A tracking server of our own, ways to lose it, and a study to send."""

from __future__ import annotations

import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

PATIENCE_S = 60.0


class Server:
    """`mlflow server` on loopback over a store that outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts = folder / "artifacts"
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.folder / 'store.db'}"]
        command += ["--artifacts-destination", str(self.artifacts)]
        with (self.folder / "server.log").open("ab") as told:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, **quiet},
                stdout=told,
                stderr=told,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.kill()
                pytest.skip(f"mlflow server did not start within {PATIENCE_S:.0f} s")
            time.sleep(0.1)

    def kill(self) -> None:
        """End the server and the workers in its process group, at once."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.uri}/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


class Cutter:
    """A proxy that can be told to pass some requests on and refuse those that follow."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.pass_all()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def pass_all(self) -> None:
        self._left, self._then, self.cut = math.inf, lambda: None, False

    def cut_after(self, requests: int, then: Callable[[], None] = lambda: None) -> None:
        """Pass this many requests on, call `then`, and hang up on all others."""
        self._left, self._then, self.cut = requests, then, False

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with client:
                if self._left == 0 and not self.cut:
                    self.cut = True
                    self._then()
                if not self.cut:
                    self._left -= 1
                    self._pass_on(client)

    def _pass_on(self, client: socket.socket) -> None:
        """One request and its answer, whole; the client is told not to reuse the connection."""
        request = _message(client)
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [it for it in head.split(b"\r\n") if not it.lower().startswith(b"connection:")]
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            server.sendall(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
            while piece := server.recv(65536):
                client.sendall(piece)


def _message(client: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        read += client.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    chunked = b"transfer-encoding: chunked" in head.lower()
    length = next(
        (int(it[15:]) for it in head.lower().split(b"\r\n") if it.startswith(b"content-length:")), 0
    )
    while not body.endswith(b"0\r\n\r\n") if chunked else len(body) < length:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def copied(policy: Path, folder: Path) -> Path:
    """A policy directory and the study beside it, in a folder of their own; gives the policy."""
    shutil.copytree(policy, folder / policy.name)
    study = policy.with_name(f"{policy.stem}.study")
    shutil.copytree(study, folder / study.name)
    return folder / policy.name
