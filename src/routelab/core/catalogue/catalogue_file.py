"""Read a `models.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from routelab.core.catalogue import engine_rules
from routelab.core.catalogue.candidates import candidate_problems, with_bases
from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.catalogue.toml_fields import TomlFields
from routelab.core.catalogue.toml_text import parse_tables, read_text, tables_text
from routelab.core.catalogue.validation import repeated, value_problems
from routelab.core.messages import nearest
from routelab.errors import CatalogueError

USUAL = ("audio", "json", "json_schema", "reasoning", "streaming", "tools", "vision")
"""Capabilities that catalogues tend to name; others are as good, but for a slip of the pen."""


def read(path: str | Path) -> Catalogue:
    """The catalogue in a `models.toml`.

    Raises:
        CatalogueError: it cannot be read, or is malformed as `parse` says.
    """
    path = Path(path)
    return parse(read_text(path, "a catalogue", CatalogueError), path.name)


def parse(text: str, source: str) -> Catalogue:
    """A catalogue from the text of a `models.toml`.

    Args:
        source: the file's name, for error messages.
    Raises:
        CatalogueError: not TOML, an unknown or mistyped field, a price, limit or weight that
            makes no sense, a misspelled capability, a fallback that is not listed, a
            candidate without a base or with parameters that the base lacks, a deployment that
            is listed twice or is no http(s) address.
    """
    found = parse_tables(text, source, CatalogueError)
    problems = list(_unquoted(found))
    fields = TomlFields(_STAND_INS, hidden=("base_url", "api_key_env"))
    catalogue = fields.read(found, Catalogue)
    problems += fields.problems
    tables = found.get("models")
    catalogue = with_bases(catalogue, tables if isinstance(tables, dict) else {})
    for name, model in catalogue.models.items():
        own = (
            *_problems(model),
            *_behind(name, model, catalogue),
            *candidate_problems(name, catalogue),
        )
        problems += [f"models.{name}: {problem}" for problem in own]
    if catalogue.engine is not None:
        problems += [f"engine: {it}" for it in engine_rules.engine_rule_problems(catalogue.engine)]
    if not catalogue.models and not problems:
        problems.append("no models; add a table [models.NAME] for each")
    if problems:
        raise CatalogueError(*(f"{source}: {problem}" for problem in problems))
    return catalogue


def text(models: Mapping[str, Model]) -> str:
    """Models as the text of a `models.toml`, which `parse` reads back as they are.

    Args:
        models: by name.
    """
    plain = {
        name: msgspec.to_builtins(model, builtin_types=(date,)) for name, model in models.items()
    }
    return tables_text({"models": plain}).lstrip("\n")


_STAND_INS = {"base_url": "http://missing{}".format, "model": "missing{}".format}
"""Of deployments without an address or a name: no two are the same."""


def _unquoted(found: dict[str, Any]) -> Iterator[str]:
    """Names with a dot, which TOML reads as a table in a table; they are put where meant."""
    models = found.get("models")
    if not isinstance(models, dict):
        return
    for name, model in tuple(models.items()):
        for dotted, fields in _dotted(name, model):
            yield (
                f"models.{dotted}: a name with a dot is written in quotes:"
                f' [models."{dotted}"], [[models."{dotted}".deployments]]'
            )
            models[dotted] = fields
            if not model:
                models.pop(name, None)


def _dotted(name: str, model: object) -> list[tuple[str, dict[str, Any]]]:
    """The models that were meant by [models.gpt-4.1], taken out of the table they are in."""
    if not isinstance(model, dict):
        return []
    inside = [key for key in model if key not in Model.__struct_fields__]
    tables = [(key, model.pop(key)) for key in inside if isinstance(model[key], dict)]
    found = []
    for key, table in tables:
        dotted = f"{name}.{key}"
        found += _dotted(dotted, table)
        if table or not found:
            found.append((dotted, table))
    return found


def _problems(model: Model) -> Iterator[str]:
    yield from value_problems(model)
    yield from repeated(model)
    for name in model.capabilities or ():
        if name not in USUAL and (meant := nearest(name, USUAL, cutoff=0.85)):
            yield f"capabilities has {name!r}; write {meant!r}, or a name less like it"
    for at, deployment in enumerate(model.deployments, 1):
        where = deployment.public_url
        if not deployment.base_url.startswith(("http://", "https://")):
            yield f"deployment {at}: base_url {where!r} must start with http:// or https://"
        elif not _is_address(deployment.base_url):
            yield (
                f"deployment {at}: base_url {where!r} is no address; write it as"
                " https://HOST:PORT/v1, without name or password"
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
