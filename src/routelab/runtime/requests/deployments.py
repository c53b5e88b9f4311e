"""The models of a policy with what is known of each, and where it can be called."""

from __future__ import annotations

import msgspec

from routelab.core.catalogue import Catalogue, EngineRules, Model
from routelab.errors import CatalogueError
from routelab.policy_file import PolicyFile


def deployed_models(
    policy_file: PolicyFile, given: Catalogue | None = None, rules: EngineRules | None = None
) -> Catalogue:
    """The models that a policy calls and those they fall back on, each with a deployment.

    Args:
        policy_file: as loaded.
        given: goes before the policy's own catalogue; what it leaves open of a model, such as
            prices, capabilities or deployments, is filled in from there.
        rules: of the engine; go before those of either catalogue.
    Raises:
        CatalogueError: a model has no deployment in either, or a candidate has other parameters
            than the policy was tuned with.
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
    nowhere = [name for name, model in known.models.items() if not model.deployments]
    if nowhere:
        raise CatalogueError(
            f"policy {policy_file.name!r}: no deployment is known for {', '.join(nowhere)};"
            " list them in a models.toml, given as `catalogue='models.toml'`"
        )
    return known


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
    """The model, where it is silent as the policy's own."""
    fields = msgspec.structs.asdict(model)
    known = {
        name: value
        for name, value in fields.items()
        if value != getattr(_SILENT, name) or (model.deployments and name in _WITH_THE_PLACE)
    }
    return msgspec.structs.replace(own, **known)


_SILENT = Model()


def _moved(model: Model, listed: Catalogue) -> Model:
    """A candidate of the policy where its base is: what a newer catalogue says of that holds."""
    if not model.base or model.base not in listed.models:
        return model
    base = listed.models[model.base]
    moved = _filled(msgspec.structs.replace(base, base="", parameters=None), model)
    return msgspec.structs.replace(moved, base=model.base, parameters=model.parameters)


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
    return msgspec.structs.replace(one, models={**other.models, **one.models})
