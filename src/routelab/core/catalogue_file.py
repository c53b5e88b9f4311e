"""Read a `models.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from routelab.core import engine_rules
from routelab.core.catalogue import Catalogue, Deployment, Model, Timeouts
from routelab.core.engine_rules import BreakerRules, EngineRules, RetryRules
from routelab.core.impossible import impossible, repeated
from routelab.core.toml_fields import beyond, table
from routelab.errors import CatalogueError

USUAL = ("audio", "json", "json_schema", "reasoning", "streaming", "tools", "vision")
"""Capabilities that catalogues tend to name; others are as good, but for a slip of the pen."""


def read(path: str | Path) -> Catalogue:
    """The catalogue in a `models.toml`.

    Raises:
        CatalogueError: it cannot be read, or is malformed as `parse` says.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogueError(
            f"{path}: cannot be read as a catalogue: {error.strerror or error}"
        ) from error
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{path}: not UTF-8 text: {error.reason}") from error
    return parse(text, path.name)


def parse(text: str, source: str) -> Catalogue:
    """A catalogue from the text of a `models.toml`.

    Args:
        source: the file's name, for error messages.
    Raises:
        CatalogueError: not TOML, an unknown or mistyped field, a price, limit or weight that
            makes no sense, a misspelled capability, a fallback that is not listed, a
            deployment that is listed twice or is no http(s) address.
    """
    try:
        found = tomllib.loads(text)
        if unknown := [f"{source}: {problem}" for problem in _unknown(found)]:
            raise CatalogueError(*unknown)
        catalogue = msgspec.convert(found, Catalogue)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{source}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{source}: {error}") from error
    problems = [
        f"{source}: models.{name}: {problem}"
        for name, model in catalogue.models.items()
        for problem in (*_problems(model), *_behind(name, model, catalogue))
    ]
    if catalogue.engine is not None:
        told = engine_rules.problems(catalogue.engine)
        problems += [f"{source}: engine: {problem}" for problem in told]
    if not catalogue.models:
        problems.append(f"{source}: no models; add a table [models.NAME] for each")
    if problems:
        raise CatalogueError(*problems)
    return catalogue


def _unknown(found: Mapping[str, Any]) -> Iterator[str]:
    """Fields that nothing has, with those there are; values of the wrong type are let pass."""
    yield from beyond(found, Catalogue, "the file")
    engine = table(found, "engine")
    yield from beyond(engine, EngineRules, "engine")
    yield from beyond(engine.get("retry"), RetryRules, "engine.retry")
    yield from beyond(engine.get("breaker"), BreakerRules, "engine.breaker")
    for name, model in table(found, "models").items():
        if dotted := _dotted(name, model):
            yield (
                f"models.{dotted}: a name with a dot is written in quotes:"
                f' [models."{dotted}"], [[models."{dotted}".deployments]]'
            )
            continue
        yield from beyond(model, Model, f"models.{name}")
        deployments = model.get("deployments") if isinstance(model, dict) else None
        for at, deployment in enumerate(deployments if isinstance(deployments, list) else (), 1):
            place = f"models.{name}: deployment {at}"
            yield from beyond(deployment, Deployment, place)
            timeouts = deployment.get("timeouts") if isinstance(deployment, dict) else None
            yield from beyond(timeouts, Timeouts, f"{place}: timeouts")


def _dotted(name: str, model: object) -> str:
    """The name that was meant where TOML read `[models.gpt-4.1]` as a table in a table."""
    fields = model if isinstance(model, dict) else {}
    for key, value in fields.items():
        if key not in Model.__struct_fields__ and isinstance(value, dict):
            return _dotted(f"{name}.{key}", value) or f"{name}.{key}"
    return ""


def _problems(model: Model) -> Iterator[str]:
    yield from impossible(model)
    yield from repeated(model)
    for name in model.capabilities or ():
        if name not in USUAL and (meant := get_close_matches(name, USUAL, 1, cutoff=0.85)):
            yield f"capabilities has {name!r}; write {meant[0]!r}, or a name less like it"
    for at, deployment in enumerate(model.deployments, 1):
        where = deployment.public_url
        if not deployment.base_url.startswith(("http://", "https://")):
            yield f"deployment {at}: base_url {where!r} must start with http:// or https://"
        elif not _is_address(deployment.base_url):
            yield (
                f"deployment {at}: base_url {where!r} is no address; write it as"
                " https://HOST:PORT/v1, and a name or password in it with %2F for / and %40 for @"
            )
    if model.deployments and all(it.weight == 0.0 for it in model.deployments):
        yield "the weights of its deployments sum to zero; give one that takes calls a weight"


def _is_address(url: str) -> bool:
    """Whether there is a host, and a port that is one."""
    try:
        read = urlsplit(url)
        return bool(read.hostname) and read.port != 0
    except ValueError:
        return False


def _behind(name: str, model: Model, catalogue: Catalogue) -> Iterable[str]:
    for other in model.fallbacks:
        if other == name:
            yield "falls back on itself; name another model, or leave it out"
        elif other not in catalogue.models:
            yield f"falls back on {other!r}, which is not listed; there is " + ", ".join(
                catalogue.models
            )
