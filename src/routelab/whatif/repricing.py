"""A policy under other prices, latencies or models, and whether to tune again there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple

import msgspec

from routelab.core.catalogue import Catalogue
from routelab.core.storage import read_bounded
from routelab.errors import TuningError
from routelab.logs.model import Log
from routelab.metrics import exact_mean
from routelab.policies import to_wire
from routelab.policy_file import Document, PolicyFile
from routelab.replay import (
    SEARCHED,
    ComparisonSet,
    Figures,
    NamedPolicy,
    Range,
    comparison_set,
    evaluate,
    gains_apart,
    study_cut,
    study_rows,
)
from routelab.tuning import Options
from routelab.tuning.objectives import MARGIN
from routelab.tuning.study import Verdict, repeated, study_path, tune, verdict
from routelab.whatif.break_even import Escalation, escalations, trade_off
from routelab.whatif.world import RepricedWorld

Word = Literal["keep", "retune", "open"]


class Retuned(msgspec.Struct, frozen=True):
    """The same study, repeated in the changed world.

    Attributes:
        kind: of the policy that it exports.
        policy: that policy in wire form.
        verdict: on it, on test.
        front: non-dominated points on tune: policy, usd_per_1k, quality.
        figures: on test.
        gain: over the zero router, retuned minus old policy, on test, each at its own cost;
            gain_ci: its paired 95 % interval.
        word: "retune" if the interval is above 0; "keep" if it is below the margin under
            which no gain is worth a change; else "open".
    """

    kind: str
    policy: Mapping[str, Any]
    verdict: Verdict
    front: tuple[Mapping[str, Any], ...]
    figures: Figures
    gain: float
    gain_ci: Range
    word: Word


class Repriced(msgspec.Struct, frozen=True):
    """A policy before and after prices, latencies or models changed, on one part of a log.

    Attributes:
        changes: what changed, in sentences.
        part: of the log that the figures are of.
        before, after: figures of the policy as it is.
        verdict: on `after`, under the bounds of the study; None on a part that is not test.
        quality_per_usd: lambda, the quality that a USD must buy, by the policy's own choice on
            tune in the old world; see `routelab.whatif.break_even`.
        escalations: of the policy in the new world.
        retuned: None if it was not asked for.
        notes: what a reader must know, in sentences.
    """

    changes: tuple[str, ...]
    part: str
    before: Figures
    after: Figures
    verdict: Verdict | None
    quality_per_usd: float
    escalations: tuple[Escalation, ...]
    retuned: Retuned | None
    notes: tuple[str, ...]


class _Moved(NamedTuple):
    """The log and what is known of its models in the new world."""

    log: Log
    catalogue: Catalogue
    candidates: tuple[str, ...]


# Long: stages of one computation, of which each needs most of what came before.
def reprice(
    policy: PolicyFile,
    log: Log,
    world: RepricedWorld,
    *,
    part: str = "test",
    retune: bool = True,
    allow_missing: bool = False,
    notify: Callable[[str], None] | None = None,
) -> Repriced:
    """Replay a policy in another world, and tune again there.

    Args:
        policy: as loaded.
        log: that the policy was tuned on, as it was.
        world: what is to be different.
        part: that figures are of; the study is repeated for "test" only.
        retune: repeat the study.
        allow_missing: accept a log of which many requests lack an outcome of a candidate.
        notify: called with a sentence on each scorer about to be learned again.
    Raises:
        TuningError: a change of models that do not exist, or a factor out of range.
        LogError: this is not the policy's log, or it cannot be compared.
    """
    document = policy.document
    log = log.with_specs(document.signals)
    world.check(log, document.candidates)
    options, notes = repeated(policy, log, world.candidates(document.candidates), world.drop)
    allow_missing = allow_missing or options.allow_missing
    scoring = policy.scoring
    old = partial(study_rows, document, log, allow_missing=allow_missing, scoring=scoring)
    here = old(part)
    own = study_cut(document, log, part)[1]
    if not own:
        notes.append(
            f"{log.name} is not the log of the study: what a dollar must buy is taken from it"
        )
    moved = _moved(world, log, document)
    new = partial(_comparison_set, policy, log, moved, world, allow_missing=allow_missing)
    now = new(part)
    after = evaluate(now, [NamedPolicy(policy.name, policy.policy)])[0]
    per_usd = _trade_off(policy, old(SEARCHED) if own else here)
    judged = retuned = None
    if part == "test":
        best = _best(new(SEARCHED))
        judged = verdict(
            after,
            options.bounds,
            best,
            by_chance=policy.policy.by_chance,
            routes=len(policy.policy.models_used) > 1,
        )
    if retune and part == "test":
        try:
            retuned = _retuned(policy, options, moved, now, notify)
        except TuningError as error:
            notes.append(f"the study cannot be repeated: {error}")
    elif retune:
        notes.append(f"the study is repeated for the test part only, not for {part}")
    return Repriced(
        world.changes(document.candidates),
        part,
        evaluate(here, [NamedPolicy(policy.name, policy.policy)])[0],
        after,
        judged,
        per_usd,
        escalations(policy.policy, now, per_usd),
        retuned,
        tuple(notes),
    )


def _moved(world: RepricedWorld, log: Log, document: Document) -> _Moved:
    listed = document.catalogue.only((*document.candidates, *world.add))
    return _Moved(
        world.log(log, document.catalogue),
        world.catalogue(listed),
        world.candidates(document.candidates),
    )


def _comparison_set(
    policy: PolicyFile,
    log: Log,
    moved: _Moved,
    world: RepricedWorld,
    part: str,
    allow_missing: bool,
) -> ComparisonSet:
    """The rows on which the new candidates can be compared, with those that are gone beside."""
    document = policy.document
    cut, same = study_cut(document, log, part)
    record = document.split
    made = comparison_set(
        moved.log,
        cut,
        record.chosen_on if record is not None and part == SEARCHED else part,
        (*moved.candidates, *world.drop),
        catalogue=moved.catalogue,
        seed=document.seed,
        allow_missing=allow_missing,
        learn=same,
        scoring=policy.scoring,
        estimates=world.estimates(document.estimates, log, moved.log),
    )
    reference = made.reference
    return replace(
        made,
        gone=world.drop,
        reference=None if reference is None else reference.only(moved.candidates),
    )


def _trade_off(policy: PolicyFile, tuned: ComparisonSet) -> float:
    """Of the policy on tune, among the candidates alone and the front of its study."""
    alone = [(exact_mean(it.cost_usd), exact_mean(it.quality)) for it in tuned.fixed()]
    own = tuned.replay(policy.policy)
    points = [*alone, (exact_mean(own.cost_usd), exact_mean(own.quality)), *_front(policy)]
    return trade_off(
        [cost for cost, _ in points], [it for _, it in points], exact_mean(own.cost_usd)
    )


def _front(policy: PolicyFile) -> Sequence[tuple[float, float]]:
    """Of the study beside the policy, in USD a request; empty where it is not there."""
    try:
        path = study_path(policy.path) / "study.json"
        data = msgspec.json.decode(read_bounded(path, "json_bytes"))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    if not isinstance(data, Mapping) or data.get("policy_digest") != policy.digest:
        return ()
    return [(it["usd_per_1k"] / 1000, it["quality"]) for it in data.get("front", ())]


def _best(on_tune: ComparisonSet) -> str:
    """The candidate that is best on tune, the cheaper of equals."""
    scored = [(exact_mean(it.quality), -exact_mean(it.cost_usd)) for it in on_tune.fixed()]
    return on_tune.models[scored.index(max(scored))]


def _retuned(
    policy: PolicyFile,
    options: Options,
    moved: _Moved,
    now: ComparisonSet,
    notify: Callable[[str], None] | None,
) -> Retuned:
    """The study once more in the new world, and its gain over the policy there.

    Raises:
        TuningError: the study has no policy there.
    """
    known = moved.catalogue.only(moved.candidates)
    study = tune(moved.log, options, catalogue=known, notify=notify)
    mine, theirs = study.test.replay(study.policy), now.replay(policy.policy)
    gain, (low, high) = gains_apart(study.test, mine, theirs)
    return Retuned(
        study.kind,
        to_wire(study.policy),
        study.verdict,
        tuple({"policy": to_wire(it.policy), **it.score._asdict()} for it in study.front),
        study.figures,
        gain,
        (low, high),
        "retune" if low > 0 else "keep" if high < MARGIN else "open",
    )
