"""The options of the study that a policy came from, so that it can be tuned once more."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec
from msgspec import structs
from msgspec.structs import fields

from routelab.core.catalogue import redacted_address
from routelab.errors import TuningError
from routelab.logs.model import Log
from routelab.policy_file import PolicyFile
from routelab.tuning.options import BEFORE, POINTS, Options
from routelab.tuning.search import recorded_about
from routelab.tuning.tuners import CASCADE

_OF_ITS_OWN = ("storage", "fresh", "processes", "certify", "delta", "cost_ceiling_usd")
"""Options of a study that its repetition has not: where trials are kept, and what is proved."""


def as_begun(options: Options, notify: Callable[[str], None]) -> Options:
    """The options of a study that goes on, by the rules of the release that began it.

    The first release searched plain cascades, exported the knee where nothing was said, and left
    out every request of a group that had begun in an earlier part. What was killed then ends in
    the policy that it would have come to; where kinds that learn were searched, too, nothing could
    promise that, as scorers are fitted otherwise now.

    Args:
        options: of the study, whose storage may hold trials of it.
        notify: called with a sentence where rules are those of then.
    Raises:
        TuningError: the storage cannot be used, or holds trials of a search by other rules that
            learned.
    """
    if options.storage is None or options.fresh:
        return options
    about = recorded_about(options.storage, options.name)
    if about is None or "options.pool" in about:
        return options
    known = {it.name: it.default for it in fields(Options)}
    then = {**BEFORE, "policy": about.get("options.policy", CASCADE)}
    if "options.point" in about:  # begun between the two changes
        then = {"returning": False, "pool": False}
    if "options.returning" in about:
        then = {"pool": False}
    changed = {key: it for key, it in then.items() if getattr(options, key) == known[key] != it}
    begun = structs.replace(options, **changed)
    if begun.learns:
        raise TuningError(
            f"`storage` {redacted_address(options.storage)}: study {options.name!r} there was begun"
            f" by routelab {about.get('routelab', 'of old')} with `policy={begun.policy!r}`, and"
            " this release fits scorers otherwise, so that it cannot end in what it would have come"
            " to then; give another `storage` or `Options.name`, or `fresh=True` to begin anew"
        )
    if changed:
        says = ", ".join(f"`{key}={it!r}`" for key, it in changed.items() if it is not None)
        notify(f"the stored study goes on by the rules it was begun with: {says}")
    return begun


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
    options = msgspec.convert({**BEFORE, "pool": True, **repeatable, "name": policy.name}, Options)
    if options.bounds.name_a_point:  # 0.1.0 had no point to name, and `BEFORE` names one
        options = structs.replace(options, point=POINTS[0])
    unknown = [name for name in options.signals if not log.spec(name).cost_known]
    used = tuple(name for name in options.signals if name not in unknown)
    notes = [
        f"signal {name!r} was considered by the study, but its cost is not in the policy: it is"
        " left out"
        for name in unknown
        if used
    ]
    pair = options.pair if not set(options.pair or ()) & set(gone) else None
    again = structs.replace(options, models=models, signals=used or options.signals, pair=pair)
    return again, notes
