"""The inputs of a study: candidate models and usable confidence signals."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
import numpy as np

from routelab.core.catalogue import Catalogue
from routelab.errors import LogError, TuningError
from routelab.logs.model import Log
from routelab.replay import costs_sha256
from routelab.tuning.kinds import ThresholdsByModel
from routelab.tuning.solvers import threshold_candidates

_COSTS = (
    "; give a cost_usd column, or `prices='FILE.csv'` with prices of tokens (of the columns"
    " prompt_tokens and completion_tokens) or of calls (usd_per_request)"
)


class HasModels(Protocol):
    """What has models and a name: a log, or what is known of one that is not in memory."""

    @property
    def name(self) -> str: ...
    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def costed(self) -> tuple[str, ...]: ...


class HasCatalogue(Protocol):
    """What may know prices: a log, or what is known of one that is not in memory."""

    @property
    def catalogue(self) -> Catalogue | None: ...


def digests(log: Log, catalogue: Catalogue) -> dict[str, str]:
    """What a study reads, as its provenance records it: the log, its costs, and list prices.

    Args:
        log: as it was read.
        catalogue: of the candidates.
    """
    return {
        "log_sha256": log.sha256,
        "costs_sha256": costs_sha256(log),
        "prices_sha256": prices_sha256(catalogue),
    }


def prices_sha256(catalogue: Catalogue) -> str:
    """Of a catalogue: prices, capabilities and deployments."""
    return hashlib.sha256(msgspec.json.encode(catalogue)).hexdigest()


def known_catalogue(
    log: HasCatalogue, given: Catalogue | None, candidates: Sequence[str]
) -> Catalogue:
    """What is known of the candidates: as given, or as the log says."""
    return (given or log.catalogue or Catalogue()).only(candidates)


def candidates(log: HasModels, named: Sequence[str] | None) -> tuple[str, ...]:
    """The named models, or every model that has a cost.

    Raises:
        LogError: a model is not in the log, or has no cost.
        TuningError: fewer than two are left.
    """
    chosen = tuple(dict.fromkeys(log.costed if named is None else named))
    problems = [
        f"{log.name}: no model {name!r}; it has {_listed(log.models)}"
        for name in chosen
        if name not in log.models
    ] + [
        f"{log.name}: model {name!r} has no cost on any row; add a cost column or `prices`,"
        " or leave the model out"
        for name in chosen
        if name in log.models and name not in log.costed
    ]
    if problems:
        raise LogError(*problems)
    if len(chosen) < 2:
        raise TuningError(
            f"{log.name}: routing needs two candidate models or more with a cost, got"
            f" {', '.join(chosen) or 'none'}{'' if chosen else _COSTS}"
        )
    return chosen


def _listed(models: Sequence[str]) -> str:
    """Names with commas between, and one with a comma in it as a list of names takes it."""
    return ", ".join(f'"{it}"' if "," in it else it for it in models)


def check_pair(log: HasModels, pair: tuple[str, str] | None) -> None:
    """Refuse models that a log lacks, before anything is learned.

    Raises:
        LogError: naming them.
    """
    if lacking := [name for name in pair or () if name not in log.models]:
        there = f"{log.name} has {_listed(log.models)}"
        raise LogError(*(f"`pair`: no model {name!r}; {there}" for name in lacking))


def signals(log: Log, named: Sequence[str], models: Sequence[str]) -> tuple[str, ...]:
    """The named signals, or all that were asked for where the log was read.

    Raises:
        LogError: a named signal is not in the log, or has no value for any candidate.
    """
    columns = [log.column(name) for name in models]
    problems = []
    for name in named:
        if name not in log.signals:
            problems.append(
                f"{log.name}: no values of signal {name!r}; it has"
                f" {', '.join((*log.signals, *log.unasked)) or 'no signal at all'}"
            )
        elif not np.isfinite(log.signals[name][:, columns]).any():
            problems.append(f"{log.name}: signal {name!r} is empty for every candidate model")
    if problems:
        raise LogError(*problems)
    return tuple(named) or tuple(log.signals)


def thresholds(log: Log, names: Iterable[str]) -> ThresholdsByModel:
    """Thresholds by signal and model, for signals that tell any answers apart."""
    found = {
        (signal, model): threshold_candidates(log.signals[signal][:, column])
        for signal in names
        for column, model in enumerate(log.models)
    }
    usable = {signal for (signal, _), it in found.items() if it}
    return {key: it for key, it in found.items() if key[0] in usable}
