"""A gateway with real traffic of several tenants, budgets, a dead deployment and hostile names."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from serve_world import MODELS, Running, World, asking, listed, prompt, running, saved

from routelab.core.catalogue import Deployment, pointed_at
from routelab.logs import Log
from routelab.policies import Cascade, Fixed
from routelab.replay_server import background
from routelab.serve import ServeConfig, new_key, read_config

HOSTILE = '<img src=x onerror="document.title=1">'
"""Does something where it is taken for markup."""

SETTINGS = """
default = "cascade"
models = ["medium-70b"]
log = "decisions"
budgets = "budgets.toml"
reload_s = 0

[callers]
keys = "keys.toml"

[status]
refresh_s = 0.2
decisions = 30
"""
BUDGETS = """
[all]
limit_usd = 50.0
[tenants.search]
limit_usd = 0.012
[tenant]
limit_usd = 10.0
"""


class Busy(NamedTuple):
    """A gateway that had traffic.

    Attributes:
        running: the gateway.
        keys: by their names; "ops" is an operator's.
        world: the policies and the log behind them.
    """

    running: Running
    keys: dict[str, str]
    world: World

    def headers(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.keys[name]}"}

    def ask(self, name: str, row: int, **more: object) -> int:
        """Ask a question of the log with somebody's key; gives the status."""
        body = asking(prompt(self.world.log, row), **more)
        headers = {**self.headers(name), "x-request-id": f"{name}-{row}-{len(more)}"}
        return self.running.client.post(
            "/v1/chat/completions", json=body, headers=headers
        ).status_code


def _dead_url() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


def configured(folder: Path) -> tuple[ServeConfig, dict[str, str]]:
    """Settings with keys of several tenants, read from files as an operator writes them."""
    keys, text = {}, ""
    for name, tenant in (("web", "web"), ("search", "search"), ("ops", ""), ("odd", HOSTILE)):
        keys[name], table = new_key(name, tenant)
        text += table + ("operator = true\n" if name == "ops" else "")
    (folder / "keys.toml").write_text(text, encoding="utf-8")
    (folder / "budgets.toml").write_text(BUDGETS, encoding="utf-8")
    (folder / "serve.toml").write_text(SETTINGS, encoding="utf-8")
    return read_config(folder / "serve.toml"), keys


@contextmanager
def busy(log: Log, folder: Path, scale: float = 0.004) -> Iterator[Busy]:
    """A gateway with three policies that answered, escalated, failed and refused.

    Args:
        scale: of the latencies in the log.
    """
    config, keys = configured(folder)
    with background(log, latency_scale=scale) as url:
        catalogue = pointed_at(url, MODELS, log.catalogue)
        dead = Deployment(base_url=_dead_url(), model="frontier")
        frontier = catalogue.models["frontier"]
        both = msgspec.structs.replace(frontier, deployments=(*frontier.deployments, dead))
        models = {**catalogue.models, "frontier": both}
        catalogue = msgspec.structs.replace(catalogue, models=models)
        policies = {
            name: saved(folder / f"{name}.policy", policy, catalogue)
            for name, policy in (
                ("cascade", Cascade(models=MODELS, thresholds=(0.75, 0.8), signal="confidence")),
                ("small", Fixed("small-8b")),
                ("large", Fixed("frontier")),
            )
        }
        world = World(policies, listed(folder / "models.toml", catalogue), log, folder)
        with running(list(policies.values()), world.catalogue, config) as gateway:
            made = Busy(gateway, keys, world)
            for row in range(24):
                made.ask(("web", "search", "odd")[row % 3], row)
                made.ask("web", row, model=("routelab/small", "routelab/large")[row % 2])
            made.ask("web", 30, model="medium-70b", task=HOSTILE)
            made.ask("web", 31, model="routelab/nobody")
            yield made
