"""The policies that a gateway serves, by the names that callers give as `model`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from routelab.core.catalogue import Catalogue, catalogue_file
from routelab.core.messages import unknown_name
from routelab.errors import ConfigError, RoutelabError
from routelab.policy_file import PolicyFile, load
from routelab.runtime import AsyncRouter, RouterConfig
from routelab.serve.callers import Identity
from routelab.serve.config import EVERY, ServeConfig
from routelab.serve.refusal import RefusedError
from routelab.serve.served_policy import ServedPolicy, single_model

PREFIX = "routelab/"
"""Begins the names of policies, which models of the catalogue may share otherwise."""
BARE = "routelab"
"""The policy that a request without a choice of its own gets."""


class Loaded(NamedTuple):
    """What the files say: the catalogue, and each policy by its name."""

    catalogue: Catalogue
    policies: Mapping[str, PolicyFile]
    models: tuple[str, ...]


def load_all(policies: Sequence[str | Path], catalogue: str | Path, config: ServeConfig) -> Loaded:
    """Read policies and their catalogue, without opening anything.

    Args:
        policies: directories; each is named by its own name without `.policy`.
        catalogue: the `models.toml`.
    Raises:
        RoutelabError: files cannot be read or do not fit; names every one that does not.
    """
    problems: list[str] = []
    listed = Catalogue()
    try:
        listed = catalogue_file.read(catalogue)
    except RoutelabError as error:
        problems += error.problems
    found: dict[str, PolicyFile] = {}
    for path in map(Path, policies):
        name = policy_name(path)
        if name in found:
            problems.append(
                f"{path}: there is a policy {name!r} already, {found[name].path}; rename one of"
                " the directories"
            )
            continue
        try:
            found[name] = load(path, packages=config.packages)
        except RoutelabError as error:
            problems += error.problems
    models = tuple(listed.models) if EVERY in config.models else config.models
    if not problems:
        problems += _name_problems(found, models, listed, config)
    if problems:
        raise ConfigError(*problems)
    return Loaded(listed, found, models)


def policy_name(path: Path) -> str:
    """The name of a policy in a directory: of a link its own, whatever it leads to today."""
    named = path.resolve() if path.name in ("", "..") else path
    return named.name.removesuffix(".policy")


class Roster:
    """The policies, each with its router.

    Attributes:
        policies: by name; models that may be named are policies of one model.
    """

    def __init__(self, loaded: Loaded, config: ServeConfig, router: RouterConfig) -> None:
        """Open a router for each policy.

        Args:
            loaded: what the files say.
            config: of the gateway.
            router: settings that all routers share.
        Raises:
            RoutelabError: a policy and the catalogue do not fit, or variables that hold keys are
                not set; all problems are named.
        """
        self._config = config
        self.policies = _opened(loaded.policies, loaded.catalogue, router, config.signals)
        self.models = _opened(
            {name: single_model(name, loaded.catalogue) for name in loaded.models},
            loaded.catalogue,
            router,
            {},
        )
        if missing := sorted(_missing_keys([*self.policies.values(), *self.models.values()])):
            raise ConfigError(*missing)

    def __iter__(self) -> Iterator[ServedPolicy]:
        yield from self.policies.values()
        yield from self.models.values()

    def find(self, model: str | None, caller: Identity) -> ServedPolicy:
        """What a request's `model` names.

        Raises:
            RefusedError: nothing, or nothing that this caller may name.
        """
        aliases = self._config.aliases
        meant = BARE if model is None else model
        if meant in aliases:
            meant = aliases[meant]
        elif EVERY in aliases and not self._is_name(meant):
            meant = aliases[EVERY]
        served = self._named(meant)
        if served is None:
            raise RefusedError(404, self._unknown(meant, caller), "model_not_found", param="model")
        if caller.policies is not None and served.name not in caller.policies:
            raise RefusedError(
                403,
                f"key {caller.key!r} may not use {meant!r}; it may use"
                f" {', '.join(caller.policies)}",
                "model_not_allowed",
                kind="permission_error",
                param="model",
            )
        return served

    def names(self, caller: Identity) -> list[str]:
        """What a caller may give as `model`."""
        may = caller.policies
        policies = [PREFIX + name for name in self.policies if may is None or name in may]
        return policies + [name for name in self.models if may is None or name in may]

    def retire(self) -> None:
        """Take no new requests."""
        for served in self:
            served.retire()

    async def closed(self) -> None:
        """Wait for the requests under way and close everything."""
        for served in self:
            await served.closed()

    def _is_name(self, meant: str) -> bool:
        return meant == BARE or meant.startswith(PREFIX) or meant in self.models

    def _named(self, meant: str) -> ServedPolicy | None:
        if meant.startswith(PREFIX):
            return self.policies.get(meant.removeprefix(PREFIX))
        if meant == BARE:
            name = self._config.default.removeprefix(PREFIX) or next(iter(self.policies))
            alone = len(self.policies) == 1 or self._config.default
            return self.policies.get(name) if alone else None
        return self.models.get(meant)

    def _unknown(self, meant: str, caller: Identity) -> str:
        names = self.names(caller)
        if meant == BARE:
            return f"several policies are served: name one as model, {' or '.join(names)}"
        if PREFIX + meant in names:
            return f"no model {meant!r}: write {PREFIX + meant!r}, as names of policies begin"
        return unknown_name("model", meant, names)


def _opened(
    files: Mapping[str, PolicyFile],
    catalogue: Catalogue,
    config: RouterConfig,
    signals: Mapping[str, str],
) -> dict[str, ServedPolicy]:
    problems: list[str] = []
    found = {}
    for name, file in files.items():
        try:
            used = file.policy.signals_used
            own = {signal: given for signal, given in signals.items() if signal in used}
            router = AsyncRouter(file, catalogue, replace(config, signals=own))
            found[name] = ServedPolicy(name, file, router, own)
        except RoutelabError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*dict.fromkeys(problems))
    return found


def _missing_keys(policies: Sequence[ServedPolicy]) -> set[str]:
    """A sentence for each variable that deployments want a key from and that has none."""
    wanting: dict[str, dict[str, None]] = {}
    for served in policies:
        for name, model in served.router.catalogue.models.items():
            for it in model.deployments:
                if it.api_key_env and not os.environ.get(it.api_key_env, "").strip():
                    wanting.setdefault(it.api_key_env, {})[name] = None
    return {
        f"the environment variable {variable} is not set, which holds the key of"
        f" {', '.join(models)}: set it, or take the deployment out of the catalogue"
        for variable, models in wanting.items()
    }


def _name_problems(
    found: Mapping[str, PolicyFile],
    models: Sequence[str],
    listed: Catalogue,
    config: ServeConfig,
) -> Iterator[str]:
    """What names nothing."""
    if not found:
        yield "no policy is given: name at least one directory"
    default = config.default.removeprefix(PREFIX)
    if default and default not in found:
        yield f"default: {unknown_name('policy', default, found)}"
    used = {signal for file in found.values() for signal in file.policy.signals_used}
    for signal in config.signals:
        if signal not in used:
            yield f"signals: {unknown_name('signal', signal, sorted(used))}"
    for model in models:
        if model not in listed.models:
            yield f"models: {unknown_name('model', model, listed.models)}"
    there = [BARE, *(PREFIX + name for name in found), *models]
    for alias, meant in config.aliases.items():
        if meant not in there:
            yield f"aliases: {alias!r}: {unknown_name('policy or model', meant, there)}"


def field_warnings(policies: Mapping[str, PolicyFile], sends: Callable[[str], bool]) -> list[str]:
    """A sentence for each field that a policy decides by and that callers cannot give.

    Args:
        policies: by name.
        sends: whether requests can have a field, "tenant" or another.
    """
    return [
        f"policy {name!r} decides by a request's {field}, and no request here has one: it decides"
        f" all of them like those of an unknown {field}; tell callers apart by keys or a proxy's"
        " header"
        for name, file in policies.items()
        for field in file.metadata_used
        if not sends(field)
    ]
