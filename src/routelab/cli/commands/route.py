"""`routelab route`: send one prompt through a policy, for real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from routelab.cli.arguments import Packages, PolicyPath
from routelab.cli.commands.explain import as_json, why
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_log_for
from routelab.cli.options import EndpointOptions, Json, LogOptions, RequestArguments, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy, read_catalogue
from routelab.core.catalogue import Catalogue, address_secret, redacted_address
from routelab.core.messages import known
from routelab.errors import RoutelabError
from routelab.logs import Log
from routelab.policy_file import PolicyFile
from routelab.replay import row_of, step_outcome
from routelab.replay_server import pointed_at
from routelab.runtime import RequestOptions, RoutedAnswer, Router, RouterConfig
from routelab.runtime.requests import Messages
from routelab.runtime.transport import logged_signals
from routelab.signals import as_logged


@grouped
def route(
    policy: PolicyPath,
    endpoints: EndpointOptions,
    request: RequestArguments,
    how: LogOptions,
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="[PROMPT]", help="What to ask.", show_default=False),
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it comes.")] = False,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Route PROMPT to the endpoints of --catalogue, or to --base-url.

    A policy names no endpoint that is called. What --catalogue leaves open of a model's prices and
    capabilities is filled in from it. A replay server at
    --base-url gives the signals that its log has, in place of the policy's sources. A policy may
    read a request's prompt, task, tenant and bounds: --log takes them all from the request --id,
    so that it is decided as `explain` says. With --stream an answer that a cascade has
    to judge first comes at once when it is accepted.

    Example: `routelab route gym.policy "What is 2 + 2?" --catalogue models.toml`
    """
    if stream and json:
        raise RoutelabError("give one of --stream and --json: JSON is printed when all is known")
    _check(request, how)
    loaded = load_policy(policy, package)
    models: Catalogue | Path | None = endpoints.catalogue
    logged, options = _request(loaded, request, how)
    asked = prompt if prompt is not None else logged
    if asked is None:
        log = request.log
        raise RoutelabError(_NO_PROMPT if log is None else f"{log}: has no prompts: give PROMPT")
    sources = endpoints.sources()
    if (base_url := endpoints.base_url) is not None:
        models = _at(base_url, loaded, read_catalogue(endpoints.catalogue))
        sources = _logged(base_url, loaded) | sources
    timeout_s = endpoints.timeout_s
    config = RouterConfig(timeout_s=timeout_s, signals=sources, explained=True, quiet=True)
    with Router(loaded, models, config) as router:
        if stream:
            with router.stream(asked, options) as answer:
                tables.flow(piece.text for piece in answer)
            routed = answer.routed
        else:
            routed = router.route(asked, options)
    _show(routed, stream=stream, json=json)


_NO_PROMPT = "give PROMPT, or --log LOG --id REQUEST to ask what a logged request did"


def _check(request: RequestArguments, how: LogOptions) -> None:
    """Refuse options that contradict each other."""
    if request.log is None and any(vars(how).values()):
        raise RoutelabError(
            "--column, --prices, --quality-scale and --ignore are of --log LOG: give it too"
        )
    if request.log is not None and (any(request.metadata.values()) or request.need):
        raise RoutelabError(
            "give --log or --task, --tenant, --priority and --need: the log says what they are"
        )


def _request(
    loaded: PolicyFile, request: RequestArguments, how: LogOptions
) -> tuple[Messages | None, RequestOptions]:
    """The logged messages, if they are known, and the router's options for the request."""
    if request.log is not None:
        prices = loaded.document.catalogue
        return _of_log(read_log_for([loaded], request.log, how, prices), request.request_id)
    for field in loaded.metadata_used:
        if not request.metadata[field]:
            tell(
                f"warning: the policy reads a request's {field}: give --{field}, or it is"
                " decided like those of an unknown one"
            )
    needs = tuple(request.need or ())
    return None, RequestOptions(
        id=request.request_id,
        needs=needs,
        task=request.task,
        tenant=request.tenant,
        priority=request.priority,
    )


def _show(routed: RoutedAnswer, *, stream: bool, json: bool) -> None:
    """The answer, unless it was printed as it came, and what it took to get it."""
    if json:
        found = as_json(routed.decision)
        print_json({**found, "latency_s": routed.latency_s, "answer": routed.answer})
    elif stream:
        tables.show(tables.escaped(f"\n{_summary(routed)}"))
    else:
        tables.show(tables.escaped(routed.answer), tables.escaped(f"\n{_summary(routed)}"))


def _of_log(log: Log, request_id: str | None) -> tuple[Messages | None, RequestOptions]:
    """The messages of a logged request, if the log has any, and all that it asked for."""
    if request_id is None:
        raise RoutelabError(f"--log {log.name}: give the request as --id, one of the log's")
    row = row_of(log, request_id)
    said = log.texts.messages(np.array([row]))[0] if log.texts else None
    return said, RequestOptions.of(log.requests.request(row))


def _at(base_url: str, policy_file: PolicyFile, known: Catalogue | None) -> Catalogue:
    """Every model of the policy at one address."""
    if not base_url.startswith(("http://", "https://")):
        raise RoutelabError(
            f"--base-url {redacted_address(base_url)}: must start with http:// or https://,"
            " for example http://127.0.0.1:8000/v1"
        )
    if secret := address_secret(base_url):
        raise RoutelabError(
            f"--base-url {redacted_address(base_url)}: holds {secret} (not shown): export the key"
            " as a variable, and name that as `api_key_env` in a --catalogue"
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
                f"warning: {redacted_address(base_url)} charges {_times(logged[name])} for signal"
                f" {name!r}, and the policy was tuned with {_times(expected)}: start the replay"
                f" server with --signal {name}:{expected:g}"
            )
    return as_logged(names)


def _times(multiplier: float | None) -> str:
    return "nothing" if multiplier is None else f"{multiplier:g} times a call"


def _summary(routed: RoutedAnswer) -> str:
    """The calls, what they cost and took, and why any of them failed."""
    steps = routed.decision.steps
    calls = " > ".join(
        f"{step.call.model} ({step_outcome(step, routed.decision)})" for step in steps
    )
    cost = known(routed.cost_usd, ".6g", " USD", otherwise="cost not known")
    return f"{calls}, {cost}, {routed.latency_s:.2f} s{why(routed.decision)}"
