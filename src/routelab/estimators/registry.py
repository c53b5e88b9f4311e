"""Estimators by name."""

from __future__ import annotations

from routelab.errors import LogError
from routelab.estimators.cross_fitting import CrossFit
from routelab.estimators.doubly_robust import DR, SNDR, DirectMethod, PrefixDR, ShrunkDR, SwitchDR
from routelab.estimators.estimator import Estimator
from routelab.estimators.importance import IPS, SNIPS, PrefixIPS, PrefixSNIPS

ESTIMATORS: tuple[type[Estimator], ...] = (
    DirectMethod,
    IPS,
    SNIPS,
    DR,
    SNDR,
    SwitchDR,
    ShrunkDR,
    PrefixIPS,
    PrefixSNIPS,
    PrefixDR,
)
"""All of them; a new one is a class and a line here."""

DEFAULT_OF_ONE_CALL = "sndr"
"""For policies and logs of one call a request."""
DEFAULT_OF_PATHS = "prefix-dr"
"""For policies or logs of several."""


def estimator(name: str, fit: CrossFit | None = None) -> Estimator:
    """The estimator of a name.

    Args:
        name: one of those of `ESTIMATORS`.
        fit: of the outcome model, for those that have one.
    Raises:
        LogError: there is none of that name.
    """
    known = {it.name: it for it in ESTIMATORS}
    if name not in known:
        raise LogError(f"no estimator {name!r}; there are {', '.join(known)}")
    kind = known[name]
    if fit is None or "fit" not in getattr(kind, "__dataclass_fields__", {}):
        return kind()
    return kind(fit=fit)  # type: ignore[call-arg]  # it has the field
