"""The models of a policy with what is known of each, and where it can be called."""

from __future__ import annotations

import msgspec

from routelab.core.catalogue import Catalogue, Model
from routelab.errors import CatalogueError
from routelab.policy_file import PolicyFile


def endpoints(policy_file: PolicyFile, given: Catalogue | None = None) -> Catalogue:
    """The models that a policy calls, each with a deployment.

    Args:
        given: goes before the policy's own catalogue; what it leaves open of a model, such as
            prices, capabilities or deployments, is filled in from there.
    Raises:
        CatalogueError: a model has no deployment in either.
    """
    own = policy_file.document.catalogue
    listed = given or Catalogue()
    models = {
        name: _filled(listed.model(name), own.model(name)) if name in listed.models else it
        for name, it in own.only(policy_file.policy.models_used).models.items()
    }
    nowhere = [name for name, model in models.items() if not model.deployments]
    if nowhere:
        raise CatalogueError(
            f"policy {policy_file.name!r}: no deployment is known for {', '.join(nowhere)};"
            " list them in a models.toml, given as --catalogue models.toml or catalogue=..."
        )
    return Catalogue(models)


def _filled(model: Model, own: Model) -> Model:
    """The model, where it is silent as the policy's own; how cost is told goes with the place."""
    known = {name: it for name, it in msgspec.structs.asdict(model).items() if it is not None}
    if not model.deployments:
        known["deployments"] = own.deployments
        known["cost_reported"] = model.cost_reported or own.cost_reported
    return msgspec.structs.replace(own, **known)
