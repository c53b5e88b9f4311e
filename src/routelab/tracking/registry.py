"""Registered policies: list the versions, move `@champion`, write one back as a directory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from routelab.errors import TrackingError
from routelab.policy_file import check_target, load, replace_directory
from routelab.tracking import store
from routelab.tracking.model import CHALLENGER, CHAMPION, KIND_TAG, POLICY_TAG


class PolicyVersion(NamedTuple):
    """One version of a registered policy.

    Attributes:
        name: of the registered policy.
        version: its number.
        aliases: for example "champion".
        verdict: of the study it came from.
        gain, gain_ci: over the zero router on test, in quality.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    verdict: str
    gain: float | None
    gain_ci: tuple[float, float] | None
    quality: float | None
    usd_per_1k: float | None
    policy_sha256: str
    run_id: str


class Promotion(NamedTuple):
    """The version that is `@champion` now, and the one that was; None for the first."""

    name: str
    version: str
    previous: str | None


class FetchedPolicy(NamedTuple):
    """A policy directory that was written."""

    name: str
    version: str
    policy_dir: str
    policy_sha256: str


def versions(name: str | None = None) -> list[PolicyVersion]:
    """Versions of one registered policy, or of all, newest first within each.

    Where no store was made yet there are none, and none is made.

    Raises:
        TrackingError: the store cannot be reached, or has no such policy.
    """
    if name is None and store.registry_absent():
        return []
    with _registry() as client:
        if name is not None:
            return _versions(client, _model(client, name))
        models = map(client.get_registered_model, _names(client))
        return [it for model in models for it in _versions(client, model)]


def promote(name: str, version: str | None = None) -> Promotion:
    """Move `@champion` to a version; to `@challenger`'s where none is named.

    Raises:
        TrackingError: the store cannot be reached, there is no such version, or none is named
            and there is no challenger.
    """
    with _registry() as client:
        model = _model(client, name)
        chosen = version or _aliases(model).get(CHALLENGER)
        if chosen is None:
            raise TrackingError(
                f"{name}: has no @{CHALLENGER}, because no study of it ended with the verdict"
                " ship; name the `version` to promote"
            )
        _known(client, model, chosen)
        client.set_registered_model_alias(name, CHAMPION, chosen)
        return Promotion(name, chosen, _aliases(model).get(CHAMPION))


def fetch(
    name: str, out: Path, *, alias: str = CHAMPION, version: str | None = None
) -> FetchedPolicy:
    """Write a registered policy back as a policy directory, checked against its digests.

    Args:
        name: of the registered policy.
        out: replaced if it is a policy directory.
        alias: which version, unless `version` is given.
    Raises:
        TrackingError: the store cannot be reached, there is no such version, or what it holds
            is not the policy that was registered.
        PolicyFileError: a file of the policy was changed, or `out` is something else.
    """
    check_target(out)
    with _registry() as client, tempfile.TemporaryDirectory() as folder:
        model = _model(client, name)
        chosen = version or _aliases(model).get(alias)
        if chosen is None:
            there = ", ".join(f"@{it}" for it in _aliases(model)) or "none"
            raise TrackingError(f"{name}: has no alias @{alias}; it has {there}")
        digest = _known(client, model, chosen).policy_sha256
        found = load(_downloaded(name, chosen, Path(folder)))
        if found.digest != digest:
            raise TrackingError(
                f"{name} version {chosen}: holds policy {found.digest[:12]}, but {digest[:12]} was"
                " registered; its files were changed in the store"
            )
        files = {it.name: it.read_bytes() for it in sorted(found.files)}
    replace_directory(out, files)
    return FetchedPolicy(name, chosen, str(out), load(out).digest)


@contextmanager
def _registry() -> Iterator[Any]:
    """A client of the store, which must be there."""
    if store.registry_absent():
        raise TrackingError(
            f"no registry at {store.registry_uri()}: there is no such file yet; record a"
            " study first, or say where it is by MLFLOW_TRACKING_URI"
        )
    with store.connected() as client:
        yield client


def _downloaded(name: str, version: str, folder: Path) -> Path:
    from mlflow.artifacts import download_artifacts

    download_artifacts(f"models:/{name}/{version}", dst_path=str(folder))
    found = list(folder.glob("artifacts/*/policy.json"))
    if len(found) != 1:
        raise TrackingError(f"{name} version {version}: holds no policy directory")
    return found[0].parent


def _names(client: Any) -> Iterator[str]:
    """Of the registered models that are policies."""
    token = None
    while True:
        page = client.search_registered_models(f"tags.`{KIND_TAG}` = 'policy'", page_token=token)
        yield from (found.name for found in page)
        token = page.token
        if not token:
            return


def _model(client: Any, name: str) -> Any:
    known = list(_names(client))
    if name not in known:
        there = ", ".join(known) or "none yet: tune one"
        raise TrackingError(f"no registered policy {name!r} at {store.shown_uri()}; it has {there}")
    return client.get_registered_model(name)


def _versions(client: Any, model: Any) -> list[PolicyVersion]:
    found = client.search_model_versions(f"name='{model.name}'")
    return [_version(model, it) for it in sorted(found, key=lambda it: -int(it.version))]


def _version(model: Any, found: Any) -> PolicyVersion:
    def number(key: str) -> float | None:
        text = found.tags.get(f"routelab.{key}")
        return None if text is None else float(text)

    low, high = number("gain_low"), number("gain_high")
    return PolicyVersion(
        model.name,
        str(found.version),
        tuple(sorted(key for key, at in _aliases(model).items() if at == str(found.version))),
        found.tags.get("routelab.verdict", ""),
        number("gain"),
        None if low is None or high is None else (low, high),
        number("quality"),
        number("usd_per_1k"),
        found.tags.get(POLICY_TAG, ""),
        found.run_id or "",
    )


def _known(client: Any, model: Any, version: str) -> PolicyVersion:
    found = _versions(client, model)
    for it in found:
        if it.version == version:
            return it
    there = ", ".join(it.version for it in found) or "none"
    raise TrackingError(f"{model.name}: has no version {version}; it has {there}")


def _aliases(model: Any) -> dict[str, str]:
    return {alias: str(version) for alias, version in model.aliases.items()}
