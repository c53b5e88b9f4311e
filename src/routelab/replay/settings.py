"""What is set otherwise in one policy directory than in another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from routelab.core.catalogue import PRICES, Model
from routelab.policies import from_wire
from routelab.policy_file import Document

_NONE = object()
_EMPTY: tuple[Any, ...] = (None, "", [], ())
_CHARGED = (*PRICES, "tiers", "services", "dated")
"""What of a model makes a bill."""


class ChangedSetting(msgspec.Struct, frozen=True):
    """One thing that differs; None where one of the two has no such thing.

    Attributes:
        place: for example `thresholds[small]`, `signals.confidence.multiplier`.
        old, new: plain data.
    """

    place: str
    old: Any
    new: Any


def settings(old: Document, new: Document) -> tuple[ChangedSetting, ...]:
    """Everything that decides or prices a request and is not the same, in the order of NEW.

    Policies of two kinds have no settings in common, and are told in words. Scorers are compared
    by their names and by the digest of all their weights.
    """
    alike = old.policy["kind"] == new.policy["kind"]
    before, after = (dict(_flat(_plain(it, alike))) for it in (old, new))
    places = dict.fromkeys([*after, *before])
    return tuple(
        ChangedSetting(place, before.get(place), after.get(place))
        for place in places
        if before.get(place, _NONE) != after.get(place, _NONE)
        and not (before.get(place) in _EMPTY and after.get(place) in _EMPTY)
    )


def _plain(document: Document, alike: bool) -> dict[str, Any]:
    """What decisions and bills follow from.

    Args:
        alike: the other policy is of the same kind.
    """
    fields = {
        "kind": document.policy["kind"],
        "routes": " ".join(from_wire(document.policy).explained),
    }
    models = document.catalogue.models
    weights = document.files.get("weights.safetensors", "")[:16]
    return {
        **(document.policy if alike else fields),
        "candidates": list(document.candidates),
        "signals": msgspec.to_builtins(document.signals),
        **(
            {"scorers": sorted(document.scorers), "weights": f"SHA-256 {weights}"}
            if document.scorers
            else {}
        ),
        "capabilities": {
            name: ", ".join(sorted(it.capabilities)) or "none"
            for name, it in models.items()
            if it.capabilities is not None
        },
        **{field: _one(models, field) for field in ("context_window", "fallbacks")},
        "estimates": msgspec.to_builtins(document.estimates),
        "prices": _said(models, _CHARGED),
        "parameters": _said(models, ("base", "parameters")),
        "reads": document.reading,
        "seed": document.seed,
    }


def _said(models: Mapping[str, Model], fields: Sequence[str]) -> dict[str, Any]:
    """Some fields of every model, where they are not as they usually are."""
    plain = {name: msgspec.to_builtins(model) for name, model in models.items()}
    found = {
        name: {field: it[field] for field in fields if field in it} for name, it in plain.items()
    }
    return {name: it for name, it in found.items() if it}


def _one(models: Mapping[str, Model], field: str) -> dict[str, Any]:
    """One field of every model that has it, as plain data."""
    given = {name: it[field] for name, it in _said(models, (field,)).items()}
    return {name: value for name, value in given.items() if value not in _EMPTY}


def _flat(value: Any, place: str = "", models: Sequence[Any] = ()) -> Iterator[tuple[str, Any]]:
    """Places and their values; numbers that stand beside models are named by them."""
    if isinstance(value, Mapping):
        given = value.get("models")
        inside = given if isinstance(given, Sequence) else models
        for key, item in value.items():
            yield from _flat(item, f"{place}.{key}" if place else str(key), inside)
    elif isinstance(value, list | tuple):
        yield from _listed(value, place, models)
    else:
        yield place, value


def _listed(values: Sequence[Any], place: str, models: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    if values and all(isinstance(it, int | float) for it in values):
        beside = len(values) in (len(models), len(models) - 1)
        names = models if beside else range(len(values))
        for name, it in zip(names, values, strict=False):
            yield f"{place}[{name}]", it
    elif any(isinstance(it, Mapping) for it in values):
        for index, it in enumerate(values):
            yield from _flat(it, f"{place}[{index}]", models)
    else:
        yield place, list(values)
