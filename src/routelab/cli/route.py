"""`routelab route`: send one prompt through a policy, for real."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from routelab.cli import tables
from routelab.cli.common import (
    CatalogueOption,
    Columns,
    Json,
    Packages,
    PolicyPath,
    Prices,
    load_policy,
    pairs,
    print_json,
    read_catalogue,
    read_log_for,
    tell,
)
from routelab.cli.explain import as_json, outcome, why
from routelab.core.catalogue import ROUTER_TIMEOUT_S, Catalogue, public
from routelab.errors import RoutelabError
from routelab.logs import Log
from routelab.policy_file import PolicyFile
from routelab.replay.single import row_of
from routelab.runtime import Routed, Router
from routelab.runtime.ask import options_of
from routelab.runtime.probe import logged_signals
from routelab.serve import pointed_at
from routelab.signals import as_logged


def route(
    policy: PolicyPath,
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="[PROMPT]", help="What to ask.", show_default=False),
    ] = None,
    catalogue: CatalogueOption = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url", metavar="URL", help="Call every model here, for example a replay server."
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log", metavar="LOG", help="Ask what its request --id did, as that request was."
        ),
    ] = None,
    request_id: Annotated[
        str | None, typer.Option("--id", help="Sent as x-request-id, and the key of draws.")
    ] = None,
    task: Annotated[str, typer.Option(help="Task of the request.")] = "",
    tenant: Annotated[str, typer.Option(help="Tenant of the request.")] = "",
    priority: Annotated[str, typer.Option(help="Priority of the request.")] = "",
    need: Annotated[
        list[str] | None, typer.Option(help="A capability the model must have. Repeatable.")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SOURCE",
            help="How answers yield a signal, for example sure=agreement:3. Repeatable.",
        ),
    ] = None,
    timeout_s: Annotated[float, typer.Option(help="Seconds for each attempt.")] = ROUTER_TIMEOUT_S,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it comes.")] = False,
    column: Columns = None,
    prices: Prices = None,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Route PROMPT to the endpoints of the policy's catalogue, of --catalogue, or to --base-url.

    What --catalogue leaves open of a model is filled in from the policy. A replay server at
    --base-url gives the signals that its log has, in place of the policy's sources. A policy may
    read a request's prompt, task, tenant and bounds: --log takes them all from the request --id,
    so that it is decided as `explain` says. With --stream an answer that a cascade has
    to judge first comes at once when it is accepted.

    Example: `routelab route gym.policy "What is 2 + 2?" --catalogue models.toml`
    """
    if stream and json:
        raise RoutelabError("give one of --stream and --json: JSON is printed when all is known")
    if log is None and (column or prices):
        raise RoutelabError("--column and --prices are of --log LOG: give it too")
    metadata = {"task": task, "tenant": tenant, "priority": priority}
    if log is not None and (any(metadata.values()) or need):
        raise RoutelabError(
            "give --log or --task, --tenant, --priority and --need: the log says what they are"
        )
    loaded, known = load_policy(policy, package), read_catalogue(catalogue)
    if log is not None:
        logged, options = _of_log(read_log_for([loaded], log, column, prices), request_id)
    else:
        logged, options = None, {"id": request_id, "needs": tuple(need or ()), **metadata}
        for field in loaded.metadata_used:
            if not metadata[field]:
                tell(
                    f"warning: the policy reads a request's {field}: give --{field}, or it is"
                    " decided like those of an unknown one"
                )
    asked = prompt if prompt is not None else logged
    if asked is None:
        raise RoutelabError(_NO_PROMPT if log is None else f"{log}: has no prompts: give PROMPT")
    sources = pairs("--source", source or (), "sure=agreement:3")
    if base_url is not None:
        known = _at(base_url, loaded, known)
        sources = _logged(base_url, loaded) | sources
    with Router(
        loaded, catalogue=known, timeout_s=timeout_s, signals=sources, explained=True, quiet=True
    ) as router:
        if stream:
            with router.stream(asked, **options) as answer:
                tables.flow(piece.text for piece in answer)
            routed = answer.routed
        else:
            routed = router.route(asked, **options)
    if json:
        found = as_json(routed.decision)
        print_json({**found, "latency_s": routed.latency_s, "answer": routed.answer})
    elif stream:
        tables.show(tables.escaped(f"\n{_summary(routed)}"))
    else:
        tables.show(tables.escaped(routed.answer), tables.escaped(f"\n{_summary(routed)}"))


_NO_PROMPT = "give PROMPT, or --log LOG --id REQUEST to ask what a logged request did"


def _of_log(log: Log, request_id: str | None) -> tuple[str | None, dict[str, Any]]:
    """The prompt of a logged request, if the log has prompts, and the router's options for it."""
    if request_id is None:
        raise RoutelabError(f"--log {log.name}: give the request as --id, one of the log's")
    row = row_of(log, request_id)
    prompt = log.texts.prompts(np.array([row]))[0] if log.texts else None
    return prompt, options_of(log.requests.request(row))


def _at(base_url: str, policy_file: PolicyFile, known: Catalogue | None) -> Catalogue:
    """Every model of the policy at one address."""
    if not base_url.startswith(("http://", "https://")):
        raise RoutelabError(
            f"--base-url {public(base_url)}: must start with http:// or https://, for example"
            " http://127.0.0.1:8000/v1"
        )
    return pointed_at(base_url, policy_file.policy.models_used, known)


def _logged(base_url: str, policy_file: PolicyFile) -> dict[str, str]:
    """Sources of the policy's signals that a replay server at the address has logged."""
    logged, specs = logged_signals(base_url), policy_file.document.signals
    names = [name for name in policy_file.policy.signals_used if name in logged]
    for name in names:
        expected = specs[name].multiplier if name in specs else None
        if expected is not None and logged[name] != expected:
            tell(
                f"warning: {public(base_url)} charges {_times(logged[name])} for signal {name!r},"
                f" and the policy was tuned with {_times(expected)}: start the replay server"
                f" with --signal {name}:{expected:g}"
            )
    return as_logged(names)


def _times(multiplier: float | None) -> str:
    return "nothing" if multiplier is None else f"{multiplier:g} times a call"


def _summary(routed: Routed) -> str:
    """The calls, what they cost and took, and why any of them failed."""
    steps = routed.decision.steps
    calls = " > ".join(f"{step.call.model} ({outcome(step, routed.decision)})" for step in steps)
    cost = "cost not known" if math.isnan(routed.cost_usd) else f"{routed.cost_usd:.6g} USD"
    return f"{calls}, {cost}, {routed.latency_s:.2f} s{why(routed.decision)}"
