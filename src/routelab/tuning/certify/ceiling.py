"""What a request can cost at most: from token limits and prices, a user, or earlier requests."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from routelab.core import Policy
from routelab.core.catalogue import Catalogue, PriceSheet, dearest, upper_tokens_usd
from routelab.replay import ComparisonSet

Source = Literal["named", "limits", "data"]


class Ceiling(NamedTuple):
    """What no request is assumed to cost more than.

    Attributes:
        usd: of one request, every call and signal included.
        source: "named" by the user; "limits" of tokens, at their prices, which endpoints keep;
            "data": earlier requests, which promise nothing about those to come.
    """

    usd: float
    source: Source


def ceiling(policy: Policy, earlier: ComparisonSet, named_usd: float | None = None) -> Ceiling:
    """The ceiling of a policy's requests, fixed before the requests that are tested are read.

    Args:
        policy: whose calls are paid.
        earlier: requests that are not tested, with the catalogue that knows prices and limits.
        named_usd: by the user, who knows best; None where nobody named one.
    """
    if named_usd is not None:
        return Ceiling(named_usd, "named")
    done = earlier.replay(policy)
    most = _by_limits(policy, earlier)
    # A policy may call a model more than once, and logged costs may be of other prices.
    if done.calls.max() <= len(policy.models_used) and done.cost_usd.max() <= most < math.inf:
        return Ceiling(most, "limits")
    return Ceiling(2.0 * float(done.cost_usd.max()), "data")


def _by_limits(policy: Policy, earlier: ComparisonSet) -> float:
    """Every model once, with as many tokens as it takes; infinite where something is unknown."""
    specs = [earlier.log.spec(name) for name in policy.signals_used]
    if any(spec.extra_cost is not None for spec in specs):
        return math.inf
    factor = math.prod(spec.multiplier or 1.0 for spec in specs)
    catalogue = earlier.catalogue
    return factor * math.fsum(
        max(_call_usd(it, catalogue) for it in (name, *catalogue.model(name).fallbacks))
        for name in policy.models_used
    )


def _call_usd(name: str, catalogue: Catalogue) -> float:
    """The most that one call costs, on any day and by any service of its price list."""
    model = catalogue.model(name)
    window = model.context_window
    if window is None or model.cost_reported:
        return math.inf
    answer = model.parameters.output_limit if model.parameters is not None else None
    prompt, answered = float(window), float(min(window, answer or window))
    sheets: list[PriceSheet] = [model, *model.dated]
    found = [
        upper_tokens_usd(dearest(sheet, ("", *sheet.services), prompt), prompt, answered)
        for sheet in sheets
    ]
    return math.inf if any(map(math.isnan, found)) else max(found)


def words(usd: float, source: Source | None) -> str:
    """A ceiling in a sentence, with where it is from.

    Args:
        usd: of one request.
        source: where it is from; None in certificates that do not say.
    """
    limit = f"no request costs over {usd:.4g} USD"
    if source == "limits":
        return f"{limit}, its models' token limits at their list prices"
    if source == "data":
        taken = "taken from the data; `cost_ceiling_usd` names another"
        return f"{limit}, twice the dearest earlier one ({taken})"
    return limit
