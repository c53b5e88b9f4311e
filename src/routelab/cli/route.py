"""`routelab route`: send one prompt through a policy, for real."""

from __future__ import annotations

from typing import Annotated

import typer

from routelab.cli import tables
from routelab.cli.common import CatalogueOption, Json, PolicyPath, print_json, read_catalogue
from routelab.cli.explain import as_json, outcome
from routelab.runtime import Router


def route(
    policy: PolicyPath,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="What to ask.", show_default=False)
    ],
    catalogue: CatalogueOption = None,
    request_id: Annotated[
        str | None, typer.Option("--id", help="Sent as x-request-id, and the key of draws.")
    ] = None,
    task: Annotated[str, typer.Option(help="Task of the request.")] = "",
    need: Annotated[
        list[str] | None, typer.Option(help="A capability the model must have. Repeatable.")
    ] = None,
    timeout_s: Annotated[float, typer.Option(help="Seconds for each attempt.")] = 60.0,
    json: Json = False,
) -> None:
    """Route PROMPT to the endpoints of the policy's catalogue, or of --catalogue.

    Example: `routelab route gym.policy "What is 2 + 2?" --catalogue models.toml`
    """
    with Router.load(policy, catalogue=read_catalogue(catalogue), timeout_s=timeout_s) as router:
        routed = router.route(prompt, id=request_id, task=task, needs=tuple(need or ()))
    if json:
        found = as_json(routed.decision)
        print_json({**found, "latency_s": routed.latency_s, "answer": routed.answer})
        return
    steps = " > ".join(f"{step.call.model} ({outcome(step)})" for step in routed.decision.steps)
    tables.show(
        tables.escaped(routed.answer),
        tables.escaped(f"\n{steps}, {routed.cost_usd:.6g} USD, {routed.latency_s:.2f} s"),
    )
