"""Policies and catalogues, read from the paths that a command names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from routelab.cli.console import tell
from routelab.core.catalogue import Catalogue, catalogue_file
from routelab.errors import PolicyFileError
from routelab.policy_file import PolicyFile, load


def load_policy(path: Path, packages: Sequence[str] | None = None) -> PolicyFile:
    """The policy in a directory; one that was edited is told on standard error.

    Args:
        packages: that bring kinds it names.
    Raises:
        PackageError: such a package is not installed, or brings what does not fit.
        PolicyFileError: it is a study's directory, or another one; or the policy is damaged.
    """
    if path.is_dir() and not (path / "policy.json").exists():
        raise PolicyFileError(_no_policy(path))
    loaded = load(path, packages=packages or ())
    if loaded.edited:
        tell(f"warning: {loaded.edited}")
    for problem in loaded.other_packages:
        tell(f"warning: {problem}")
    return loaded


def read_catalogue(path: Path | None) -> Catalogue | None:
    """The catalogue in a file.

    Raises:
        CatalogueError: it cannot be read, or is malformed.
    """
    return None if path is None else catalogue_file.read(path)


def _no_policy(path: Path) -> str:
    if (path / "study.json").exists():
        policy = path.with_name(f"{path.resolve().name.removesuffix('.study')}.policy")
        return f"{path}: is a study; the policy is {policy}"
    return f"{path}: no policy directory: it has no policy.json"
