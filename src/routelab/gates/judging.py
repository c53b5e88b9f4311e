"""Hold an answer against a gate within limits: what may take long is judged by a process apart.

Nothing ends what a thread computes, and much of it stops all other threads too. A process can be
ended, and its memory bounded.
"""

from __future__ import annotations

import contextlib
import os
import queue
import struct
import subprocess
import sys
import threading
import time

import msgspec

from routelab.core import Gate

INLINE = 1_000_000.0
"""Steps that an answer may take where it is asked for, some ten milliseconds."""

PATIENCE_S = 2.0
"""Seconds for the verdict of a process that has begun, and for its turn."""

_BEGIN_S = 30.0
"""Seconds for a process to begin, on a machine that has much else to do."""

_PROCESSES = 2

_SIZE = struct.Struct(">I")


def verdict(gate: Gate, text: str, within_s: float = PATIENCE_S) -> str | None:
    """Why a gate refuses an answer, which it also does where it cannot tell; None if it passes.

    Args:
        gate: of any kind but functions.
        within_s: seconds that a verdict is waited for, where a process has to give it.
    """
    try:
        quick = gate.effort(text) <= INLINE
        return gate.problem(text) if quick else _judges.problem(gate, text, within_s)
    except Exception as error:  # noqa: BLE001  (an answer that a gate cannot read does not pass)
        return f"{gate.name} could not judge the answer: {type(error).__name__}: {error!s:.200}"


def is_quick(gate: Gate, text: str) -> bool:
    """Whether `verdict` takes no more than some ten milliseconds."""
    try:
        return gate.effort(text) <= INLINE
    except Exception:  # noqa: BLE001  (which `verdict` tells)
        return True


class _Judge:
    """A process that judges one answer after the other, and ends with this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "routelab.gates.judge_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._read(1, _BEGIN_S)  # it has begun

    def problem(self, job: bytes, within_s: float) -> str | None:
        """The verdict.

        Raises:
            EOFError: there is none, as the process ended or was ended.
        """
        until = time.monotonic() + within_s
        size = self._read(_SIZE.size, within_s, _SIZE.pack(len(job)) + job)
        told = self._read(_SIZE.unpack(size)[0], until - time.monotonic())
        return msgspec.msgpack.decode(told, type=str | None)

    def _read(self, size: int, within_s: float, asked: bytes = b"") -> bytes:
        """So many bytes of what it says, after it was asked; it is ended when it is late."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        alarm = threading.Timer(within_s, self._process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            self._process.stdin.write(asked)
            self._process.stdin.flush()
            told = self._process.stdout.read(size)
        except OSError as error:
            raise EOFError from error
        finally:
            alarm.cancel()
        if len(told) < size:
            raise EOFError
        return told

    def end(self) -> None:
        self._process.kill()
        with contextlib.suppress(OSError):
            self._process.communicate()


class _Judges:
    """The processes, begun when they are needed."""

    def __init__(self) -> None:
        self._begin(os.getpid())

    def _begin(self, process: int) -> None:
        self._process = process
        self._free: queue.LifoQueue[_Judge | None] = queue.LifoQueue()
        for _ in range(_PROCESSES):
            self._free.put(None)

    def problem(self, gate: Gate, text: str, within_s: float) -> str | None:
        if self._process != os.getpid():  # a fork: they belong to another process
            self._begin(os.getpid())
        until = time.monotonic() + within_s
        late = f"{gate.name} gave no verdict in {within_s:g} s"
        try:
            judge = self._free.get(timeout=max(0.0, within_s))
        except queue.Empty:
            return f"{late}: others are judged"
        try:
            job = msgspec.msgpack.encode(
                (msgspec.json.encode(gate), text.encode("utf-8", "surrogatepass"))
            )
            if judge is None:
                judge = _Judge()
                until = time.monotonic() + within_s
            return judge.problem(job, until - time.monotonic())
        except EOFError:
            if judge is not None:
                judge.end()
            judge = None
            ended = time.monotonic() < until
            return f"{gate.name} could not judge the answer: it took too much" if ended else late
        finally:
            self._free.put(judge)


_judges = _Judges()
