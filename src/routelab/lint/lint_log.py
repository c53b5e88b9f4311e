"""Every check of a log."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping

import numpy as np

from routelab.core import Ints
from routelab.core.catalogue import Catalogue
from routelab.errors import LogError
from routelab.lint.checks import CHECKS
from routelab.lint.evidence import LogEvidence, file_of
from routelab.lint.finding import LintFinding, Severity
from routelab.logs import Log, PartialLog, RawColumns
from routelab.policy_file import PolicyFile
from routelab.replay import run

_ORDER: Mapping[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def lint(
    log: Log | PartialLog,
    *,
    columns: Mapping[str, str] | None = None,
    catalogue: Catalogue | None = None,
    policies: Iterable[PolicyFile] = (),
    now_s: float | None = None,
) -> tuple[LintFinding, ...]:
    """What corrupts a study of a log, the worst first.

    Args:
        log: complete or partial; its signals are held against its labels.
        columns: with which it was read, as for `routelab.logs.read`.
        catalogue: prices that costs are held against; None for those of the log.
        policies: whose choices are looked at; of a complete log alone.
        now_s: Unix seconds; None for the time of this machine.
    Raises:
        LogError: a policy asks for what the log lacks.
    """
    path, raw = file_of(log), None
    if path is not None:
        with contextlib.suppress(LogError):  # of another form, whose rows cannot be told apart
            raw = RawColumns(path, columns)
    chosen = {it.name: _chosen(log, it) for it in policies} if isinstance(log, Log) else {}
    evidence = LogEvidence(log, raw, catalogue, time.time() if now_s is None else now_s, chosen)
    found = [finding for check in CHECKS for finding in check(evidence)]
    return tuple(sorted(found, key=lambda it: _ORDER[it.severity]))


def _chosen(log: Log, policy: PolicyFile) -> Ints:
    """(n,) the column of the model whose answer a policy delivers; -1 for none."""
    replayed = run(policy.policy, log, scoring=policy.scoring)
    return np.asarray(replayed.answered, dtype=np.int64)
