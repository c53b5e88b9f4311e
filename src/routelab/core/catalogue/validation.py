"""Values that nothing in a catalogue can have, wherever it was read from."""

from __future__ import annotations

from collections.abc import Iterator

from routelab.core.catalogue.addresses import address_secret
from routelab.core.catalogue.candidates import parameter_problems
from routelab.core.catalogue.catalogue import Deployment, Model, Timeouts
from routelab.core.catalogue.price_problems import price_problems
from routelab.core.catalogue.quirks import quirk_problems
from routelab.core.messages import value_text

LEAST, MOST = 1e-6, 1e9
"""Of rates, limits and seconds: beyond, what is reckoned with them is zero or infinite."""

_LIMITS = ("max_concurrency", "requests_per_minute", "tokens_per_minute")


def value_problems(model: Model) -> Iterator[str]:
    """What is wrong with the numbers of a model and of its deployments, in sentences."""
    yield from price_problems(model)
    if model.parameters is not None:
        yield from parameter_problems(model.parameters)
    if model.context_window is not None and not 0 < model.context_window <= MOST:
        said = value_text(model.context_window)
        yield f"context_window is {said}; it must be positive, and at most {MOST:g}"
    yield from deployment_problems(model)


def deployment_problems(model: Model) -> Iterator[str]:
    """What is wrong with the deployments of a model, in sentences that repeat no credentials."""
    for at, deployment in enumerate(model.deployments, 1):
        yield from (f"deployment {at}: {problem}" for problem in _misfits(deployment))


def repeated(model: Model) -> Iterator[str]:
    """Which of its deployments are listed twice, in sentences."""
    seen = set()
    for at, deployment in enumerate(model.deployments, 1):
        key = deployment.base_url.rstrip("/"), deployment.model, deployment.api_key_env
        if key in seen:
            yield (
                f"deployment {at}: {deployment.model!r} at {deployment.public_url} is listed twice"
                " with the same key; leave one out, and give the other more `weight` if it was to"
                " get more"
            )
        seen.add(key)


_LONG, _MANY = 20, 6
"""Characters and digits of what is rather a key than the name of a variable."""


def looks_like_key(variable: str) -> bool:
    """Whether this is no name of an environment variable, but maybe the key itself."""
    digits = sum(map(str.isdigit, variable))
    named = variable.isascii() and variable.isidentifier()
    return not named or (len(variable) >= _LONG and digits >= _MANY)


def _misfits(deployment: Deployment) -> Iterator[str]:
    if deployment.api_key_env and looks_like_key(deployment.api_key_env):
        yield (
            "api_key_env holds no name of an environment variable (it is not shown, as it may be"
            " the key): export the key as a variable, such as NORTH_API_KEY, and name that"
        )
    if secret := address_secret(deployment.base_url):
        yield (
            f"base_url {deployment.public_url!r} holds {secret} (not shown): export the key as a"
            " variable and name that as `api_key_env`; for other credentials give the router"
            " client=httpx.AsyncClient(auth=..., params=...)"
        )
    if not 0.0 <= deployment.weight <= MOST:
        yield f"weight is {deployment.weight}; a weight is not negative, and at most {MOST:g}"
    for field in _LIMITS:
        limit = getattr(deployment, field)
        if limit is not None and not LEAST <= limit <= MOST:
            yield (
                f"{field} is {value_text(limit)}; it lies between {LEAST:g} and {MOST:g}, or is"
                " left out for no limit"
            )
    if not 1 <= deployment.max_reply_bytes <= MOST:
        said = value_text(deployment.max_reply_bytes)
        yield f"max_reply_bytes is {said}; it lies between 1 and {MOST:g}"
    if deployment.quirks is not None:
        yield from quirk_problems(deployment.quirks)
    for field in Timeouts.__struct_fields__ if deployment.timeouts else ():
        seconds = getattr(deployment.timeouts, field)
        if not LEAST <= seconds <= MOST:
            yield f"timeouts.{field} is {seconds}; it lies between {LEAST:g} and {MOST:g}"
