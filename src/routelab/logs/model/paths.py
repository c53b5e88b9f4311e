"""Which files a log is in: one, those of a folder, or those that a pattern matches."""

from __future__ import annotations

from pathlib import Path

from routelab.errors import LogError

_PATTERN = "*?["


def is_folder(path: Path) -> bool:
    """Whether a path names many files: an existing folder, or a pattern with `*`, `?` or `[`."""
    return path.is_dir() or (not path.exists() and any(it in str(path) for it in _PATTERN))


def files(path: Path) -> tuple[Path, ...]:
    """The partitions in the order of their names; hidden ones and those of `_NAME` left out.

    Raises:
        LogError: there is none, or a pattern matches files of another format.
    """
    if path.is_dir():
        found = sorted(it for it in path.rglob("*.parquet") if it.is_file())
        seen = [it for it in found if not _hidden(it.relative_to(path))]
    else:
        top = Path(path.anchor) if path.is_absolute() else Path()
        seen = sorted(it for it in top.glob(str(path.relative_to(top))) if it.is_file())
    other = [it.name for it in seen if it.suffix.lower() != ".parquet"]
    if other:
        listed = ", ".join(other[:3])
        raise LogError(f"{path}: matches {listed}; a log in many files is one of Parquet files")
    if not seen:
        what = "no Parquet file in it" if path.is_dir() else "matches no file"
        raise LogError(f"{path}: {what}; name a log file, or a folder of .parquet files")
    return tuple(seen)


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)
