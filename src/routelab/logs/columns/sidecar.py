"""`NAME.log.toml` beside a log: what the file itself cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue, catalogue_file, parse_tables, read_text
from routelab.core.messages import shown
from routelab.core.storage import inside
from routelab.errors import LogError
from routelab.logs.model import Problems


class Sidecar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a log beside its rows.

    Attributes:
        catalogue: path of a `models.toml`, relative to the sidecar.
        columns: our name to the file's.
        signals: what signals cost and where they come from.
        models: columns that hold grades of the models they are named after.
        ignore: columns that are not to be read.
        quality_scale: worst and best quality, such as "1:5".
    """

    catalogue: str | None = None
    columns: Mapping[str, str] = msgspec.field(default_factory=dict)
    signals: Mapping[str, SignalSpec] = msgspec.field(default_factory=dict)
    models: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    quality_scale: str | None = None


def path_of(log: Path) -> Path:
    """Where a log's sidecar would be."""
    return log.with_name(f"{log.stem}.log.toml")


def read(log: Path) -> Sidecar:
    """The sidecar of a log; an empty one if there is none.

    Raises:
        LogError: not TOML, an unknown or mistyped key.
    """
    path = path_of(log)
    if not is_there(path):
        return Sidecar()
    try:
        tables = parse_tables(read_text(path, "a sidecar", LogError), path.name, LogError)
        return msgspec.convert(tables, Sidecar)
    except msgspec.ValidationError as error:
        raise LogError(
            f"{path.name}: {error}; a sidecar has catalogue, models, ignore, quality_scale,"
            " [columns] and [signals.NAME] with multiplier, extra_cost, source"
        ) from error


def read_catalogue(log: Path, sidecar: Sidecar) -> Catalogue | None:
    """The catalogue that a log's sidecar names, if it names one.

    Raises:
        LogError: the file is not there.
        CatalogueError: it cannot be read, or is malformed.
    """
    if sidecar.catalogue is None:
        return None
    home, named = path_of(log), shown(sidecar.catalogue)
    try:
        path = inside(home.parent / sidecar.catalogue, home.parent)
    except OSError as error:
        why = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise LogError(
            f"{home.name}: catalogue {named!r} cannot be read: {why}; the path is relative to the"
            " sidecar, and stays in its folder"
        ) from error
    return catalogue_file.read(path)


def is_there(path: Path) -> bool:
    """Whether there is a file, also where its name is longer than any."""
    try:
        return path.exists()
    except OSError:
        return False


def check(specs: Mapping[str, SignalSpec], problems: Problems) -> None:
    """Complain of signal costs that cannot be."""
    for name, spec in specs.items():
        for problem in spec.problems:
            problems.add(f"signal {name!r}: {problem}")
