"""A policy and a log made ready for each other: the log stands in for the models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import structs

from routelab.core import Message
from routelab.core.catalogue import Catalogue, Deployment
from routelab.errors import SimulationError
from routelab.logs.model import Log
from routelab.policy_file import PolicyFile


def located(policy_file: PolicyFile, given: Catalogue | None) -> Catalogue:
    """The models of a policy, each with a deployment: one is made up where none is known."""
    own = policy_file.document.catalogue
    base = given or own
    models = {}
    for name in policy_file.policy.models_used:
        model = base.model(name) if name in base.models else own.model(name)
        deployments = model.deployments or own.model(name).deployments
        made_up = (Deployment(f"http://{name}.simulated/v1", name, provider="simulated"),)
        models[name] = structs.replace(model, deployments=deployments or made_up)
    behind = {name: it for name, it in base.models.items() if name not in models}
    return Catalogue({**models, **behind}, base.engine)


def answered_by_log(catalogue: Catalogue) -> Catalogue:
    """The catalogue with models whose costs are taken from the responses, as the log has them."""
    models = {
        name: structs.replace(model, cost_reported=True) for name, model in catalogue.models.items()
    }
    return structs.replace(catalogue, models=models)


def check(policy_file: PolicyFile, log: Log, catalogue: Catalogue) -> None:
    """Refuse a log that cannot stand in for the models.

    Raises:
        SimulationError: it lacks outcomes, signals or prompts that the policy needs.
    """
    problems = [
        f"{log.name}: no outcome of model {name!r}, which the policy may call; the log has"
        f" {', '.join(log.models)}"
        for name in catalogue.models
        if name not in log.models
    ] + [
        f"{log.name}: no signal {name!r}, which the policy asks for; the log has"
        f" {', '.join(log.signals) or 'none'}{log.unasked_hint([name])}"
        for name in policy_file.policy.signals_used
        if name not in log.signals
    ]
    if log.texts is None and policy_file.reads_text:
        problems.append(f"{log.name}: the policy reads prompts, and the log has none")
    if problems:
        raise SimulationError(*problems)


def messages(
    policy_file: PolicyFile, log: Log, catalogue: Catalogue, *, priced: bool
) -> Sequence[tuple[Message, ...]] | None:
    """Messages, where the policy, a context window, a limit of tokens or a budget looks at them.

    Args:
        catalogue: of the models that are called.
        priced: there are budgets, which reckon with the tokens of prompts.
    """
    windows = (model.context_window for model in policy_file.document.catalogue.models.values())
    served = (it for model in catalogue.models.values() for it in model.deployments)
    limits = (it.tokens_per_minute for it in served)
    looked_at = policy_file.reads_text or priced or any(windows) or any(limits)
    return log.texts.messages(np.arange(len(log))) if looked_at and log.texts is not None else None
