"""Kinds that learn: fit scorers, then propose and compare policies on scores held out of them.

Imported only by studies that learn, because scikit-learn takes a second to import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from routelab.core import Ints, Policy, Progress, ScorerUse
from routelab.errors import LearningError, TuningError
from routelab.learning import FittedScorers, LearningAccount, account
from routelab.logs.model import Log, Split
from routelab.replay import ComparisonSet
from routelab.tuning.kinds import recipe_search
from routelab.tuning.kinds.holdout import Holdout
from routelab.tuning.kinds.out_of_fold import unseen
from routelab.tuning.kinds.proposals import ProposalInputs, setting
from routelab.tuning.kinds.registry import tuner
from routelab.tuning.kinds.scorer_fits import ScorerFits, only
from routelab.tuning.objectives import Demands, Excess, FrontPoint, by_cost
from routelab.tuning.options import Options


class NothingLearnedError(TuningError):
    """No kind that learns has anything to propose."""


@dataclass(frozen=True, eq=False)
class LearnedKinds:
    """The result of fitting and searching the kinds that learn.

    Attributes:
        fronts: by kind, the front of what it proposes and single models, as far as
            that meets the bounds on latency and groups; empty if none of it does.
        tried: of each policy, by how much it breaks each of those bounds.
        policies: by kind, all that it proposes.
        holdout: means of the policies, whole and by block.
        here: the rows with scores by fits that never saw them, and who fitted them.
        sought: the search of recipes; None if there was none.
        notes: what was left out of learning, and what could not be learned.
    """

    fronts: dict[str, list[FrontPoint]]
    tried: list[Excess]
    policies: dict[str, list[Policy]]
    holdout: Holdout
    here: ProposalInputs
    sought: recipe_search.RecipeSearch | None
    notes: tuple[str, ...]

    @property
    def tune(self) -> ComparisonSet:
        return self.here.tune

    @property
    def fitted(self) -> FittedScorers:
        return self.here.fits.fitted

    def worth(
        self,
        log: Log,
        options: Options,
        signals: Sequence[str],
        cut: Split,
        alone: Sequence[FrontPoint],
        best: FrontPoint,
        notify: Callable[[str], None],
    ) -> LearningAccount:
        """How well the gain of a strong model over a weak one can be learned on this log.

        Args:
            log: the whole log.
            options: of the study, which may name the pair.
            signals: confidence signals to judge deferral by.
            cut: parts of the log.
            alone: each candidate by itself; the cheapest is the weak model unless a pair is named.
            best: candidate, the strong model unless a pair is named.
            notify: called with a sentence on what is about to be done.
        """
        weak, strong = options.pair or (by_cost(alone)[0], best.policy.models_used[0])
        notify(f"judging what can be learned of {weak} and {strong}, on tasks never seen too")
        return account(
            log,
            weak=weak,
            strong=strong,
            recipe=None if self.sought is None else self.sought.recipe,
            split=cut,
            signals=signals,
            seed=options.seed,
        )

    def source(self, kind: str) -> Callable[[ComparisonSet, Sequence[str]], Iterable[Policy]]:
        """A function that proposes a kind's policies over given models, for given rows.

        The models take the order of the scorers, whose gains are of models that come later in it:
        by the cost on the rows given, two that cost about the same may stand the other way.
        """
        parted = tuner(kind).parted

        def propose(on: ComparisonSet, models: Sequence[str]) -> Iterable[Policy]:
            ordered = tuple(name for name in self.here.fits.few if name in models)
            if parted is not None:
                return parted(replace(self.here, tune=on), ordered)
            return tuner(kind).propose(replace(self.here, tune=on, frontier=ordered))

        return propose

    def again(self, kind: str) -> Callable[[ComparisonSet], Iterable[Policy]]:
        """A function that proposes a kind's policies for given rows."""
        if tuner(kind).searches:
            return lambda on: tuner(kind).propose(replace(self.here, tune=on))
        return lambda _: self.policies[kind]

    def flatters(self, kind: str) -> bool:
        """Whether the best of a kind promises more on the rows searched than it keeps."""
        return tuner(kind).searches or tuner(kind).flatters

    def used_by(self, uses: Iterable[ScorerUse]) -> FittedScorers:
        """The scorers that a policy names, with what they are made of and nothing else."""
        return only(self.fitted, (use.name for use in uses))


