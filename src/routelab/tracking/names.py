"""Names of runs and registered models."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from routelab.policies import from_wire


def registered(name: str) -> str:
    """A study's name as the registry accepts it: no `/`, `:`, `@` or quotes, at most 200 long.

    A name that had to be changed ends in a digest of itself, so that no two policies share one.
    """
    cleaned = plain(name)
    if cleaned == name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{cleaned[:190].rstrip(' .')}-{digest}"


def plain(name: str) -> str:
    """A name without what the registry refuses; several may come to the same."""
    return re.sub(r"[^\w .+-]", "-", name)[:200].strip(" .") or "policy"


def logged(name: str) -> str:
    """A study's name as MLflow accepts it for a logged model, which forbids dots too."""
    return registered(name).replace(".", "-")


def metric(name: str) -> str:
    """A name as MLflow accepts it for a metric, a group as a branch of its column."""
    parts = (re.sub(r"[^\w .-]", "-", part).strip(" .") for part in name.split("=", 1))
    return "/".join(part or "none" for part in parts)[:200]


def run(summary: Mapping[str, Any]) -> str:
    """A study as a row of a table: its name, the kind of its policy, and its seed."""
    options = summary["provenance"]["options"]
    kind = summary.get("kind") or "policy"
    return f"{options['name'][:150]} {kind} seed {options['seed']}"


def policy(wire: Mapping[str, Any]) -> str:
    """A policy in a few words: its kind and its models in call order."""
    return f"{wire['kind']} {' > '.join(from_wire(wire).models_used)}"[:200]


def params(wire: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A policy's fields as parameters; thresholds one by one, so that they can be plotted."""
    for key, value in wire.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from params(value, f"{name}.")
        elif isinstance(value, list | tuple) and all(isinstance(it, float) for it in value):
            yield from ((f"{name}.{i + 1}", str(it)) for i, it in enumerate(value))
        elif isinstance(value, list | tuple):
            yield name, " > ".join(map(str, value))[:6000]
        else:
            yield name, str(value)[:6000]
