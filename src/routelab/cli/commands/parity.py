"""`routelab parity`: the proof by HTTP that production repeats a policy's replay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from routelab.cli.arguments import LogOption, Packages, Part, PolicyPath
from routelab.cli.commands.explain import as_json, steps
from routelab.cli.commands.replay import part_of
from routelab.cli.console import print_json, tell
from routelab.cli.flags import with_flags
from routelab.cli.options import CompleteLogOptions, Json, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy
from routelab.core import Decision
from routelab.core.messages import first
from routelab.errors import RoutelabError
from routelab.replay_server import Parity, ParityDifference
from routelab.replay_server import prove_parity as prove
from routelab.stats import evenly


@grouped
def parity(
    policy: PolicyPath,
    log: LogOption,
    how: CompleteLogOptions,
    split: Part = "test",
    n: Annotated[
        int, typer.Option("--n", help="Requests to route, evenly along the part; 0 for all.")
    ] = 300,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Route logged requests over HTTP, and compare every decision and the bill with the replay.

    Servers on loopback answer from LOG in place of POLICY's endpoints, one for each provider,
    and the runtime routes as it does in production. Status 0 if all is equal; else 1, and the
    first requests that differ are shown step by step, both ways. Requests on which the policy
    asks for what LOG cannot know are left out and counted; gates that are functions are answered
    for by LOG's columns gate:NAME.

    Example: `routelab parity gym.policy --log log.parquet --n 300`
    """
    if n < 0:
        raise RoutelabError(f"--n {n}: route 1 request or more, or 0 for all of the part")
    loaded = load_policy(policy, package)
    part = part_of(loaded, log, split, how).log
    chosen = part.take(evenly(len(part), n or len(part)))
    tell(f"routing {len(chosen)} of {len(part)} {split} requests over HTTP to replay servers")
    proved = prove(loaded, chosen)
    if json:
        examples = [_plain(it) for it in proved.examples]
        print_json({**proved.as_json(), "split": split, "examples": examples})
    else:
        tables.show(str(proved), *_shown(proved))
    if not proved.holds:
        raise typer.Exit(1)


def _plain(it: ParityDifference) -> dict[str, Any]:
    return {
        "id": it.request_id,
        "replayed": None if it.replayed is None else as_json(it.replayed),
        "routed": None if it.routed is None else as_json(it.routed),
    }


def _shown(proved: Parity) -> Iterator[RenderableType]:
    """What went otherwise, and what could not be compared."""
    if proved.uncovered:
        yield (
            f"left out: {proved.uncovered} further requests, on which the policy asks for what the"
            " log cannot know"
        )
    for doubt in proved.doubts:
        yield tables.escaped(f"note: {with_flags(doubt)}")
    if proved.different:
        yield tables.escaped(f"\ndecided otherwise: {first(proved.different, 20)}")
    if proved.cost_alone:
        yield (
            f"{proved.cost_alone} of them differ in cost alone: the catalogue's prices do not give"
            " the log's costs (cost_reported = false), or a signal's extra cost is known to the"
            " log only"
        )
    for it in proved.examples:
        yield _way(it.request_id, it.replayed, "replayed")
        yield _way(it.request_id, it.routed, "routed over HTTP")


def _way(request_id: str, decision: Decision | None, way: str) -> RenderableType:
    if decision is None:
        return tables.escaped(f"\nRequest {request_id}, {way}: nobody answered")
    return steps(decision, f", {way}")
