"""The manifest of a collection: what is asked of whom, and which of it may change on resuming."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from routelab.core.catalogue import Model
from routelab.core.messages import value_text
from routelab.core.storage import read_bounded, replacing
from routelab.errors import CollectError
from routelab.version import __version__

SCHEMA_VERSION = 1
"""Of collections that this routelab writes."""

MANIFEST = "manifest.json"


class Arm(msgspec.Struct, frozen=True, omit_defaults=True):
    """One model that is asked, or one model with parameters of its own.

    Attributes:
        name: in the catalogue, and in the log that comes of it.
        model: its prices, window and parameters, without addresses and keys.
        endpoints: the names that its deployments have for it.
        priced_s: Unix seconds from which on these prices held; earlier ones are in `before`.
        before: prices of earlier runs, oldest first, with the moment from which each held.
    """

    name: str
    model: Model
    endpoints: tuple[str, ...] = ()
    priced_s: float = 0.0
    before: tuple[tuple[float, Model], ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection holds.

    Attributes:
        schema_version: of its files.
        routelab: version that began it.
        created_s: Unix seconds.
        source: name of the file of prompts.
        requests: how many there are, duplicates left out.
        requests_sha256: SHA-256 (hex) of `requests.jsonl`.
        arms: that are asked.
        body: fields of every request: temperature, seed, bound of the answer.
        signals: confidence signals that are collected, by their sources.
        seed: of the order in which requests are asked.
    """

    schema_version: int = SCHEMA_VERSION
    routelab: str = __version__
    created_s: float = 0.0
    source: str = ""
    requests: int = 0
    requests_sha256: str = ""
    arms: tuple[Arm, ...] = ()
    body: Mapping[str, Any] = {}
    signals: tuple[str, ...] = ()
    seed: int = 0

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the arms."""
        return tuple(arm.name for arm in self.arms)


class _Version(msgspec.Struct):
    schema_version: int


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a collection.

    Raises:
        CollectError: it cannot be read, is of another schema version, or is none.
    """
    path = folder / MANIFEST
    try:
        content = read_bounded(path, "json_bytes")
    except FileNotFoundError as error:
        raise CollectError(
            f"{folder}: is no collection, as it has no {MANIFEST}; give the folder that"
            " `routelab collect` wrote"
        ) from error
    except OSError as error:
        raise CollectError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        version = msgspec.json.decode(content, type=_Version).schema_version
        if version != SCHEMA_VERSION:
            newer = "upgrade routelab" if version > SCHEMA_VERSION else "collect anew"
            raise CollectError(
                f"{path}: schema_version={version}, and this routelab reads {SCHEMA_VERSION};"
                f" {newer}"
            )
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CollectError(f"{path}: is no manifest of a collection: {error}") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it, so that a reader sees the old one or the new one.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(folder / MANIFEST) as fresh:
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


def differences(old: Manifest, new: Manifest) -> Iterator[str]:
    """What another run asks otherwise than this collection did, in sentences.

    Models may be added, and prices may change: those are no differences.

    Args:
        old: of the collection.
        new: that the arguments of this run make.
    """
    if old.requests_sha256 != new.requests_sha256:
        yield (
            f"prompts: {new.source} has {new.requests:,} requests with the digest"
            f" {new.requests_sha256[:12]}, and the collection {old.requests:,} of {old.source} with"
            f" {old.requests_sha256[:12]}"
        )
    for name in sorted({*old.body, *new.body}):
        if (was := old.body.get(name)) != (now := new.body.get(name)):
            yield f"body: {name} was {value_text(was)}, and is {value_text(now)}"
    if old.signals != new.signals:
        was, now = (", ".join(it) or "none" for it in (old.signals, new.signals))
        yield f"signals: were {was}, and are {now}"
    if old.seed != new.seed:
        yield f"`seed`: was {old.seed}, and is {new.seed}"
    known = {arm.name: arm for arm in old.arms}
    for arm in new.arms:
        there = known.get(arm.name)
        if there is None:
            continue
        if (there.model.base, there.model.parameters) != (arm.model.base, arm.model.parameters):
            was, now = (it.model.said_as_candidate or "itself" for it in (there, arm))
            yield f"models.{arm.name}: was {was}, and is {now}; give the new one another name"
        elif there.endpoints != arm.endpoints:
            was, now = (", ".join(it.endpoints) for it in (there, arm))
            yield f"models.{arm.name}: was {was} at its endpoints, and is {now}"
