"""Kinds of policy that can be tuned on scores of first calls."""

from __future__ import annotations

from msgspec import structs

from routelab.errors import TuningError
from routelab.tuning.options import Options
from routelab.tuning.tuners import AUTO, ONE_CALL


def as_estimated(options: Options, *, audited: bool) -> Options:
    """The options of a study of a partial log.

    Args:
        options: as asked.
        audited: there are requests on which every model answered.
    Raises:
        TuningError: something is asked for that such a log cannot give.
    """
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
    if options.certify and not audited:
        problems.append(
            "a certificate is proved on requests on which every model answered, and this log has"
            " none: have some audited at random (a column `audit`), or leave `certify` out"
        )
    if problems:
        raise TuningError(*problems)
    return structs.replace(options, account=False)
