"""Scorers, features and tensors of a policy under other names, so that two share a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from routelab import scorers
from routelab.core import Policy
from routelab.errors import PolicyError
from routelab.policy_file.policy_file import Tensors


class ScorerParts(NamedTuple):
    """What the scorers of a policy consist of.

    Attributes:
        features, scorers: wire forms by name.
        tensors: arrays by name.
    """

    features: Mapping[str, Any]
    scorers: Mapping[str, Any]
    tensors: Tensors

    def clashes(self, other: ScorerParts) -> bool:
        """Whether a name stands for one thing here and for another there."""
        return (
            _differ(self.features, other.features, lambda a, b: bool(a == b))
            or _differ(self.scorers, other.scorers, lambda a, b: bool(a == b))
            or _differ(self.tensors, other.tensors, _same_array)
        )

    def __or__(self, other: ScorerParts) -> ScorerParts:
        return ScorerParts(
            {**self.features, **other.features},
            {**self.scorers, **other.scorers},
            {**self.tensors, **other.tensors},
        )

    def prefixed(self, prefix: str) -> ScorerParts:
        """The same under names that begin with `prefix`."""

        def tensor(text: str) -> str:  # by its name, or by the beginning that several share
            there = any(name == text or name.startswith(f"{text}.") for name in self.tensors)
            return f"{prefix}{text}" if there else text

        def scorer(wire: Mapping[str, Any]) -> dict[str, Any]:
            asked = scorers.from_wire(wire).asks
            return {
                field: value
                if field in _SAID
                else [f"{prefix}{name}" for name in value]
                if field == "features"
                else _texts(value, lambda it: f"{prefix}{it}" if it in asked else tensor(it))
                for field, value in wire.items()
            }

        return ScorerParts(
            {
                f"{prefix}{name}": {
                    field: value if field == "kind" else _texts(value, tensor)
                    for field, value in wire.items()
                }
                for name, wire in self.features.items()
            },
            {f"{prefix}{name}": scorer(wire) for name, wire in self.scorers.items()},
            {f"{prefix}{name}": value for name, value in self.tensors.items()},
        )


_SAID = ("kind", "target", "outputs", "calibrators")
"""Fields of every scorer that name neither scorers nor tensors."""


def with_scorers(policy: Policy, names: Mapping[str, str]) -> Policy:
    """The same policy, asking scorers of other names.

    Which fields of a kind name scorers is found by trying, so that it holds of any kind.

    Args:
        policy: with policies in it, if any.
        names: new names by old ones.
    Raises:
        PolicyError: a kind does not keep the names of its scorers in fields of their own.
    """
    found = policy
    for field in policy.__struct_fields__:
        value = getattr(policy, field)
        if isinstance(value, str) and value in names:
            tried = _with(found, field, names[value])
            if tried is not None and _else_alike(tried, found):
                found = tried
        else:
            found = msgspec.structs.replace(found, **{field: _inside(value, names)})
    wanted = [use._replace(name=names.get(use.name, use.name)) for use in policy.scorer_uses]
    if list(found.scorer_uses) != wanted:
        kind = policy.__struct_config__.tag
        raise PolicyError(
            f"the scorers of a policy of kind {kind!r} cannot be renamed"
            f" ({', '.join(policy.scorers_used)}): give those of one policy other names"
        )
    return found


def _inside(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Policy):
        return with_scorers(value, names)
    if isinstance(value, tuple):
        return tuple(_inside(it, names) for it in value)
    if isinstance(value, msgspec.Struct):
        inner = {it: _inside(getattr(value, it), names) for it in value.__struct_fields__}
        changed = {it: new for it, new in inner.items() if new is not getattr(value, it)}
        return msgspec.structs.replace(value, **changed) if changed else value
    return value


def _with(policy: Policy, field: str, value: str) -> Policy | None:
    try:
        return msgspec.structs.replace(policy, **{field: value})
    except ValueError:  # PolicyError is one: the kind refuses the value
        return None


def _else_alike(one: Policy, other: Policy) -> bool:
    """Whether two policies differ in scorers alone, and do differ in them."""
    return one.scorer_uses != other.scorer_uses and all(
        getattr(one, name) == getattr(other, name)
        for name in ("models_used", "signals_used", "metadata_used")
    )


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list | tuple):
        return [_texts(it, change) for it in value]
    return value


def _differ(
    one: Mapping[str, Any], other: Mapping[str, Any], same: Callable[[Any, Any], bool]
) -> bool:
    return any(name in other and not same(it, other[name]) for name, it in one.items())


def _same_array(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other)
