"""`NAME.log.toml` beside a log: what the file itself cannot say."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue, catalogue_file
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
    if not path.exists():
        return Sidecar()
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Sidecar)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LogError(f"{path.name}: not valid TOML: {error}") from error
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
    path = path_of(log).parent / sidecar.catalogue
    if not path.is_file():
        raise LogError(
            f"{path_of(log).name}: catalogue {sidecar.catalogue!r} cannot be read: no such"
            " file; the path is relative to the sidecar"
        )
    return catalogue_file.read(path)


def check(specs: Mapping[str, SignalSpec], problems: Problems) -> None:
    """Complain of signal costs that cannot be."""
    for name, spec in specs.items():
        for problem in spec.problems:
            problems.add(f"signal {name!r}: {problem}")
