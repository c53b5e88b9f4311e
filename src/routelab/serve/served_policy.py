"""A policy at work behind its name, until its last request is over."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec

from routelab.core.catalogue import Catalogue
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document, PolicyFile
from routelab.runtime import AsyncRouter
from routelab.scorers import load_scorers
from routelab.serve.decisions import PolicyDecider

_log = logging.getLogger("routelab")


class ServedPolicy:
    """A policy and the router that follows it; used within `with`.

    Attributes:
        name: by which callers name it.
        file: the policy as it was loaded.
        router: that answers.
        decider: decides without asking anybody.
        users: requests under way.
    """

    def __init__(
        self, name: str, file: PolicyFile, router: AsyncRouter, signals: Mapping[str, str]
    ) -> None:
        self.name = name
        self.file = file
        self.router = router
        self.decider = PolicyDecider(file, router.catalogue, signals)
        self.users = 0
        self._retired = False
        self._closing: asyncio.Task[None] | None = None

    def retire(self) -> None:
        """Take no new requests; the router is closed once the last one is over."""
        self._retired = True
        self._close_if_idle()

    async def closed(self) -> None:
        """Wait until the router is closed, which has to be retired."""
        if self._closing is not None:
            await self._closing

    def __enter__(self) -> Self:
        self.users += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.users -= 1
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._retired and not self.users and self._closing is None:
            self._closing = asyncio.create_task(self._close())

    async def _close(self) -> None:
        try:
            await self.router.aclose()
        except Exception:  # noqa: BLE001  (a policy that is gone must not take the server with it)
            _log.exception("policy %r was not closed in good order", self.name)


def single_model(name: str, catalogue: Catalogue) -> PolicyFile:
    """The policy that always asks one model of a catalogue, as if it had been loaded."""
    policy = Fixed(name)
    document = Document(
        name=name, policy=to_wire(policy), candidates=(name,), catalogue=catalogue.only((name,))
    )
    digest = hashlib.sha256(msgspec.json.encode(document)).hexdigest()
    nothing = load_scorers({}, {}, {}, models=(name,))
    return PolicyFile(policy, document, {}, nothing, (), digest, Path(name), True)
