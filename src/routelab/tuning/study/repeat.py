"""The options of the study that a policy came from, so that it can be tuned once more."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from routelab.logs.model import Log
from routelab.policy_file import PolicyFile
from routelab.tuning.options import BEFORE, Options

_OF_ITS_OWN = ("storage", "fresh", "processes", "certify", "delta")
"""Options of a study that its repetition has not: where trials are kept, and what is proved."""


def repeated(
    policy: PolicyFile, log: Log, models: tuple[str, ...], gone: Collection[str] = ()
) -> tuple[Options, list[str]]:
    """Options for the study of a policy once more, and what of it cannot be repeated, in words.

    Args:
        policy: whose provenance holds the options of its study.
        log: that knows what signals cost.
        models: the candidates now.
        gone: no longer candidates; a pair with one of them is not repeated.
    """
    given = policy.document.provenance.get("options", {})
    repeatable = {key: value for key, value in given.items() if key not in _OF_ITS_OWN}
    options = msgspec.convert({**BEFORE, **repeatable, "name": policy.name}, Options)
    unknown = [name for name in options.signals if not log.spec(name).cost_known]
    used = tuple(name for name in options.signals if name not in unknown)
    notes = [
        f"signal {name!r} was considered by the study, but its cost is not in the policy: it is"
        " left out"
        for name in unknown
        if used
    ]
    pair = options.pair if not set(options.pair or ()) & set(gone) else None
    again = msgspec.structs.replace(
        options, models=models, signals=used or options.signals, pair=pair
    )
    return again, notes
