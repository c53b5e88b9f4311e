"""Candidates: models that are another one with parameters, and have the rest from it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.catalogue.parameters import Parameters
from routelab.core.messages import nearest, value_text

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Efforts that endpoints tend to take; others are as good, but for a slip of the pen."""
_INHERITED = tuple(it for it in Model.__struct_fields__ if it not in ("base", "parameters"))
_LEAST_LIKE = 0.7


def candidate(base: str, model: Model, parameters: Parameters, **said: Any) -> Model:
    """A model that is another one with parameters.

    >>> from routelab.core.catalogue import Model, Parameters, candidate
    >>> plain = Model(input_usd_per_mtok=1.0, output_usd_per_mtok=4.0)
    >>> candidate("gpt-x", plain, Parameters(reasoning_effort="high")).output_usd_per_mtok
    4.0

    Args:
        base: the name of the other one.
        model: what is known of it.
        parameters: that the candidate adds to every request.
        said: fields that differ from those of the base.
    """
    return msgspec.structs.replace(model, base=base, parameters=parameters, **said)


def with_bases(catalogue: Catalogue, said: Mapping[str, Any]) -> Catalogue:
    """The catalogue with candidates that have of their base what a file does not say of them.

    Args:
        catalogue: as read.
        said: tables of the file, by model.
    """
    models = dict(catalogue.models)
    for name, model in catalogue.models.items():
        base = catalogue.models.get(model.base)
        if base is not None:
            there = said.get(name)
            own = {it: getattr(model, it) for it in _INHERITED if it in (there or {})}
            own.setdefault("fallbacks", tuple(it for it in base.fallbacks if it != name))
            models[name] = msgspec.structs.replace(
                base, **own, base=model.base, parameters=model.parameters
            )
    return msgspec.structs.replace(catalogue, models=models)


def candidate_problems(name: str, catalogue: Catalogue) -> Iterator[str]:
    """What is wrong with a model as a candidate, in sentences.

    Args:
        name: of a model that is listed.
    """
    model = catalogue.models[name]
    if not model.base:
        if model.parameters is not None:
            yield 'parameters belong to a candidate; say of which model: base = "NAME"'
        return
    base = catalogue.models.get(model.base)
    if model.base == name:
        yield "it is its own base; name the model that it is"
    elif base is None:
        yield f"its base {model.base!r} is not listed; there is {', '.join(catalogue.models)}"
    elif base.base:
        yield f"its base {model.base!r} is a candidate too; name the model itself, {base.base!r}"
    else:
        yield from _of_base(model, base)
    if model.parameters is None or model.parameters == Parameters():
        yield "it has no parameters, so it is its base; give parameters, or leave it out"
        return
    for other, it in catalogue.models.items():
        if other == name:
            return
        if (it.base, it.parameters) == (model.base, model.parameters):
            yield f"it has the base and the parameters of {other!r}; keep one of the two"


def _of_base(model: Model, base: Model) -> Iterator[str]:
    """Parameters that the base has no use for."""
    parameters = model.parameters or Parameters()
    able = base.capabilities
    if parameters.reasoning_effort is not None and able is not None and "reasoning" not in able:
        yield (
            f"parameters.reasoning_effort is {parameters.reasoning_effort!r}, and the capabilities"
            f" of {model.base!r} ({', '.join(able) or 'none'}) lack 'reasoning'; add it there, or"
            " leave the effort out"
        )
    window, limit = model.context_window, parameters.output_limit
    if window is not None and limit is not None and limit > window:
        yield f"parameters: an answer of {limit} tokens does not fit its context_window, {window}"
    if window is not None and model.prefix_tokens >= window:
        yield (
            f"parameters.prompt_prefix has about {model.prefix_tokens} tokens, and its"
            f" context_window is {window}: no request fits beside it"
        )


def parameter_problems(parameters: Parameters) -> Iterator[str]:
    """What is wrong with the values of parameters, in sentences."""
    limits = [it for it in ("max_completion_tokens", "max_tokens") if getattr(parameters, it)]
    if len(limits) > 1:
        yield "parameters: max_completion_tokens and max_tokens; keep the one of the endpoint"
    for field in ("max_completion_tokens", "max_tokens"):
        value = getattr(parameters, field)
        if value is not None and value < 1:
            yield f"parameters.{field} is {value}; it is at least 1"
    for field, most in (("temperature", 2.0), ("top_p", 1.0)):
        value = getattr(parameters, field)
        if value is not None and not (math.isfinite(value) and 0.0 <= value <= most):
            yield f"parameters.{field} is {value_text(value)}; it lies in [0, {most:g}]"
    for field in ("reasoning_effort", "verbosity"):
        value = getattr(parameters, field)
        if value == "":
            yield f"parameters.{field} is empty; write a word such as 'low', or leave it out"
        elif value and value not in EFFORTS and (meant := nearest(value, EFFORTS, _LEAST_LIKE)):
            yield f"parameters.{field} is {value!r}; write {meant!r}, or a word less like it"
