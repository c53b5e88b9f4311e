"""The data of a report: the stored study, or the log replayed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from routelab.core.storage import read_bounded
from routelab.logs.model import Log
from routelab.metrics import exact_mean
from routelab.policy_file import PolicyFile
from routelab.replay import SEARCHED, ComparisonSet, NamedPolicy, evaluate, study_rows
from routelab.replay.breakdown import breakdown
from routelab.tuning.study import study_path
from routelab.version import __version__

_NO_STUDY = (
    "The study that made this policy is not beside it, so the figures were replayed from the log:"
    " the front of the policies that were tried is missing."
)
_KEPT = ("verdict", "reasons", "saving", "operating_points", "aiq_front", "optimism")


def stored(policy: PolicyFile) -> Mapping[str, Any] | None:
    """The data of the study beside a policy; None where there is none, or another policy's."""
    path = study_path(policy.path) / "study.json"
    try:
        data = msgspec.json.decode(read_bounded(path, "json_bytes"))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    belongs = isinstance(data, Mapping) and data.get("policy_digest") == policy.digest
    return data if belongs else None


def same_log(data: Mapping[str, Any], log: Log) -> bool:
    """Whether a study was made of this log."""
    return bool(data["provenance"]["log_sha256"] == log.sha256)


def broken_down(
    data: Mapping[str, Any], policy: PolicyFile, log: Log, *, allow_missing: bool = False
) -> Mapping[str, Any]:
    """A study with the breakdown by request, which one read in batches lacks.

    Args:
        data: of the study, as `study.json` holds it.
        policy: as loaded.
        log: that it was tuned on.
        allow_missing: accept a log that lacks many outcomes.
    Raises:
        LogError: the log cannot be compared.
    """
    if data.get("breakdown") is not None:
        return data
    again = replayed(policy, log, "test", allow_missing=allow_missing)
    return {**data, "breakdown": again["breakdown"]}


def replayed(
    policy: PolicyFile, log: Log, part: str, *, allow_missing: bool = False
) -> dict[str, Any]:
    """The data of a report without a study, for a part of the policy's log or all of any.

    What was recorded with the policy is added, if this log repeats its figures.

    Args:
        policy: as loaded.
        log: that it was tuned on, or any other for "all".
        part: "train", "tune", "calibrate", "test" or "all".
        allow_missing: accept a log that lacks many outcomes.
    Raises:
        LogError: the log has no such part, or cannot be compared.
    """
    document = policy.document

    def comparison(part: str) -> ComparisonSet:
        return study_rows(document, log, part, allow_missing=allow_missing, scoring=policy.scoring)

    here, own = comparison(part), part != "all"
    # Scorers flatter the rows that they were fitted on, which are those of the search.
    tune = comparison(SEARCHED) if own and not policy.policy.scorers_used else None
    test = msgspec.to_builtins(evaluate(here, [NamedPolicy(policy.name, policy.policy)])[0])
    found = breakdown(policy.policy, here, tune, _best(tune or here))
    repeats = _encoded(test) == _encoded(document.evaluation.get("test"))
    evaluation = {key: document.evaluation[key] for key in _KEPT if repeats}
    evaluation["certificate"] = msgspec.to_builtins(document.certificate) if repeats else None
    dropped = here.coverage
    return {
        **evaluation,
        "test": test,
        "policy": document.policy,
        "candidates": list(document.candidates),
        "splits": msgspec.to_builtins(document.split) if own else None,
        "signals": msgspec.to_builtins(document.signals),
        "notes": list(log.notes),
        "coverage": {
            part: {
                "n_requests": len(dropped.rows),
                "n_dropped": dropped.n_dropped,
                "by_task": dropped.by_task,
            }
        },
        "provenance": document.provenance if repeats else _provenance(policy, log),
        "policy_digest": policy.digest,
        "breakdown": msgspec.to_builtins(found),
        "missing": [_NO_STUDY if repeats else _other(policy, log, part)],
    }


def _best(comparison: ComparisonSet) -> str:
    """The candidate with the most quality, the cheaper of equals."""
    alone = zip(comparison.models, comparison.fixed(), strict=True)
    scored = ((exact_mean(it.quality), -exact_mean(it.cost_usd), name) for name, it in alone)
    return max(scored, key=lambda score: score[:2])[2]


def _other(policy: PolicyFile, log: Log, part: str) -> str:
    tuned = policy.document.provenance.get("log", "another log")
    requests = "all requests" if part == "all" else f"the {part} requests"
    return (
        f"These figures are of {requests} of {log.name}. They are not the held-out figures that"
        f" the policy was judged by when it was tuned on {tuned}, so there is no verdict, no"
        " front of tried policies and no comparison with the tune part. Requests that the policy"
        " was tuned on may be among them."
    )


def _provenance(policy: PolicyFile, log: Log) -> dict[str, Any]:
    made = policy.document.provenance
    return {
        "routelab": __version__,
        "log": log.name,
        "log_sha256": log.sha256,
        "seed": policy.document.seed,
        "tuned_on": made.get("log"),
        "tuned_on_sha256": made.get("log_sha256"),
        "prices_sha256": made.get("prices_sha256"),
    }


def _encoded(data: Any) -> bytes:
    return msgspec.json.encode(data)
