"""The models of a policy with what is known of each, and where it can be called."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from routelab.core.catalogue import (
    Catalogue,
    Deployment,
    EngineRules,
    Model,
    deployment_problems,
    tables_text,
)
from routelab.core.messages import shown
from routelab.errors import CatalogueError
from routelab.policy_file import PolicyFile


def deployed_models(
    policy_file: PolicyFile,
    given: Catalogue | None = None,
    rules: EngineRules | None = None,
    *,
    source: str = "models.toml",
    addressed: bool = True,
) -> Catalogue:
    """The models that a policy calls and those they fall back on, each with a deployment.

    Addresses and keys are those of `given` alone: a policy directory comes from anywhere, and must
    not send prompts or the value of an environment variable to where it likes.

    Args:
        policy_file: as loaded.
        given: goes before the policy's own catalogue; what it leaves open of a model's prices,
            capabilities and the like is filled in from there.
        rules: of the engine; go before those of either catalogue.
        source: the file that `given` is or should be in, for error messages.
        addressed: calls go to addresses; else a model without one is called at none, without a key.
    Raises:
        CatalogueError: a model has no deployment in `given`, a deployment holds what none can, or a
            candidate has other parameters than the policy was tuned with.
    """
    own = policy_file.document.catalogue
    listed = given or Catalogue()
    _check_candidates(policy_file, listed)
    filled = {
        name: _filled(listed.model(name), own.model(name))
        if name in listed.models
        else _moved(it, listed)
        for name, it in {**own.models, **listed.models}.items()
    }
    known = Catalogue(filled, rules or listed.engine or own.engine)
    known = known.only(policy_file.policy.models_used)
    if not addressed:
        return structs.replace(
            known, models={name: _nowhere(name, it, own) for name, it in known.models.items()}
        )
    missing = [name for name, model in known.models.items() if not model.deployments]
    problems = [
        f"{source}: models.{name}: {problem}"
        for name, model in known.models.items()
        for problem in deployment_problems(model)
    ]
    if missing:
        problems.append(_no_address(policy_file, missing, source))
    if problems:
        raise CatalogueError(*problems)
    return known


_SHOWN = 5
"""Models without an address that are told."""


def _no_address(policy_file: PolicyFile, missing: Sequence[str], source: str) -> str:
    """Which lines to write, and into which file."""
    told, more = missing[:_SHOWN], len(missing) - _SHOWN
    made = [
        tables_text({"models": {name: {"deployments": [{"base_url": _PLACE, "model": name}]}}})
        for name in told
    ]
    lines = "\n".join(it.lstrip("\n").partition("\n\n")[2] for it in made)  # without [models.NAME]
    rest = f"\n(and the like for {more} more)" if more > 0 else ""
    return (
        f"policy {shown(policy_file.name)!r}: no address is known for"
        f" {', '.join(map(shown, told))}: a policy's own catalogue gives prices and capabilities,"
        " and is never called. Write into"
        f" {source}, with `api_key_env` where a key is needed, and give it as"
        f" `catalogue={source!r}`:\n{lines.rstrip()}{rest}"
    )


_PLACE = "https://HOST/v1"


def _nowhere(name: str, model: Model, own: Catalogue) -> Model:
    """The model; without deployments, with the policy's limits at no address and without a key."""
    if model.deployments:
        return model
    made = [
        structs.replace(it, base_url=f"{_UPSTREAM}{at}", api_key_env="", quirks=None)
        for at, it in enumerate(own.model(name).deployments, 1)
    ]
    return structs.replace(model, deployments=tuple(made) or (Deployment(f"{_UPSTREAM}1", name),))


_UPSTREAM = "upstream:"
"""Begins what stands for an address where calls go to none: no HTTP client takes it for one."""


def check_meant(policy_file: PolicyFile, given: Catalogue) -> None:
    """Refuse a catalogue that lists none of a policy's models, as it was meant for another one.

    Args:
        policy_file: as loaded.
        given: the catalogue.
    Raises:
        CatalogueError: it does, with the models of both.
    """
    used = policy_file.policy.models_used
    if given.models and given.models.keys().isdisjoint(used):
        raise CatalogueError(
            f"policy {policy_file.name!r} asks {', '.join(used)}, and the catalogue lists none of"
            f" them but {', '.join(given.models)}; give the catalogue of the policy's models"
        )


_WITH_THE_PLACE = ("deployments", "cost_reported", "fallbacks")
"""What belongs to where a model is called, and is replaced together."""


def _filled(model: Model, own: Model) -> Model:
    """The model, where it is silent as the policy's own, but for addresses."""
    fields = structs.asdict(model)
    known = {
        name: value
        for name, value in fields.items()
        if value != getattr(_SILENT, name) or (model.deployments and name in _WITH_THE_PLACE)
    }
    return structs.replace(own, **{"deployments": (), **known})


_SILENT = Model()


def _moved(model: Model, listed: Catalogue) -> Model:
    """A candidate of the policy where its base is: what a newer catalogue says of that holds."""
    if not model.base or model.base not in listed.models:
        return structs.replace(model, deployments=())
    base = listed.models[model.base]
    moved = _filled(structs.replace(base, base="", parameters=None), model)
    return structs.replace(moved, base=model.base, parameters=model.parameters)


def _check_candidates(policy_file: PolicyFile, listed: Catalogue) -> None:
    """Refuse candidates that are not what the policy was tuned with."""
    problems = [
        f"policy {policy_file.name!r}: candidate {name!r} was tuned as {own.said_as_candidate}, and"
        f" the catalogue says {it.said_as_candidate}; give the new one a name of its own, and tune"
        for name, it in listed.models.items()
        if (own := policy_file.document.catalogue.models.get(name)) is not None
        and own.parameters is not None
        and it.parameters is not None
        and (own.base, own.parameters) != (it.base, it.parameters)
    ]
    if problems:
        raise CatalogueError(*problems)


def priced_models(
    policy_file: PolicyFile, spare: PolicyFile | None, given: Catalogue | None
) -> dict[str, Model]:
    """Every model that has prices anywhere, those of the given catalogue before the policies'.

    Args:
        policy_file: the policy that decides.
        spare: that decides what a budget degrades; None for none.
        given: beside the policies' own catalogues; None for none.
    """
    own = [it.document.catalogue for it in (spare, policy_file) if it is not None]
    known: dict[str, Model] = {}
    for catalogue in (*own, *([] if given is None else [given])):
        known.update(catalogue.models)
    return known


def merged_models(one: Catalogue, other: Catalogue) -> Catalogue:
    """The models of both; what the first says of a model goes first."""
    return structs.replace(one, models={**other.models, **one.models})
