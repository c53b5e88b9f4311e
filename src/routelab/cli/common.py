"""What commands share: options with the same meaning, and reading what they name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from routelab.cli.flags import with_flags
from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue, catalogue_file
from routelab.errors import PolicyFileError, RoutelabError
from routelab.policy_file import PolicyFile, load

LogPath = Annotated[
    Path,
    typer.Argument(
        metavar="LOG", help="Log as .parquet, .csv or .jsonl, or a folder.", show_default=False
    ),
]
Feedback = Annotated[
    Path | None,
    typer.Option(
        "--feedback",
        metavar="FILE.jsonl",
        help="What answers of a decision log were worth: request_id, quality, model.",
    ),
]
LogOption = Annotated[
    Path,
    typer.Option(
        "--log",
        metavar="LOG",
        help="Log as .parquet, .csv or .jsonl; or a folder of Parquet files, or a pattern.",
    ),
]
PolicyPath = Annotated[
    Path, typer.Argument(metavar="POLICY", help="A policy directory.", show_default=False)
]
Policies = Annotated[
    list[Path],
    typer.Argument(metavar="POLICY...", help="Policy directories.", show_default=False),
]
Part = Annotated[
    str, typer.Option(help="Part of the log: train, tune, calibrate, test, or all of it.")
]
CatalogueOption = Annotated[
    Path | None,
    typer.Option(
        "--catalogue", metavar="FILE.toml", help="Models, prices, capabilities and deployments."
    ),
]
Packages = Annotated[
    list[str] | None,
    typer.Option(
        "--package",
        metavar="NAME",
        help="An installed package that brings kinds, whose code may run. Repeatable.",
    ),
]


def name_of(log: Path) -> str:
    """What to call the policy of a log: the name of its file, or of its folder."""
    pattern = any(sign in log.name for sign in "*?[")
    path = log.parent if pattern else log
    return path.resolve().stem


def read_catalogue(path: Path | None) -> Catalogue | None:
    """The catalogue in a file.

    Raises:
        CatalogueError: it cannot be read, or is malformed.
    """
    return None if path is None else catalogue_file.read(path)


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


def signal_option(text: str) -> tuple[str, SignalSpec]:
    """`NAME` or `NAME:MULTIPLIER`.

    Raises:
        RoutelabError: the multiplier is below 1.
    """
    name, colon, tail = text.rpartition(":")
    if not colon:
        return text, SignalSpec()
    try:
        multiplier = float(tail)
    except ValueError:
        return text, SignalSpec()
    spec = SignalSpec(multiplier=multiplier)
    if problems := list(spec.problems):
        raise RoutelabError(*(f"--signal {text}: {problem}" for problem in problems))
    return name, spec


def print_json(data: Any) -> None:
    """Plain data as JSON on standard output; NaN is null."""
    encoded = msgspec.json.format(msgspec.json.encode(data), indent=2)
    sys.stdout.write(encoded.decode() + "\n")


def tell(text: str) -> None:
    """A line on standard error, its arguments as flags."""
    sys.stderr.write(f"{with_flags(text)}\n")


def _no_policy(path: Path) -> str:
    if (path / "study.json").exists():
        policy = path.with_name(f"{path.resolve().name.removesuffix('.study')}.policy")
        return f"{path}: is a study; the policy is {policy}"
    return f"{path}: no policy directory: it has no policy.json"


def pairs(
    option: str, texts: Sequence[str], example: str, form: str = "NAME=SOURCE"
) -> dict[str, str]:
    """What an option that is given as `NAME=VALUE` says.

    Raises:
        RoutelabError: one is written otherwise.
    """
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise RoutelabError(f"{option} {wrong[0]}: write it as {form}, for example {example}")
    return dict(text.split("=", 1) for text in texts)
