"""The models that can be called: prices, capabilities, and the endpoints that serve them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from routelab.errors import CatalogueError


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds that one try may take at a deployment; `inf` for no limit.

    Attributes:
        connect_s: until there is a connection, TLS included.
        first_token_s: of a streamed answer, from sending until its first piece.
        between_tokens_s: of a streamed answer, from one piece to the next.
        total_s: until the answer is complete; a caller slow to take pieces does not use it up.
    """

    connect_s: float = 10.0
    first_token_s: float = 60.0
    between_tokens_s: float = 30.0
    total_s: float = 600.0


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An OpenAI-compatible endpoint that serves a model.

    Attributes:
        base_url: up to and including the version, for example "http://127.0.0.1:8000/v1".
        model: the model's name at this endpoint.
        provider: who runs it; deployments of one provider tend to fail together.
        api_key_env: environment variable that holds the key; empty for none.
    """

    base_url: str
    model: str
    provider: str = ""
    api_key_env: str = ""


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a model.

    Attributes:
        input_usd_per_mtok, output_usd_per_mtok: list prices per million tokens; None if unknown.
        capabilities: for example "tools", "json", "vision"; None places no restriction.
        context_window: in tokens; None if unknown.
        cost_reported: responses carry the true cost in `usage.cost`, which then replaces
            tokens times prices.
        deployments: tried in order.
    """

    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    capabilities: tuple[str, ...] | None = None
    context_window: int | None = None
    cost_reported: bool = False
    deployments: tuple[Deployment, ...] = ()

    def cost_usd(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Price of one call; NaN without both prices."""
        if self.input_usd_per_mtok is None or self.output_usd_per_mtok is None:
            return math.nan
        spent = prompt_tokens * self.input_usd_per_mtok
        return (spent + completion_tokens * self.output_usd_per_mtok) / 1e6

    def missing(self, needs: Iterable[str]) -> tuple[str, ...]:
        """Needed capabilities that the model lacks."""
        if self.capabilities is None:
            return ()
        return tuple(need for need in needs if need not in self.capabilities)


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Models by name."""

    models: Mapping[str, Model] = msgspec.field(default_factory=dict)

    def model(self, name: str) -> Model:
        """What is known of `name`; a model that is not listed has no restriction."""
        return self.models.get(name, _UNKNOWN)

    def only(self, names: Iterable[str]) -> Catalogue:
        """The catalogue of these models, in this order, listed or not."""
        return Catalogue({name: self.model(name) for name in names})

    def allowed(self, names: Iterable[str], needs: Iterable[str]) -> tuple[str, ...]:
        """The models of `names` that have every needed capability."""
        needs = tuple(needs)
        return tuple(name for name in names if not self.model(name).missing(needs))

    def why_not(self, names: Iterable[str], needs: Iterable[str]) -> str:
        """Which need rules out which model, for an error message."""
        needs = tuple(needs)
        lacking = ((name, self.model(name).missing(needs)) for name in names)
        return "; ".join(
            f"{name} lacks {', '.join(missing)}" for name, missing in lacking if missing
        )


_UNKNOWN = Model()


def parse(text: str, source: str) -> Catalogue:
    """A catalogue from the text of a `models.toml`.

    Args:
        source: the file's name, for error messages.
    Raises:
        CatalogueError: not TOML, an unknown or mistyped field, a negative price, a
            deployment that is listed twice or is no http(s) address.
    """
    try:
        read = tomllib.loads(text)
        if unknown := [f"{source}: {problem}" for problem in _unknown(read)]:
            raise CatalogueError(*unknown)
        catalogue = msgspec.convert(read, Catalogue)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{source}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{source}: {error}") from error
    problems = [
        f"{source}: models.{name}: {problem}"
        for name, model in catalogue.models.items()
        for problem in _problems(model)
    ]
    if not catalogue.models:
        problems.append(f"{source}: no models; add a table [models.NAME] for each")
    if problems:
        raise CatalogueError(*problems)
    return catalogue


def _unknown(read: Mapping[str, Any]) -> Iterable[str]:
    """Fields that nothing has, with those there are; values of the wrong type are let pass."""
    yield from _beyond(read, Catalogue, "the file")
    models = read.get("models")
    for name, model in models.items() if isinstance(models, dict) else ():
        yield from _beyond(model, Model, f"models.{name}")
        deployments = model.get("deployments") if isinstance(model, dict) else None
        for at, deployment in enumerate(deployments if isinstance(deployments, list) else (), 1):
            yield from _beyond(deployment, Deployment, f"models.{name}: deployment {at}")


def _beyond(read: object, kind: type[msgspec.Struct], place: str) -> Iterable[str]:
    fields = kind.__struct_fields__
    if beyond := [key for key in read if key not in fields] if isinstance(read, dict) else ():
        yield f"{place}: no field {', '.join(map(repr, beyond))}; there is {', '.join(fields)}"


def _problems(model: Model) -> Iterable[str]:
    for field in ("input_usd_per_mtok", "output_usd_per_mtok"):
        price = getattr(model, field)
        if price is not None and not (math.isfinite(price) and price >= 0):
            yield f"{field} is {price}; a price is finite and not negative"
    if model.context_window is not None and model.context_window <= 0:
        yield f"context_window is {model.context_window}; it must be positive"
    seen = set()
    for deployment in model.deployments:
        if not deployment.base_url.startswith(("http://", "https://")):
            yield f"base_url {deployment.base_url!r} must start with http:// or https://"
        if (key := (deployment.base_url, deployment.model)) in seen:
            yield f"deployment {deployment.model!r} at {deployment.base_url} is listed twice"
        seen.add(key)
