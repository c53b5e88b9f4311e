"""Whether a study may be written where a policy is already."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from routelab.core import SignalSpec
from routelab.core.messages import foreign
from routelab.core.storage import read_bounded
from routelab.errors import PolicyFileError
from routelab.policy_file import check_target
from routelab.tuning.options import UNSAID, Options

_SHOWN = 3
"""Differences that are told."""

_NOT_GIVEN = "not given"

DEMANDS = "simulated_days"
"""What of a provenance holds the objectives of simulated days."""

_NAMES_OF_FILES = ("objectives_file", "scenario_file")

STUDY_FILES = {"study.json", "trials.parquet", "untracked.json"}


class _Made(msgspec.Struct):
    provenance: Mapping[str, Any] = {}
    signals: Mapping[str, SignalSpec] = {}
    evaluation: Mapping[str, Any] = {}


def check_targets(out: Path) -> None:
    """Refuse to replace anything but a policy directory and its study, or a place that is closed.

    Raises:
        PolicyFileError: something else is in the place of either, or nothing can be written there.
    """
    check_target(out)
    check_writable(out)
    study = study_path(out)
    if study.is_dir() and not (others := {path.name for path in study.iterdir()} - STUDY_FILES):
        return
    if study.exists():
        what = f"holds {', '.join(sorted(others)[:3])}" if study.is_dir() else "is a file"
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
    out: Path,
    options: Options,
    *,
    log: str,
    reads: Mapping[str, str] | None = None,
    signals: Mapping[str, SignalSpec] | None = None,
    demands: Mapping[str, Any] | None = None,
    replace: bool = False,
) -> None:
    """Refuse to replace the policy of another study: of another log, prices or options.

    The same study, repeated or resumed with more trials, may write again what it wrote.

    Args:
        out: the policy directory; nothing is refused where there is none.
        options: of the study that is to write it.
        log: name of its log.
        reads: digests of what it reads, by their names in a provenance, as far as they are known.
        signals: what signals cost, by name.
        demands: objectives of simulated days as `SloDemands.recorded` gives them; None for none.
        replace: whether another study's policy may go too.
    Raises:
        PolicyFileError: another study's policy is there, and how it differs.
    """
    main = out / "policy.json"
    if replace or not main.is_file():
        return
    try:
        made = msgspec.json.decode(read_bounded(main, "policy_bytes"), type=_Made)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        made = _Made()  # damaged or no study's: nothing says that it may go
    differences = [
        *_of_inputs(made, log, reads or {}),
        *_of_options(made, options),
        *_of_signals(made, signals or {}),
        *_of_days(made, demands),
    ]
    if "options" not in made.provenance:
        differences = ["no study is on record there"]
    if differences:
        told = "; ".join(differences[:_SHOWN])
        more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise PolicyFileError(
            f"{out}: holds the policy of another study ({told}{more}); choose another `out`, or"
            " `replace=True` to replace it"
        )


def _of_inputs(made: _Made, log: str, reads: Mapping[str, str]) -> Iterator[str]:
    there = {name: made.provenance.get(name) for name in reads}
    apart = [name for name, it in there.items() if it not in (None, reads[name])]
    before = made.provenance.get("log")
    if "log_sha256" not in reads:
        if before != log:
            yield f"its log is {before}, and here it is {log}"
    elif "log_sha256" in apart or there["log_sha256"] is None:
        yield f"its log is {before} of other content, and here it is {log}"
    elif "costs_sha256" in apart:
        yield "what the calls of its log cost was otherwise"
    # The objectives of simulated days may set rules in the catalogue that nobody gave.
    if "prices_sha256" in apart and "slo" not in made.evaluation:
        yield "the catalogue of its models, prices among it, was another"


def _of_options(made: _Made, options: Options) -> Iterator[str]:
    there: Mapping[str, Any] = made.provenance.get("options", {})
    here = msgspec.json.decode(msgspec.json.encode(options.recorded))
    for name in {**there, **here}:
        before, now = (f"{it[name]!r:.60}" if name in it else _NOT_GIVEN for it in (there, here))
        if name not in (*UNSAID, "trials") and before != now:
            yield f"{name} was {before}, and is {now}"


def _of_signals(made: _Made, signals: Mapping[str, SignalSpec]) -> Iterator[str]:
    for name, spec in made.signals.items():
        if name in signals and signals[name].multiplier != spec.multiplier:
            before, now = (it.multiplier or _NOT_GIVEN for it in (spec, signals[name]))
            yield f"the multiplier of signal {foreign(name)} was {before}, and is {now}"


def _of_days(made: _Made, demands: Mapping[str, Any] | None) -> Iterator[str]:
    """What was demanded of simulated days otherwise; studies of before did not record it."""
    before = made.provenance.get(DEMANDS)
    if before is None and "slo" in made.evaluation:
        return
    if (before is None) != (demands is None):
        there = _NOT_GIVEN if before is None else before.get("objectives_file")
        here = _NOT_GIVEN if demands is None else demands.get("objectives_file")
        yield f"the objectives of simulated days were {there}, and are {here}"
    elif before is not None and demands is not None:
        now = msgspec.json.decode(msgspec.json.encode(demands))
        for name in {**before, **now}:
            if name not in _NAMES_OF_FILES and before.get(name) != now.get(name):
                what = f"the {name} of simulated days"
                yield f"{what} was {before.get(name)!r:.60}, and is {now.get(name)!r:.60}"
