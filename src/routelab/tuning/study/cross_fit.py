"""Cross-fitting: where test has too few groups for a verdict, every group is tested once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs

from routelab.core import Ints
from routelab.core.messages import counted
from routelab.errors import RoutelabError
from routelab.logs.model import PARTS, Split
from routelab.replay import (
    ComparisonSet,
    Figures,
    Replay,
    evaluate_replay,
    joined,
)
from routelab.stats import FEWEST_GROUPS, effective_groups
from routelab.tuning.options import Options
from routelab.tuning.selection import StudyChoice

FOLDS = 5
"""Of the groups; one is test, which the exported policy is judged on in any case."""
CROSS_FITTED = "cross-fitted"
_TEST = PARTS.index("test")

PartOf = Callable[[Split, str | Sequence[str]], ComparisonSet]
Search = Callable[[Options, Split], StudyChoice]


@dataclass(frozen=True, eq=False)
class CrossFittedStudy:
    """What searching as this study did is worth, on every request of the log.

    The search is made again without each fold of the groups, and its policy judged there, so that
    every group bears on the verdict and none on the policy that it judges. The mean is that of the
    policies of all folds; the exported one is that of the last.

    Attributes:
        figures: on all requests, each by the policy that had not seen its group.
        text: what was done and why, in a sentence.
    Source: Bayle, Bayle, Janson & Mackey 2020, "Cross-validation confidence intervals for test
        error" (arXiv 2007.12671).
    """

    figures: Figures
    text: str


def folds(cut: Split) -> Ints:
    """(n,) fold of each request: `FOLDS` - 1 on test; other groups where there are fewest requests,
    the largest first."""
    sizes = np.bincount(cut.groups)
    tested = np.unique(cut.groups[cut.part == _TEST])
    fold = np.full(len(sizes), FOLDS - 1)
    filled = np.zeros(FOLDS - 1)
    rest = np.setdiff1d(np.flatnonzero(sizes), tested)
    for group in rest[np.argsort(-sizes[rest], kind="stable")]:
        fold[group] = np.argmin(filled)
        filled[fold[group]] += sizes[group]
    return fold[cut.groups]


def is_called_for(options: Options, cut: Split, found: StudyChoice, testing: ComparisonSet) -> bool:
    """Whether test has too few groups for a verdict, and the log has enough.

    A cut in time, or a given one, says what test is to stand for, and a certificate is proved on
    rows of its own: these are left as they are. Models alone and mixtures of them gain nothing,
    whatever the interval.

    Args:
        options: of the study; found: what it chose.
        cut: of the log.
        testing: rows of test.
    """
    if cut.rule != "random" or options.certify or not options.pool:
        return False
    sizes = np.bincount(cut.groups).astype(np.float64)
    few = effective_groups(np.bincount(testing.groups).astype(np.float64)) < FEWEST_GROUPS
    routes = not found.chosen[0].point.policy.by_chance
    return bool(few and routes and effective_groups(sizes) >= FEWEST_GROUPS)


def too_long(options: Options, found: StudyChoice) -> str:
    """That the budget has no room for it, in a sentence; "" where it has."""
    seconds, budget = found.plan.seconds, options.budget_s
    if seconds is None or budget is None or FOLDS * seconds <= budget:
        return ""
    return (
        "test has too few groups for a verdict, and to judge on all groups by cross-fitting takes"
        f" some {FOLDS * seconds:.0f} s: `budget_s` of so much lets it"
    )


def cross_fit(
    options: Options,
    cut: Split,
    found: StudyChoice,
    testing: ComparisonSet,
    part: PartOf,
    search: Search,
    tell: Callable[[str], None],
) -> CrossFittedStudy | str:
    """Search again without each other fold, and judge every request by a search without it.

    Args:
        options: of the study.
        cut: of the log; found: what was chosen outside its test part.
        testing: rows of test, with the scorers of what was chosen.
        part: the comparable rows of a part of a cut.
        search: chooses outside the test part of a cut.
        tell: called with a sentence on each fold.
    Returns:
        Figures on all requests; or why there are none, in a sentence.
    """
    fold = folds(cut)
    done: list[tuple[Ints, Replay]] = [_judged(found, testing)]
    again = structs.replace(options, storage=None, fresh=False, account=False)
    for at in range(FOLDS - 1):
        tell(f"judging groups by a search without them: {at + 2} of {FOLDS}")
        without = replace(cut, part=np.where(fold == at, _TEST, 0))
        try:
            other, there = search(again, without), part(without, "test")
            done.append(_judged(other, there))
        except RoutelabError as error:
            return (
                "test has too few groups for a verdict, and all groups cannot be judged: without"
                f" the {counted(int(np.sum(fold == at)), 'request')} of one fifth of them the"
                f" search ends with: {error}"
            )
    every = part(replace(cut, part=np.where(cut.part < 0, -1, _TEST)), "test")
    figures = evaluate_replay(every, options.name, joined(done))
    return CrossFittedStudy(
        structs.replace(figures, split=CROSS_FITTED), _text(cut, testing, every)
    )


def _judged(found: StudyChoice, testing: ComparisonSet) -> tuple[Ints, Replay]:
    """Rows of a test part, and what was chosen elsewhere does there."""
    learned = found.searched.learned
    if learned is not None:
        testing = testing.with_scoring(learned.fitted.scoring())
    return testing.coverage.rows, testing.replay(found.chosen[0].point.policy)


def _text(cut: Split, testing: ComparisonSet, every: ComparisonSet) -> str:
    few, many = (len(np.unique(it.groups)) for it in (testing, every))
    return (
        f"the test part has {counted(few, 'group')} by {cut.group}, too few for a verdict, so every"
        f" one of {many} was test once: the search was made {FOLDS} times, each without a fifth of"
        f" the groups, and judged there; the verdict is on {len(every.log):,} requests, and of"
        " searching so rather than of this one policy alone"
    )
