"""A study as JSON, as a policy directory, and as files to come back to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from optuna import __version__ as optuna_version

from routelab.core import CallEstimate, Floats
from routelab.errors import PolicyFileError
from routelab.logs.formats import parquet_bytes
from routelab.metrics import exact_mean
from routelab.policies import to_wire
from routelab.policy_file import (
    Document,
    PolicyFile,
    SplitRecord,
    check_target,
    policy_card,
    replace_directory,
    write,
)
from routelab.replay import costs_sha256
from routelab.tuning.study import summary
from routelab.tuning.study.study import Study
from routelab.version import __version__


def save(study: Study, out: str | Path) -> PolicyFile:
    """Write the policy directory `out`, and beside it `NAME.study/` with what led to it.

    Args:
        study: to write.
        out: a directory NAME.policy, for example; an earlier policy there is replaced.
    Returns:
        The directory as `routelab.load` reads it.
    Raises:
        PolicyFileError: `out` exists and is something else.
    """
    out, content = Path(out), as_json(study)
    document = _document(study, content)
    tensors = study.fitted.tensors if study.fitted else None
    written = write(out, document, policy_card(document), tensors)
    stored = msgspec.json.encode({**content, "policy_digest": written.digest})
    files = {
        "study.json": msgspec.json.format(stored, indent=2) + b"\n",
        "trials.parquet": parquet_bytes(_trials(study)),
    }
    replace_directory(study_path(out), files)
    return written


STUDY_FILES = {"study.json", "trials.parquet", "untracked.json"}


def check_targets(out: Path) -> None:
    """Refuse to replace anything but a policy directory and its study.

    Raises:
        PolicyFileError: something else is in the place of either.
    """
    check_target(out)
    study = study_path(out)
    if study.is_dir() and not (foreign := {path.name for path in study.iterdir()} - STUDY_FILES):
        return
    if study.exists():
        what = f"holds {', '.join(sorted(foreign)[:3])}" if study.is_dir() else "is a file"
        raise PolicyFileError(
            f"{study}: {what}, and the study of {out.name} would replace it; choose another"
            " `out`, or move it away"
        )


def study_path(out: Path) -> Path:
    """The study directory of a policy directory: `NAME.study` beside `NAME.policy`."""
    return out.with_name(f"{out.name.removesuffix('.policy')}.study")


def as_json(study: Study) -> dict[str, Any]:
    """The study as plain data; where its files went is for the caller to add."""
    return {
        **summary.findings(study),
        "search": _searched(study),
        "certificate": msgspec.to_builtins(study.certificate),
        "seeds": msgspec.to_builtins(study.seeds),
        **({} if study.slo is None else {"slo": msgspec.to_builtins(study.slo)}),
        "kind": study.kind,
        "kinds": [msgspec.to_builtins(rival) for rival in study.rivals],
        **_learning(study),
        "splits": msgspec.to_builtins(_split(study)),
        "coverage": {
            comparison.part: summary.coverage(comparison.coverage)
            for comparison in (study.tune, study.test)
        },
        "signals": msgspec.to_builtins(
            {
                name: study.log.spec(name)
                for name in study.options.signals or study.policy.signals_used
            }
        ),
        "candidates": list(study.test.models),
        "notes": [*study.log.notes, *study.notes],
        "front": summary.front(study),
        "provenance": _provenance(study),
        "breakdown": msgspec.to_builtins(study.breakdown),
    }


def _document(study: Study, data: Mapping[str, Any]) -> Document:
    """The content of `policy.json`; hashes of the other files are added when it is written."""
    fitted = study.fitted
    kept = ("verdict", "reasons", "test", "bounds", "operating_points", "aiq_front", "optimism",
            "slo")  # fmt: skip
    return Document(
        name=study.options.name,
        policy=to_wire(study.policy),
        candidates=study.test.models,
        catalogue=study.catalogue,
        signals={name: study.log.spec(name) for name in study.policy.signals_used},
        scorers={} if fitted is None else fitted.scorers,
        features={} if fitted is None else fitted.features,
        estimates=_estimates(study),
        seed=study.options.seed,
        split=_split(study),
        evaluation={key: data[key] for key in kept if key in data},
        certificate=study.certificate,
        provenance=data["provenance"],
    )


def _learning(study: Study) -> dict[str, Any]:
    """How well gains can be learned on this log; null where nothing was learned."""
    if study.account is None:
        if not study.options.account:
            known = {"recipes": msgspec.to_builtins(study.sought)}
            return summary.nothing_learned("left out, as asked") | known
        alone = f"nothing was learned: policy {study.options.policy} uses confidence alone"
        return summary.nothing_learned(study.notes[0] if study.notes else alone)
    known = {"account": study.account, "recipes": study.sought}
    return {**study.account.headline(), **msgspec.to_builtins(known)}


def _searched(study: Study) -> dict[str, Any] | None:
    """How the randomised search went; how often it was resumed changes nothing."""
    if study.search is None:
        return None
    summary_data: dict[str, Any] = msgspec.to_builtins(study.search)
    return {
        key: value for key, value in summary_data.items() if key not in ("processes", "resumed")
    }


def _estimates(study: Study) -> dict[str, CallEstimate]:
    """What a call of each candidate cost and took on tune, for budgets and deadlines."""
    log = study.tune.log
    return {
        name: CallEstimate(_mean(log.cost_usd[:, column]), _mean(log.latency_s[:, column]))
        for column, name in enumerate(log.models)
    }


def _mean(values: Floats) -> float | None:
    seen = values[np.isfinite(values)]
    return exact_mean(seen) if len(seen) else None


def _split(study: Study) -> SplitRecord:
    cut = study.split
    return SplitRecord(cut.rule, cut.seed, cut.group, cut.cuts_s, cut.sha256(), cut.n, cut.dropped)


def _provenance(study: Study) -> dict[str, Any]:
    """What the result follows from: neither time, host nor place."""
    return {
        "routelab": __version__,
        "log": study.log.name,
        "log_sha256": study.log.sha256,
        "costs_sha256": costs_sha256(study.log),
        "prices_sha256": hashlib.sha256(msgspec.json.encode(study.catalogue)).hexdigest(),
        "options": study.options.said(),
        **({"reading": dict(study.log.reading)} if study.log.reading else {}),
        "numpy": np.__version__,
        "optuna": optuna_version,
    }


def _trials(study: Study) -> dict[str, list[Any]]:
    """Columns over trials; a parameter that a trial did not need is null."""
    names = sorted({name for trial in study.trials for name in trial.params})
    columns: dict[str, list[Any]] = {
        "number": [trial.number for trial in study.trials],
        "usd_per_1k": [trial.score.usd_per_1k for trial in study.trials],
        "quality": [trial.score.quality for trial in study.trials],
        "feasible": [trial.feasible for trial in study.trials],
        "policy": [msgspec.json.encode(to_wire(trial.policy)).decode() for trial in study.trials],
    }
    return columns | {name: [trial.params.get(name) for trial in study.trials] for name in names}
