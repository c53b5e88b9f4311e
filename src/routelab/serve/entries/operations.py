"""`/healthz`, `/readyz` and `/metrics`: for whoever runs the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from routelab.runtime.metrics import Snapshot, prometheus_text
from routelab.serve.gateway import Gateway
from routelab.serve.http_exchange import HttpExchange
from routelab.serve.peers import GatewayFigures, Peers, SpendingCount

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class OperationsEntry:
    """What probes and collectors ask; nothing in it is a prompt or a key.

    Args:
        gateway: that is asked about.
        peers: the other processes of the server.
        spending: what requests cost so far, by policy and tenant.
    """

    def __init__(
        self,
        gateway: Gateway,
        peers: Peers,
        spending: Callable[[], tuple[SpendingCount, ...]],
    ) -> None:
        self._gateway = gateway
        self._peers = peers
        self._spending = spending

    async def health(self, exchange: HttpExchange, _: Any) -> None:
        """The process serves."""
        await exchange.json({"status": "ok"})

    async def ready(self, exchange: HttpExchange, _: Any) -> None:
        """Whether new requests are welcome."""
        draining = self._gateway.draining
        policies = {
            name: served.file.digest for name, served in self._gateway.roster.policies.items()
        }
        told = {"status": "draining" if draining else "ready", "policies": policies}
        await exchange.json(told, 503 if draining else 200)

    async def metrics(self, exchange: HttpExchange, _: Any) -> None:
        """The routers' metrics and the gateway's own, of all processes of the server."""
        total = await self._peers.total(await self.figures())
        text = prometheus_text(total.snapshot) + "\n".join(self._own(total)) + "\n"
        await exchange.reply(text.encode(), media=PROMETHEUS)

    async def figures(self) -> GatewayFigures:
        """What this process has counted."""
        gateway = self._gateway
        totals = tuple(sorted(gateway.totals.items()))
        under_way = len(gateway.under_way)
        return GatewayFigures(await self.snapshot(), totals, under_way, self._spending())

    async def snapshot(self) -> Snapshot:
        """All routers count in one place; states of breakers and queues are each one's own."""
        snapshots = [await served.router.snapshot() for served in self._gateway.roster]
        one = snapshots[0]
        breakers: dict[str, str] = {}
        for it in snapshots:
            for name, state in it.breakers.items():
                if breakers.get(name, "closed") == "closed":
                    breakers[name] = state
        unlike: dict[str, int] = {}
        for it in snapshots:
            for kind, count in it.unlike.items():
                unlike[kind] = unlike.get(kind, 0) + count
        return msgspec.structs.replace(
            one, breakers=breakers, unlike=unlike, waiting=sum(it.waiting for it in snapshots)
        )

    def _own(self, figures: GatewayFigures) -> Iterator[str]:
        gateway, totals = self._gateway, figures.totals
        yield from _head("routelab_gateway_requests_total", "counter", "Requests let in.")
        for (kind, *labels), count in totals:
            if kind == "requests":
                entry, policy, status = labels
                yield _row(
                    "routelab_gateway_requests_total", count,
                    entry=entry, policy=policy, status=status,
                )  # fmt: skip
        for name, label, meaning in (
            ("refused", "code", "Requests not let in."),
            ("feedback", "result", "Judgements of answers."),
            ("reloads", "result", "Changes of files, taken over or not."),
            ("queue", "result", "Messages of queues."),
            ("deliveries", "result", "Answers delivered to others than their callers."),
        ):
            metric = f"routelab_gateway_{name}_total"
            yield from _head(metric, "counter", meaning)
            for (kind, *labels), count in totals:
                if kind == name:
                    yield _row(metric, count, **{label: labels[0]})
        yield from _head("routelab_gateway_under_way", "gauge", "Requests under way.")
        yield _row("routelab_gateway_under_way", figures.under_way)
        yield from _head("routelab_gateway_policy", "gauge", "Policies that are served.")
        for name, served in sorted(gateway.roster.policies.items()):
            yield _row("routelab_gateway_policy", 1, policy=name, digest=served.file.digest)
        yield from _spent(figures.spending)


def _spent(spending: Sequence[SpendingCount]) -> Iterator[str]:
    """Who spends what: USD per 1,000 is the costs by the requests whose cost is known."""
    for name, meaning, field in (
        ("requests", "Requests that are over.", "requests"),
        ("cost_usd", "Known costs of requests.", "cost_usd"),
        ("cost_unknown", "Requests whose cost is not known.", "unknown"),
    ):
        metric = f"routelab_attributed_{name}_total"
        yield from _head(metric, "counter", f"{meaning[:-1]}, by policy and tenant.")
        for it in spending:
            yield _row(metric, getattr(it, field), policy=it.policy, tenant=it.tenant)


def _head(name: str, kind: str, meaning: str) -> tuple[str, str]:
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"


def _row(name: str, value: float, **labels: str) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
