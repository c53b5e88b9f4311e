"""A study as JSON, as a policy directory, and as files to come back to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from optuna import __version__ as optuna_version

from routelab.core import CallEstimate, Floats, Policy
from routelab.logs import traffic
from routelab.logs.formats import parquet_bytes
from routelab.metrics import exact_mean
from routelab.policies import to_wire
from routelab.policy_file import (
    Document,
    PolicyFile,
    SplitRecord,
    policy_card,
    replace_directory,
    write,
)
from routelab.tuning.options import UNSAID
from routelab.tuning.study import inputs, summary
from routelab.tuning.study.slo_outcome import SloOutcome
from routelab.tuning.study.study import Study
from routelab.tuning.study.targets import DEMANDS, study_path
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


def as_json(study: Study) -> dict[str, Any]:
    """The study as plain data; where its files went is for the caller to add."""
    return {
        **summary.findings(study),
        "search": _searched(study),
        "certificate": msgspec.to_builtins(study.certificate),
        "seeds": msgspec.to_builtins(study.seeds),
        "drift": msgspec.to_builtins(study.drift),
        **({} if study.slo is None else {"slo": _simulated(study.slo)}),
        "kind": study.kind,
        "kinds": [msgspec.to_builtins(rival) for rival in study.rivals],
        **_tried(study),
        **summary.later_look(study),
        **summary.estimated(study.estimated),
        **_cross_fitted(study),
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


def _simulated(it: SloOutcome) -> dict[str, Any]:
    """The outcome of simulated days; what was demanded of them is in the provenance."""
    plain: dict[str, Any] = msgspec.to_builtins(it)
    del plain["demands"]
    return plain


def _cross_fitted(study: Study) -> dict[str, Any]:
    """What the verdict rests on where test has too few groups; nothing where it has enough."""
    it = study.crossed
    if it is None:
        return {}
    return {"cross_fitted": {"text": it.text, "figures": msgspec.to_builtins(it.figures)}}


def _tried(study: Study) -> dict[str, Any]:
    """What was tried within a budget, and what each kind came to; nothing of one kind alone."""
    plan = {} if study.plan is None else {"plan": study.plan, "cut_short": list(study.cut_short)}
    kinds = {"tried": list(study.tried)} if study.tried else {}
    found: dict[str, Any] = msgspec.to_builtins({**plan, **kinds})
    return found


def _document(study: Study, data: Mapping[str, Any]) -> Document:
    """The content of `policy.json`; hashes of the other files are added when it is written."""
    fitted = study.fitted
    kept = ("verdict", "reasons", "saving", "test", "bounds", "operating_points", "aiq_front",
            "optimism", "slo")  # fmt: skip
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
        reads=study.options.reads if _reads_text(study.policy) else msgspec.UNSET,
        message_kinds=tuple(sorted(study.log.message_kinds)) or msgspec.UNSET,
    )


def _reads_text(policy: Policy) -> bool:
    return policy.reads_text or bool(policy.scorers_used)


def _learning(study: Study) -> dict[str, Any]:
    """How well gains can be learned on this log; null where nothing was learned."""
    if study.account is None:
        if not study.options.account or study.fitted is not None:
            why = "there was no time for it" if study.options.account else "left out, as asked"
            known = {"recipes": msgspec.to_builtins(study.sought)}
            return summary.nothing_learned(why) | known
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
    return SplitRecord(
        cut.rule,
        cut.seed,
        cut.group,
        cut.cuts_s,
        cut.sha256(),
        cut.n,
        cut.dropped,
        cut.returned if cut.returning else msgspec.UNSET,
        tuple(study.searched) if study.options.pool else msgspec.UNSET,
    )


def _provenance(study: Study) -> dict[str, Any]:
    """What the result follows from: neither time, host nor place."""
    return {
        "routelab": __version__,
        "log": study.log.name,
        "traffic": traffic(study.log, study.test.models, asked=study.options.models is not None),
        **inputs.digests(study.log, study.catalogue),
        "options": {k: v for k, v in study.options.recorded.items() if k not in UNSAID},
        **({"reading": dict(study.log.reading)} if study.log.reading else {}),
        **({DEMANDS: study.slo.demands} if study.slo and study.slo.demands else {}),
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
