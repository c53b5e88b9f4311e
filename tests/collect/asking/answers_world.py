"""Models that answer as a test says, without a network, and collections of what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from routelab.collect import Collection, CollectOptions, CollectResult, collect
from routelab.core.catalogue import (
    BreakerRules,
    Catalogue,
    Deployment,
    EngineRules,
    Model,
    RetryRules,
)
from routelab.runtime import OutgoingRequest, Reply, UpstreamError

Say = Callable[[Mapping[str, Any]], Any]


class Models:
    """Endpoints of all models: a function gives the body of each reply, or what goes wrong.

    Attributes:
        bodies: that were asked, in order.
    """

    def __init__(self, say: Say) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self._say = say

    async def send(self, outgoing: OutgoingRequest) -> Reply:
        await asyncio.sleep(0)
        self.bodies.append(outgoing.body)
        said = self._say(outgoing.body)
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Reply) else Reply(200, said)

    @asynccontextmanager
    async def stream(self, outgoing: OutgoingRequest) -> Any:
        raise UpstreamError("no streams here")
        yield

    def hide(self, deployment: Deployment, text: str) -> str:
        return text


def said(text: str | None, **more: Any) -> dict[str, Any]:
    """A chat completion of 100 and 10 tokens."""
    message = {"role": "assistant", "content": text, **more.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": "stop", **more.pop("choice", {})}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {"choices": [choice], "usage": usage, **more}


USD = 100e-6 + 20e-6
"""What such an answer costs."""


def models(*names: str, **more: Any) -> Catalogue:
    """A catalogue whose models cost 1 and 2 USD per million tokens."""
    rules = EngineRules(
        retry=RetryRules(most=2, base_s=0.001, max_s=0.002, share=1.0, burst=100),
        breaker=BreakerRules(failure_rate=1.0, min_calls=100, open_s=0.01),
    )
    made = {
        name: Model(
            input_usd_per_mtok=1.0,
            output_usd_per_mtok=2.0,
            deployments=(Deployment(f"http://127.0.0.1:9/{name}", name),),
            **more,
        )
        for name in names
    }
    return Catalogue(made, rules)


def prompts(tmp_path: Path, n: int, ask: str = "What is {} + 1?") -> Path:
    """A file of prompts with their answers."""
    path = tmp_path / "asked.csv"
    lines = [f"q{at},{ask.format(at)},{at + 1}\n" for at in range(n)]
    path.write_text("".join(["request_id,prompt,reference\n", *lines]), encoding="utf-8")
    return path


def collected(
    source: Path, catalogue: Catalogue, say: Say, **options: Any
) -> tuple[CollectResult, Models]:
    """One run, of which answers go to `mine.collection` beside the prompts."""
    upstream = Models(say)
    how = CollectOptions(**{"max_usd": 1.0, "at_once": 2, **options})
    out = source.parent / "mine.collection"
    return asyncio.run(collect(source, out, catalogue, how, upstream=upstream)), upstream


def cells(source: Path) -> dict[tuple[str, str], Any]:
    """Cells of a collection by request and model."""
    with Collection(source.parent / "mine.collection") as found:
        return {(it.request.id, it.model): it.cell for it in found.cells()}
