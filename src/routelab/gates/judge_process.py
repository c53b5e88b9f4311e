"""The process that judges answers which may take long; see `routelab.gates.judging`."""

from __future__ import annotations

import contextlib
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

_SIZE = struct.Struct(">I")

_MEMORY = 1 << 30
"""Bytes of addresses beyond those that it begins with."""

_LONGEST_S = 60
"""After which it ends itself, if whoever asked is gone and cannot end it."""


def main() -> None:
    """Read jobs and write verdicts until nobody asks any more."""
    from routelab.gates import REGISTRY  # which is what takes a while to begin

    _bounded()
    asked, told = sys.stdin.buffer, sys.stdout.buffer
    told.write(b".")
    told.flush()
    while (job := _read(asked)) is not None:
        gate, text = msgspec.msgpack.decode(job, type=tuple[bytes, bytes])
        if hasattr(signal, "alarm"):
            signal.alarm(_LONGEST_S)
        answer = text.decode("utf-8", "surrogatepass")
        problem = REGISTRY.decode(msgspec.json.decode(gate)).problem(answer)
        verdict = msgspec.msgpack.encode(problem)
        told.write(_SIZE.pack(len(verdict)) + verdict)
        told.flush()
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _read(asked: BinaryIO) -> bytes | None:
    size = asked.read(_SIZE.size)
    return asked.read(_SIZE.unpack(size)[0]) if len(size) == _SIZE.size else None


def _bounded() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # systems without limits
        import resource

        held = int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + _MEMORY, held + _MEMORY))


if __name__ == "__main__":
    main()
