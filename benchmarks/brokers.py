"""NATS and Redis in processes of their own, which keep what they have in a folder."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def command(kind: str, port: int, folder: Path) -> list[str]:
    if kind == "nats":
        return ["nats-server", "-js", "-sd", str(folder), "-a", "127.0.0.1", "-p", str(port)]
    return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
            "--appendonly", "yes", "--save", ""]  # fmt: skip


def is_installed(kind: str) -> bool:
    return shutil.which(f"{kind}-server") is not None


@contextmanager
def broker(kind: str, folder: Path) -> Iterator[str]:
    """The address of a broker."""
    port = free_port()
    process = subprocess.Popen(
        command(kind, port, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"{kind}://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