# Long: fits, then proposals, of the same kinds and for the same reasons.
# Many arguments: they are a study's own, and none belong together.
def learned_kinds(
    kinds: Sequence[str],
    pool: ComparisonSet,
    compared: Ints,
    signals: Sequence[str],
    alone: Sequence[FrontPoint],
    wanted: Demands,
    *,
    seed: int,
    recipe_trials: int,
    rows: int | None,
    begins: Callable[[str], bool],
    progress: Progress | None,
    notify: Callable[[str], None],
) -> LearnedKinds:
    """Fit every scorer that these kinds need, and search the kinds on scores held out of the fits.

    Args:
        kinds: names, the simplest first.
        pool: rows that scorers are fitted on.
        compared: (n,) of these rows, on which policies are compared.
        signals: confidence signals that a policy may ask for.
        alone: each candidate by itself, on these rows.
        wanted: the user's bounds there.
        seed: of everything random.
        recipe_trials: recipes tried for the scorers; 0 takes the default one.
        rows: that scorers are fitted on, at most; None for all.
        begins: asked before each kind and each scorer whether there is time to begin it.
        progress: called with the number of steps done and that of all.
        notify: called with a sentence on what is about to be done.
    Raises:
        TuningError: recipes are to be searched, and quality cannot be learned at all.
        NothingLearnedError: no kind had anything to propose; it says why.
    """
    models = by_cost(alone)
    train, place = pool, np.arange(len(pool.log))
    if rows is not None and rows < len(pool.log):
        drawn = np.sort(np.random.default_rng(seed).permutation(len(pool.log))[:rows])
        train, place = pool.take(drawn, pool.part), np.full(len(pool.log), -1)
        place[drawn] = np.arange(rows)
    sought = _recipe(train.log, models, recipe_trials, seed, progress, notify)
    recipe = None if sought is None else sought.recipe
    fits = ScorerFits(
        train.log,
        models,
        signals,
        groups=train.groups,
        seed=seed,
        recipe=recipe,
        begins=begins,
        notify=notify,
    )
    begun = []
    for kind in kinds:
        if begins(kind):
            tuner(kind).learn(fits)
            begun.append(kind)
    if not begun:
        raise NothingLearnedError(f"{', '.join(kinds)}: there was no time to learn them")
    here = setting(unseen(pool.some(compared), fits, place[compared]), fits)
    proposed = {}
    for kind in begun:
        notify(f"searching {kind}")
        proposed[kind] = list(tuner(kind).propose(here))
    if not any(proposed.values()):
        what = f"nothing could be learned from {len(train.log):,} requests"
        raise NothingLearnedError(f"{', '.join(kinds)}: {what}", *fits.reasons)
    notify(f"comparing {sum(map(len, proposed.values())):,} policies")
    holdout = Holdout(here.tune, wanted, seed=seed)
    fronts, tried = _fronts(proposed, holdout, alone, progress)
    return LearnedKinds(fronts, tried, proposed, holdout, here, sought, fits.notes)


def _recipe(
    log: Log,
    models: Sequence[str],
    trials: int,
    seed: int,
    progress: Progress | None,
    notify: Callable[[str], None],
) -> recipe_search.RecipeSearch | None:
    if not trials:
        return None
    notify(f"searching {trials} recipes for scorers")
    try:
        return recipe_search.search(log, models, trials=trials, seed=seed, progress=progress)
    except LearningError as error:
        why = "`recipe_trials`: quality cannot be learned here"
        raise TuningError(why, *error.problems) from error


def _fronts(
    proposed: Mapping[str, Sequence[Policy]],
    holdout: Holdout,
    alone: Sequence[FrontPoint],
    progress: Progress | None,
) -> tuple[dict[str, list[FrontPoint]], list[Excess]]:
    total, done = sum(map(len, proposed.values())), 0
    tried: list[Excess] = []
    for policies in proposed.values():
        for policy in policies:
            tried.append(holdout.excess(policy))
            done += 1
            if progress is not None:
                progress(done, total)
    single = [point.policy for point in alone]
    found = {kind: holdout.front([*single, *them]) for kind, them in proposed.items()}
    return found, tried
