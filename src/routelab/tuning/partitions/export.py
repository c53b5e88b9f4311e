"""A study of a log read in batches, as JSON and as a policy directory, like one in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from routelab.core import SignalSpec
from routelab.policies import to_wire
from routelab.policy_file import Document, PolicyFile, policy_card, replace_directory, write
from routelab.tuning.options import UNSAID
from routelab.tuning.partitions.study import PartitionedStudy
from routelab.tuning.study import inputs, study_path, summary
from routelab.version import __version__

_KEPT = ("verdict", "reasons", "saving", "test", "operating_points", "aiq_front", "optimism")


def save(study: PartitionedStudy, out: Path) -> PolicyFile:
    """Write the policy directory `out`, and beside it `NAME.study/`.

    Raises:
        PolicyFileError: `out` exists and is something else.
    """
    data = as_json(study)
    document = _document(study, data)
    written = write(out, document, policy_card(document))
    stored = msgspec.json.encode({**data, "policy_digest": written.digest})
    files = {"study.json": msgspec.json.format(stored, indent=2) + b"\n"}
    replace_directory(study_path(out), files)
    return written


def as_json(study: PartitionedStudy) -> dict[str, Any]:
    """The study as plain data: the keys of one in memory, empty where it has no such thing."""
    return {
        **summary.findings(study),
        "search": None,
        "certificate": None,
        "seeds": None,
        "drift": None,
        "kind": "cascade",
        "kinds": [],
        **summary.nothing_learned("nothing was learned: a log read in batches is not learned from"),
        "splits": msgspec.to_builtins(study.split),
        "coverage": {part: summary.coverage(left) for part, left in study.coverage.items()},
        "signals": msgspec.to_builtins(_signals(study)),
        "candidates": list(study.models),
        "notes": list(study.batches.notes),
        "front": summary.front(study),
        "provenance": _provenance(study),
        "breakdown": None,
        "streamed": True,
        **summary.later_look(study),
    }


def _document(study: PartitionedStudy, data: Mapping[str, Any]) -> Document:
    return Document(
        name=study.options.name,
        policy=to_wire(study.policy),
        candidates=study.models,
        catalogue=study.catalogue,
        signals=_signals(study),
        estimates=study.estimates,
        seed=study.options.seed,
        split=study.split,
        evaluation={key: data[key] for key in _KEPT},
        provenance=data["provenance"],
        message_kinds=tuple(sorted(study.message_kinds)) or msgspec.UNSET,
    )


def _signals(study: PartitionedStudy) -> dict[str, SignalSpec]:
    return {name: study.batches.specs.get(name, SignalSpec()) for name in study.policy.signals_used}


def _provenance(study: PartitionedStudy) -> dict[str, Any]:
    """What the result follows from: neither time, host, place nor executor."""
    return {
        "routelab": __version__,
        "log": study.batches.name,
        "log_sha256": study.sha256,
        "prices_sha256": inputs.prices_sha256(study.catalogue),
        "options": {k: v for k, v in study.options.recorded.items() if k not in UNSAID},
        "numpy": np.__version__,
        "streamed": True,
        **summary.later_look(study),
    }
