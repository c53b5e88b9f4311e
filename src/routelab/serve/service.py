"""A gateway with all its parts, opened from files and kept up with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeVar

from routelab.core.catalogue import Catalogue
from routelab.core.messages import how_to_install
from routelab.errors import MissingExtraError, RoutelabError
from routelab.policy_file import PolicyFile
from routelab.runtime import DecisionLog, FinishedRequest, LimitShare, RouterConfig, Upstream
from routelab.runtime.budgets import MemoryStore, SqliteStore, Store
from routelab.runtime.budgets import read as read_budgets
from routelab.runtime.metrics import RouterMetrics
from routelab.runtime.redaction import Redactor, load_redactor
from routelab.serve.callers import Doorkeeper
from routelab.serve.config import ServeConfig
from routelab.serve.decision_memory import DecisionMemory
from routelab.serve.decisions import RouteMemory
from routelab.serve.delivery import OutcomeRedaction
from routelab.serve.event_log import EventLog
from routelab.serve.gateway import Gateway
from routelab.serve.keys import KeyRing, read_keys
from routelab.serve.peers import WorkerSeat, process_parts
from routelab.serve.roster import Loaded, Roster, field_warnings, load_all
from routelab.serve.shared_parts import LentSink, LentStore
from routelab.serve.status import StatusBoard
from routelab.serve.telemetry import Telemetry

_T = TypeVar("_T")
_SETTLED_S = 0.1
_SETTLING = 20
"""A file that is unchanged for so many seconds is complete; looked for so many times at most."""


class Service:
    """A gateway, and the files it was made from.

    >>> from routelab.serve import GatewayApp, Service
    >>> service = Service(["mine.policy"], "models.toml")
    >>> app = GatewayApp(service)  # for any ASGI server

    Attributes:
        config: its settings.
        gateway: that answers.
        doorkeeper: who tells callers apart.
        memory: the latest decisions.
        routes: decisions whose calls others make, and have not reported yet.
        metrics: of all its routers, before and after changes of files.
        board: what the status page shows besides.
        telemetry: spans and metrics, where they are configured.
        events: where what happens is written.
        redaction: of answers that are delivered to others than their callers, and of their logs.
        peers: the other processes of the server.
        is_first: of those processes, which tells what one of them is to tell for all.

    Args:
        policies: directories.
        catalogue: the `models.toml`.
        config: everything else.
        events: standard error unless given.
        upstream: in place of HTTP, for tests and simulations.
        seat: among the processes of a server; None for one that is alone.
    Raises:
        RoutelabError: files cannot be read or do not fit, or variables that hold keys are not set;
            every problem is named.
    """

    def __init__(
        self,
        policies: Sequence[str | Path],
        catalogue: str | Path,
        config: ServeConfig | None = None,
        *,
        events: EventLog | None = None,
        upstream: Upstream | None = None,
        seat: WorkerSeat | None = None,
    ) -> None:
        self.config = config = config or ServeConfig()
        self.metrics = RouterMetrics()
        self.memory = DecisionMemory(config.remembered)
        self.is_first = seat is None or seat.number == 0
        self._share = LimitShare() if seat is None else LimitShare(seat.number, seat.count)
        self._paths, self._catalogue = tuple(map(Path, policies)), Path(catalogue)
        self._upstream = upstream
        problems: list[str] = []
        logged = _tried(lambda: load_redactor(config.redaction.log), problems)
        sent = _tried(lambda: load_redactor(config.redaction.send), problems)
        delivered = _tried(lambda: load_redactor(config.redaction.deliver), problems)
        self.redaction = OutcomeRedaction(logged, delivered)
        self.events = events or EventLog(config.log_requests, redactor=logged)
        self.board = StatusBoard(
            config.status.decisions if config.status.page else 0,
            logged.logged if logged else str,
        )
        telemetry = _tried(lambda: Telemetry(config.telemetry, self.board.policy_name), problems)
        loaded, ring = (
            _tried(lambda: load_all(self._paths, self._catalogue, config), problems),
            _tried(self._read_keys, problems),
        )
        budgets = config.budgets
        if budgets:
            _tried(lambda: read_budgets(budgets), problems)
        if problems or loaded is None or telemetry is None:
            if telemetry is not None:
                telemetry.close()
            raise RoutelabError(*problems)
        self.telemetry = telemetry
        self._log = _decision_log(config, logged)
        self._store: Store | None = None
        if budgets:
            kept = config.budget_store
            self._store = SqliteStore(kept) if kept else MemoryStore()
        self.routes = RouteMemory(config.remembered, self._record)
        self._reloading = asyncio.Lock()
        self._retired: list[Roster] = []
        self.doorkeeper = Doorkeeper(config.callers, ring, time.time)
        limits, self._under_way, self.peers = process_parts(seat, config.limits)
        self.gateway = Gateway(self._roster(loaded), limits, self.events, self._under_way, sent)
        self.gateway.decided = telemetry.decided
        self.board.taken(self.gateway.roster, time.time())
        self._seen = self._signature()

    @property
    def files(self) -> dict[str, PolicyFile]:
        """The policies that are served now, by name."""
        return {name: it.file for name, it in self.gateway.roster.policies.items()}

    @property
    def warnings(self) -> list[str]:
        """A sentence for each field that a policy reads and no request over the network has, and
        for each limit that cannot be divided among the processes.

        Of several processes the first has them for all.
        """
        if not self.is_first:
            return []
        callers = self.config.callers
        of_queues = any(it.tenant or it.tenant_attribute for it in self.config.queue)
        told_apart = bool(callers.keys or callers.tenant_header) or of_queues
        fields = field_warnings(self.files, lambda field: field != "tenant" or told_apart)
        catalogues = [served.router.catalogue for served in self.gateway.roster]
        limits = [warning for it in catalogues for warning in self._share.warnings(it)]
        return [*fields, *dict.fromkeys(limits)]

    async def watch(self) -> None:
        """Take changed files over as they change, until cancelled."""
        while self.config.reload_s:
            await asyncio.sleep(self.config.reload_s)
            await self.reload()

    async def reload(self) -> bool:
        """Take over files that changed; where one is broken, everything stays as it was.

        Requests under way are seen through by the policies, models and limits they began with.

        Returns:
            Whether there was a change that was taken over.
        """
        async with self._reloading:  # by its own looks and by a signal at once
            return await self._reload()

    async def _reload(self) -> bool:
        seen = await asyncio.to_thread(self._signature)
        if seen == self._seen:
            return False
        seen = await self._settled(seen)
        changed = sorted({name for name, _ in seen ^ self._seen})
        self._seen = seen
        try:
            loaded, ring = await asyncio.to_thread(self._read)
            roster = self._roster(loaded)
        except RoutelabError as error:
            return self._refused(changed, error.problems)
        except Exception as error:  # noqa: BLE001  (whatever a file holds, requests go on)
            return self._refused(changed, (f"{type(error).__name__}: {error}",))
        before = self.gateway.take(roster)
        self.board.taken(roster, time.time())
        self.doorkeeper.ring = ring
        before.retire()
        self._retired = [it for it in self._retired if any(one.users for one in it)] + [before]
        self.gateway.totals["reloads", "taken"] += 1
        self.events.event(
            "reloaded",
            files=changed,
            policies={name: it.digest for name, it in loaded.policies.items()},
        )
        return True

    async def aclose(self) -> None:
        """Close the routers, once no request is under way, and what they share."""
        rosters = [*self._retired, self.gateway.roster]
        self.gateway.roster.retire()
        for roster in rosters:
            await roster.closed()
        if self._store is not None:
            await self._store.aclose()
        if self._log is not None:
            await asyncio.to_thread(self._log.close)
        await asyncio.to_thread(self.telemetry.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _refused(self, changed: Sequence[str], problems: Sequence[str]) -> bool:
        self.gateway.totals["reloads", "refused"] += 1
        self.events.event(
            "reload refused",
            "error",
            files=changed,
            problems=problems,
            message="what was served before is served on",
        )
        return False

    async def _settled(self, seen: frozenset[tuple[str, object]]) -> frozenset[tuple[str, object]]:
        """What the files are like once nobody writes them any more."""
        for _ in range(_SETTLING):
            await asyncio.sleep(_SETTLED_S)
            now = await asyncio.to_thread(self._signature)
            if now == seen:
                break
            seen = now
        return seen

    def _record(self, finished: FinishedRequest) -> None:
        """Keep what came of calls that somebody else made, as of those that a router made."""
        if self._log is not None:
            self._log.write(finished)
        self.metrics.finished(finished)
        self.memory.finished(finished)
        self.board.finished(finished)
        self.telemetry.finished(finished)

    def _read(self) -> tuple[Loaded, KeyRing | None]:
        return load_all(self._paths, self._catalogue, self.config), self._read_keys()

    def _read_keys(self) -> KeyRing | None:
        keys = self.config.callers.keys
        return read_keys(keys) if keys else None

    def _roster(self, loaded: Loaded) -> Roster:
        config = self.config
        try:
            shared = RouterConfig(
                upstream=self._upstream,
                transport=None if self._upstream else config.transport,
                timeout_s=config.timeout_s,
                budgets=config.budgets or None,
                budget_store=None if self._store is None else LentStore(self._store),
                log=None if self._log is None else LentSink(self._log),
                metrics=self.metrics,
                observers=(self.memory, self._under_way, self.board, self.telemetry),
                limit_share=self._share,
                trace_headers=config.telemetry.trace_headers,
                explained=config.status.page,
            )
            roster = Roster(loaded, config, shared)
        except MissingExtraError as error:
            raise RoutelabError(
                f"the server needs httpx-aiohttp: {how_to_install('serve')}"
            ) from error
        self.events.keep_out(_key_variables(loaded.catalogue))
        return roster

    def _signature(self) -> frozenset[tuple[str, object]]:
        """What the files are like now: another one means that something changed."""
        paths: list[Path] = [self._catalogue]
        if keys := self.config.callers.keys:
            paths.append(Path(keys))
        for policy in self._paths:
            paths += [policy / name for name in ("policy.json", "weights.safetensors")]
        return frozenset(zip(map(str, paths), map(_state, paths), strict=True))


def _decision_log(config: ServeConfig, redactor: Redactor | None) -> DecisionLog | None:
    if not config.log:
        return None
    return DecisionLog(config.log, texts=config.log_texts, redactor=redactor)


def _state(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _key_variables(catalogue: Catalogue) -> list[str]:
    models = catalogue.models.values()
    return [it.api_key_env for model in models for it in model.deployments if it.api_key_env]


def _tried(read: Callable[[], _T], problems: list[str]) -> _T | None:
    """What is read; None, with what is wrong added to the problems, where it cannot be."""
    try:
        return read()
    except RoutelabError as error:
        problems += error.problems
        return None
