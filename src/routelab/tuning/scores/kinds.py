"""Kinds of policy that can be tuned on scores of first calls."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from routelab.errors import TuningError
from routelab.logs.model import PartialLog
from routelab.tuning.options import Options
from routelab.tuning.scores.scored_log import ScoredLog, scored_log
from routelab.tuning.tuners import AUTO, ONE_CALL


def scored_of(
    log: PartialLog | ScoredLog, options: Options, notify: Callable[[str], None] | None
) -> ScoredLog:
    """The scores of a partial log, made as a study's options say unless they are made.

    Args:
        log: the log.
        options: of the study.
        notify: called with a sentence on what takes long.
    Raises:
        LogError: as `scored_log`.
    """
    if isinstance(log, ScoredLog):
        return log
    return scored_log(log, options.models, seed=options.seed, notify=notify)


def as_estimated(options: Options, log: PartialLog | ScoredLog) -> Options:
    """The options of a study of a partial log.

    Args:
        options: as asked.
        log: that is tuned on.
    Raises:
        TuningError: something is asked for that such a log cannot give.
    """
    audit = log.requests.audit if isinstance(log, PartialLog) else log.audited
    problems = []
    if options.policy not in (AUTO, *ONE_CALL):
        problems.append(
            f"`policy` {options.policy!r} needs several models' answers to a request, and a partial"
            f" log has one: choose {', '.join((AUTO, *ONE_CALL))}, or tune on requests on which"
            " every model answered"
        )
    if options.signals:
        problems.append(
            f"signals ({', '.join(options.signals)}) are of answers that were given, and a partial"
            " log has those of one model a request; leave them out"
        )
    if options.recipe_trials:
        problems.append(
            "`recipe_trials` compare recipes on complete requests, and a partial log has none"
        )
    if options.certify and (audit is None or not audit.any()):
        problems.append(
            "a certificate is proved on requests on which every model answered, and this log has"
            " none: have some audited at random (a column `audit`), or leave `certify` out"
        )
    if problems:
        raise TuningError(*problems)
    return structs.replace(options, account=False)
