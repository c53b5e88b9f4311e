"""The arms of a collection: which models are asked, at which deployments, and with what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from routelab.collect.storage import Arm
from routelab.core.catalogue import (
    Catalogue,
    EngineRules,
    Model,
    RetryRules,
    deployment_problems,
)
from routelab.core.messages import unknown_name
from routelab.errors import CollectError

PATIENT = EngineRules(queue_s=600.0, retry=RetryRules(most=5, share=1.0, burst=1_000))
"""Rules of an engine that nobody waits for, where the catalogue gives none."""


def asked_catalogue(catalogue: Catalogue, models: Sequence[str]) -> Catalogue:
    """The models to ask, each at its own deployments: an arm has no fallbacks.

    Args:
        catalogue: as read.
        models: names; none for all.
    Raises:
        CollectError: a model is not listed, is named twice, or cannot be called.
    """
    chosen = tuple(models) or tuple(catalogue.models)
    problems = [unknown_name("model", it, tuple(catalogue.models)) for it in chosen
                if it not in catalogue.models]  # fmt: skip
    problems += [f"model {it!r} is named twice" for it in dict.fromkeys(chosen)
                 if chosen.count(it) > 1]  # fmt: skip
    known = {it: catalogue.models[it] for it in chosen if it in catalogue.models}
    for name, model in known.items():
        problems += [f"models.{name}: {problem}" for problem in deployment_problems(model)]
        if not model.deployments:
            problems.append(
                f"models.{name}: has no deployment, so that it cannot be asked; give it a base_url"
                f' in [[models."{name}".deployments]]'
            )
    if problems:
        raise CollectError(*problems)
    stripped = {name: replace(model, fallbacks=()) for name, model in known.items()}
    return Catalogue(stripped, catalogue.engine or PATIENT)


def arms_of(catalogue: Catalogue, now_s: float) -> tuple[Arm, ...]:
    """What a manifest keeps of each model: no address and no key.

    Args:
        catalogue: of the models that are asked.
        now_s: Unix seconds.
    """
    return tuple(
        Arm(
            name,
            replace(model, deployments=()),
            tuple(dict.fromkeys(it.model for it in model.deployments)),
            now_s,
        )
        for name, model in catalogue.models.items()
    )


def merged_arms(old: Sequence[Arm], new: Sequence[Arm]) -> tuple[tuple[Arm, ...], tuple[str, ...]]:
    """The arms of a collection that goes on, and what is new about them, in sentences.

    Prices of the new run hold from now on; those of earlier cells are kept beside them.
    """
    asked = {arm.name: arm for arm in new}
    notes = []
    merged = []
    for arm in old:
        now = asked.pop(arm.name, None)
        if now is not None and now.model != arm.model:
            notes.append(
                f"model {arm.name!r} has other prices, or another window, than before: what is"
                " asked from now on costs the new ones, and earlier answers keep their cost;"
                " `routelab reprice` shows a policy under one list of prices"
            )
            arm = replace(now, before=(*arm.before, (arm.priced_s, arm.model)))
        merged.append(arm)
    if asked:
        notes.append(
            f"{', '.join(asked)}: asked from now on, beside {', '.join(a.name for a in old)}"
        )
    return (*merged, *asked.values()), tuple(notes)


def arm_fields(model: Model, body: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a request to one arm: those of all, but for what the arm itself decides.

    Args:
        model: whose parameters, if it has any, are added by the engine.
        body: fields of every request.
    """
    own = () if model.parameters is None else model.parameters.decided
    return {name: it for name, it in body.items() if name not in own}


def unpriced(catalogue: Catalogue) -> Iterator[str]:
    """Models whose calls have no price, in sentences."""
    for name, model in catalogue.models.items():
        if not model.cost_usd(1.0, 1.0) >= 0.0:
            yield (
                f"models.{name}: has no prices, so that `max_usd` could not be kept; give"
                " input_usd_per_mtok and output_usd_per_mtok (0 for a model of your own), or"
                " `max_usd=inf`"
            )
