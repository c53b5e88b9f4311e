"""What commands share: options with the same meaning, and reading what they name."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from routelab.core import catalogue_file
from routelab.core.catalogue import Catalogue
from routelab.core.signal_spec import SignalSpec
from routelab.errors import LogError, PolicyFileError, RoutelabError
from routelab.logs import Log, PartialLog, read
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
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON only; all else goes to standard error.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="OURS=THEIRS",
        help="A column of the log under another name, for example quality=score. Repeatable.",
    ),
]
Prices = Annotated[
    Path | None,
    typer.Option("--prices", metavar="FILE.csv", help="List prices; fill in costs from tokens."),
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
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Accept a log that lacks over 20 % of outcomes.")
]


def name_of(log: Path) -> str:
    """What to call the policy of a log: the name of its file, or of its folder."""
    pattern = any(sign in log.name for sign in "*?[")
    path = log.parent if pattern else log
    return path.resolve().stem


def read_any(
    path: Path,
    columns: Sequence[str] | None = None,
    prices: Path | None = None,
    signals: Mapping[str, SignalSpec] | None = None,
    known: Catalogue | None = None,
    feedback: Path | None = None,
) -> Log | PartialLog:
    """A log as the options describe it.

    Args:
        known: prices that fill in costs where `prices` leaves them open.
    """
    return read(
        path,
        columns=column_pairs(columns or ()),
        prices=prices,
        signals=signals,
        catalogue=known,
        feedback=feedback,
    )


def read_log(
    path: Path,
    columns: Sequence[str] | None = None,
    prices: Path | None = None,
    signals: Mapping[str, SignalSpec] | None = None,
    known: Catalogue | None = None,
) -> Log:
    """A complete log; its notes are told on standard error.

    Args:
        known: prices that fill in costs where `prices` leaves them open.
    Raises:
        LogError: it cannot be read, or is partial.
    """
    log = read_any(path, columns, prices, signals, known)
    if isinstance(log, PartialLog):
        raise LogError(
            f"{log.name}: is a partial log (it has steps or propensities); replaying only what"
            " was logged would be biased, so no figure is given: use a log in which every"
            " candidate model answered, or its audited rows"
        )
    for note in log.notes:
        tell(f"note: {note}")
    return log


def read_log_for(
    policies: Sequence[PolicyFile],
    path: Path,
    columns: Sequence[str] | None = None,
    prices: Path | None = None,
    known: Catalogue | None = None,
) -> Log:
    """The log as these policies need it.

    Raises:
        LogError: as `read_log`; or the log lacks models or signals of a policy, all of them named.
    """
    wanted = {name: spec for it in policies for name, spec in it.document.signals.items()}
    try:
        log = read_log(path, columns, prices, wanted, known)
    except LogError as error:
        bare = read_any(path, columns, prices, None, known)  # what is wrong in itself says so
        if not (isinstance(bare, Log) and (lacking := list(_lacking(policies, bare)))):
            raise
        raise LogError(*lacking) from error
    if lacking := list(_lacking(policies, log)):
        raise LogError(*lacking)
    return log


def _lacking(policies: Sequence[PolicyFile], log: Log) -> Iterator[str]:
    """What each policy needs that the log lacks."""
    for it in policies:
        models = [name for name in it.document.candidates if name not in log.models]
        signals = [name for name in it.document.signals if name not in log.signals]
        lacks = [
            f"{what} {', '.join(names)} (it has {', '.join(there) or 'none'})"
            for what, names, there in (
                ("no outcome of", models, log.models),
                ("no values of signal", signals, tuple(log.signals)),
            )
            if names
        ]
        if lacks:
            yield f"{log.name}: policy {it.name!r} needs what the log lacks: {'; '.join(lacks)}"


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


def reading(
    columns: Sequence[str] | None, prices: Path | None, catalogue: Path | None
) -> dict[str, Any]:
    """What these options say of how to read a log: names and digests of files, no places."""
    files = {"prices": prices, "catalogue": catalogue}
    told = {
        option: {"file": path.name, "sha256": sha256(path.read_bytes()).hexdigest()}
        for option, path in files.items()
        if path is not None
    }
    return {**({"columns": column_pairs(columns)} if columns else {}), **told}


def print_json(data: Any) -> None:
    """Plain data as JSON on standard output; NaN is null."""
    encoded = msgspec.json.format(msgspec.json.encode(data), indent=2)
    sys.stdout.write(encoded.decode() + "\n")


def tell(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(f"{text}\n")


def _no_policy(path: Path) -> str:
    if (path / "study.json").exists():
        policy = path.with_name(f"{path.resolve().name.removesuffix('.study')}.policy")
        return f"{path}: is a study; the policy is {policy}"
    return f"{path}: no policy directory: it has no policy.json"


def column_pairs(columns: Sequence[str]) -> dict[str, str]:
    """Our names of columns to the file's.

    Raises:
        RoutelabError: one is not written as OURS=THEIRS.
    """
    return pairs("--column", columns, "quality=score", "OURS=THEIRS")


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
