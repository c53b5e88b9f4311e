"""The other processes of a server, as one of them knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from routelab.serve.callers import Identity
from routelab.serve.peers.exchange import PeerAnswer, PeerQuestion, ask
from routelab.serve.peers.figure_store import FigureStore
from routelab.serve.peers.figures import GatewayFigures, summed

FIGURES = "figures"


class Peers(Protocol):
    """The other processes of a server."""

    async def total(self, own: GatewayFigures) -> GatewayFigures:
        """The figures of all processes, those that are gone included.

        Args:
            own: of this one.
        """
        ...

    async def told(self, operation: str) -> list[bytes]:
        """What each of the others answers, as MessagePack; those that do not answer are left out.

        Args:
            operation: that all know, such as "status".
        """
        ...

    async def asked(
        self, operation: str, body: Mapping[str, Any], caller: Identity
    ) -> dict[str, Any] | None:
        """What the process that knows of something makes of a request; None if none does.

        Args:
            operation: "outcome" or "feedback".
            body: of the request.
            caller: who made it.
        Raises:
            RefusedError: it refuses.
        """
        ...


class Alone:
    """There are no others."""

    async def total(self, own: GatewayFigures) -> GatewayFigures:
        return own

    async def told(self, operation: str) -> list[bytes]:
        return []

    async def asked(
        self, operation: str, body: Mapping[str, Any], caller: Identity
    ) -> dict[str, Any] | None:
        return None


class WorkerPeers:
    """The processes that share a folder.

    Args:
        folder: that they share.
        own: the number of this one, below `count`.
        count: how many there are.
        name: of this process, which no other ever has.
    """

    def __init__(self, folder: Path, own: int, count: int, name: str) -> None:
        self._store = FigureStore(folder)
        self._sockets = [folder / f"{number}.sock" for number in range(count) if number != own]
        self._name = name

    async def keep(self, figures: GatewayFigures) -> None:
        """Write the figures of this process down, before anybody is told of them."""
        await asyncio.to_thread(self._store.write, self._name, figures)

    async def total(self, own: GatewayFigures) -> GatewayFigures:
        await self.keep(own)
        answers = await self._answers(PeerQuestion(FIGURES))
        told = {
            it.name: msgspec.msgpack.decode(it.said, type=GatewayFigures)
            for it in answers
            if it.said is not None
        }
        others = await asyncio.to_thread(self._store.others, {self._name, *told})
        return summed([own, *told.values(), *others])

    async def told(self, operation: str) -> list[bytes]:
        answers = await self._answers(PeerQuestion(operation))
        return [it.said for it in answers if it.said is not None]

    async def asked(
        self, operation: str, body: Mapping[str, Any], caller: Identity
    ) -> dict[str, Any] | None:
        for answer in await self._answers(PeerQuestion(operation, dict(body), caller)):
            if answer.refusal is not None:
                raise answer.refusal.error()
            if answer.said is not None:
                said: dict[str, Any] = msgspec.msgpack.decode(answer.said)
                return said
        return None

    async def _answers(self, question: PeerQuestion) -> list[PeerAnswer]:
        found = await asyncio.gather(*(ask(path, question) for path in self._sockets))
        return [it for it in found if it is not None]
