"""Questions between the processes of a server, over Unix sockets that only their user may open."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

import msgspec

from routelab.serve.callers import Identity
from routelab.serve.refusal import RefusedError

_log = logging.getLogger("routelab")

_SIZE = struct.Struct("<I")
_PATIENCE_S = 2.0
"""For a process to answer before it counts as gone, or too busy to be asked."""


class PeerQuestion(msgspec.Struct, frozen=True):
    """What one process asks another.

    Attributes:
        operation: by name.
        body: of the request that it is asked for.
        caller: who made that.
    """

    operation: str
    body: dict[str, Any] = {}
    caller: Identity = Identity()


class PeerRefusal(msgspec.Struct, frozen=True):
    """A refusal on its way to another process."""

    status: int
    message: str
    code: str
    kind: str
    param: str | None
    retry_after_s: float | None

    @classmethod
    def of(cls, refusal: RefusedError) -> Self:
        """What is sent of it."""
        return cls(
            refusal.status, refusal.message, refusal.code, refusal.kind, refusal.param,
            refusal.retry_after_s,
        )  # fmt: skip

    def error(self) -> RefusedError:
        """The refusal as it was."""
        return RefusedError(
            self.status,
            self.message,
            self.code,
            kind=self.kind,
            param=self.param,
            retry_after_s=self.retry_after_s,
        )


class PeerAnswer(msgspec.Struct, frozen=True):
    """What a process answers another.

    Attributes:
        name: of the process.
        said: the answer as MessagePack; None where it knows nothing of it.
        refusal: why there is none.
    """

    name: str
    said: bytes | None = None
    refusal: PeerRefusal | None = None


PeerHandler: TypeAlias = Callable[[dict[str, Any], Identity], Awaitable[Any]]
"""Answers a question; None where it knows nothing of what is asked."""


class PeerExchange:
    """Answers the other processes while its block runs.

    Args:
        path: of the socket; one that a former process left is replaced.
        name: of this process.
        handlers: by operation.
    """

    def __init__(self, path: Path, name: str, handlers: Mapping[str, PeerHandler]) -> None:
        self._path = path
        self._name = name
        self._handlers = handlers
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            question = msgspec.msgpack.decode(await _received(reader), type=PeerQuestion)
            if (answer := await self._answer(question)) is not None:
                await _send(writer, answer)
        writer.close()

    async def _answer(self, question: PeerQuestion) -> PeerAnswer | None:
        try:
            said = await self._handlers[question.operation](question.body, question.caller)
        except RefusedError as refusal:
            return PeerAnswer(self._name, refusal=PeerRefusal.of(refusal))
        except Exception:  # noqa: BLE001  (to whoever asked this process is as if it were gone)
            _log.exception("another process could not be answered")
            return None
        if said is None:
            return PeerAnswer(self._name)
        return PeerAnswer(self._name, msgspec.msgpack.encode(said))


async def ask(path: Path, question: PeerQuestion) -> PeerAnswer | None:
    """What another process answers; None if it is not there.

    Args:
        path: of its socket.
        question: to ask.
    """
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                await _send(writer, question)
                return msgspec.msgpack.decode(await _received(reader), type=PeerAnswer)
            finally:
                writer.close()
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return None


async def _received(reader: asyncio.StreamReader) -> bytes:
    (size,) = _SIZE.unpack(await reader.readexactly(_SIZE.size))
    return await reader.readexactly(size)


async def _send(writer: asyncio.StreamWriter, message: PeerQuestion | PeerAnswer) -> None:
    content = msgspec.msgpack.encode(message)
    writer.write(_SIZE.pack(len(content)) + content)
    await writer.drain()
