"""A streamed study as JSON and as a policy directory, in the form of one in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import routelab
from routelab.core.signal_spec import SignalSpec
from routelab.policies import to_wire
from routelab.policy_file import Document, PolicyFile, replace_directory, write
from routelab.policy_file.card import card
from routelab.tuning.export import coverage_json, point_json, study_path
from routelab.tuning.options import UNSAID
from routelab.tuning.streamed.study import Streamed

_KEPT = ("verdict", "reasons", "test", "operating_points", "aiq_front", "optimism")


def save(study: Streamed, out: Path) -> PolicyFile:
    """Write the policy directory `out`, and beside it `NAME.study/`.

    Raises:
        PolicyFileError: `out` exists and is something else.
    """
    summary = as_json(study)
    document = _document(study, summary)
    written = write(out, document, card(document))
    stored = msgspec.json.encode({**summary, "policy_digest": written.digest})
    files = {"study.json": msgspec.json.format(stored, indent=2) + b"\n"}
    replace_directory(study_path(out), files)
    return written


def as_json(study: Streamed) -> dict[str, Any]:
    """The study as plain data; it has no trials, no breakdown and no scorers."""
    test = msgspec.to_builtins(study.figures)
    return {
        "verdict": study.verdict.word,
        "reasons": list(study.verdict.reasons),
        "requests_to_settle": study.verdict.requests_to_settle,
        "test": test,
        "baselines": test["baselines"],
        "operating_points": [
            point_json(point, figures, judged)
            for point, figures, judged in zip(study.points, study.tested, study.judged, strict=True)
        ],
        "bounds": msgspec.to_builtins(study.judged[0]),
        "aiq_front": study.aiq_front,
        "optimism": {
            key: getattr(study.tuned, key) - getattr(study.figures, key)
            for key in ("quality", "usd_per_1k", "gain_vs_zero_router")
        },
        "certificate": None,
        "kind": "cascade",
        "splits": msgspec.to_builtins(study.split),
        "coverage": {part: coverage_json(left) for part, left in study.coverage.items()},
        "signals": msgspec.to_builtins(_signals(study)),
        "candidates": list(study.models),
        "notes": list(study.stream.notes),
        "front": [
            {"policy": to_wire(point.policy), **point.score._asdict()} for point in study.front
        ],
        "provenance": _provenance(study),
        "streamed": True,
    }


def _document(study: Streamed, summary: Mapping[str, Any]) -> Document:
    return Document(
        name=study.options.name,
        policy=to_wire(study.policy),
        candidates=study.models,
        catalogue=study.catalogue,
        signals=_signals(study),
        estimates=study.estimates,
        seed=study.options.seed,
        split=study.split,
        evaluation={key: summary[key] for key in _KEPT},
        provenance=summary["provenance"],
    )


def _signals(study: Streamed) -> dict[str, SignalSpec]:
    return {name: study.stream.specs.get(name, SignalSpec()) for name in study.policy.signals_used}


def _provenance(study: Streamed) -> dict[str, Any]:
    """What the result follows from: neither time, host, place nor executor."""
    options = msgspec.to_builtins(study.options)
    return {
        "routelab": routelab.__version__,
        "log": study.stream.name,
        "log_sha256": study.sha256,
        "prices_sha256": hashlib.sha256(msgspec.json.encode(study.catalogue)).hexdigest(),
        "options": {key: value for key, value in options.items() if key not in UNSAID},
        "numpy": np.__version__,
        "streamed": True,
    }
