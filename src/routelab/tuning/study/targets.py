"""Whether a study may be written where a policy is already."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from routelab.errors import PolicyFileError
from routelab.policy_file import check_target
from routelab.tuning.options import UNSAID, Options

_SHOWN = 3
"""Differences that are told."""

_NOT_GIVEN = "not given"

STUDY_FILES = {"study.json", "trials.parquet", "untracked.json"}


class _Made(msgspec.Struct):
    provenance: Mapping[str, Any] = {}


def check_targets(out: Path) -> None:
    """Refuse to replace anything but a policy directory and its study, or a place that is closed.

    Raises:
        PolicyFileError: something else is in the place of either, or nothing can be written there.
    """
    check_target(out)
    check_writable(out)
    study = study_path(out)
    if study.is_dir() and not (foreign := {path.name for path in study.iterdir()} - STUDY_FILES):
        return
    if study.exists():
        what = f"holds {', '.join(sorted(foreign)[:3])}" if study.is_dir() else "is a file"
        raise PolicyFileError(
            f"{study}: {what}, and the study of {out.name} would replace it; choose another"
            " `out`, or move it away"
        )


def check_writable(path: Path) -> None:
    """Refuse a place beside which nothing can be written, before work is done for it.

    Raises:
        PolicyFileError: its folder is closed, full, or no folder.
    """
    if ".." in path.parts and not path.parent.is_dir():
        raise PolicyFileError(
            f"{path}: leads through a folder that is not there; give the place without `..`"
        )
    folder = path.resolve().parent
    folder = next(it for it in (folder, *folder.parents) if it.exists())
    try:
        with tempfile.TemporaryFile(dir=folder) as tried:
            tried.write(b"routelab")
            tried.flush()
    except OSError as error:
        raise PolicyFileError(
            f"{path}: cannot be written: {folder} takes no files ({error.strerror}); choose another"
            " place, or make room"
        ) from error


def study_path(out: Path) -> Path:
    """The study directory of a policy directory: `NAME.study` beside `NAME.policy`."""
    return out.with_name(f"{out.name.removesuffix('.policy')}.study")


def check_same_study(
    out: Path, options: Options, *, log: str, log_sha256: str | None = None
) -> None:
    """Refuse to replace the policy of another study: of another log, or of other options.

    The same study, repeated or resumed with more trials, may write again what it wrote.

    Args:
        out: the policy directory; nothing is refused where there is none.
        options: of the study that is to write it.
        log: name of its log.
        log_sha256: digest of its log; None where that is not known yet.
    Raises:
        PolicyFileError: another study's policy is there, and how it differs.
    """
    main = out / "policy.json"
    if not main.is_file():
        return
    try:
        made = msgspec.json.decode(main.read_bytes(), type=_Made).provenance
    except (OSError, msgspec.MsgspecError):
        made = {}  # damaged or no study's: nothing says that it may go
    differences = list(_differences(made, options, log, log_sha256))
    if differences:
        told = "; ".join(differences[:_SHOWN])
        more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise PolicyFileError(
            f"{out}: holds the policy of another study ({told}{more}); choose another `out`, or"
            " `replace=True` to replace it"
        )


def _differences(
    made: Mapping[str, Any], options: Options, log: str, log_sha256: str | None
) -> Iterator[str]:
    if "options" not in made:
        yield "no study is on record there"
        return
    if log_sha256 is None:
        if made.get("log") != log:
            yield f"its log is {made.get('log')}, and here it is {log}"
    elif made.get("log_sha256") != log_sha256:
        yield f"its log is {made.get('log')} of other content, and here it is {log}"
    there: Mapping[str, Any] = made["options"]
    here = msgspec.json.decode(msgspec.json.encode(options.recorded))
    for name in {**there, **here}:
        before, now = (f"{it[name]!r:.60}" if name in it else _NOT_GIVEN for it in (there, here))
        if name not in (*UNSAID, "trials") and before != now:
            yield f"{name} was {before}, and is {now}"
