"""A catalogue whose models all live at one address."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from routelab.core.catalogue import Catalogue, Deployment


def pointed_at(
    base_url: str, models: Iterable[str], catalogue: Catalogue | None = None
) -> Catalogue:
    """The models as one endpoint serves them all, for example a replay server.

    The cost that its responses carry goes before tokens times prices, which may be unknown.

    Args:
        catalogue: whose capabilities and prices are kept.
    """
    known = (catalogue or Catalogue()).only(models)
    moved = {
        name: msgspec.structs.replace(
            model,
            cost_reported=True,
            deployments=(Deployment(base_url, name, provider="replay"),),
        )
        for name, model in known.models.items()
    }
    return Catalogue(moved, known.engine)
