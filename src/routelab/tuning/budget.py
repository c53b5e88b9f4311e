"""The budget of a study: what is tried is fixed by the log's shape before the clock starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from routelab.errors import TuningError
from routelab.tuning.options import Options
from routelab.tuning.tuners import AUTO, CASCADE, CONDITIONAL, LEARNED, ONE_CALL, TASK_MEAN

# Constants below are fitted to processor seconds of whole studies, account included,
# of 285 to 12,000 requests and 2 to 12 models, that prompts, tasks and up to two signals are known
# of: what was planned is .9 to 1.4 times what they took; two processors do
# them in about two thirds of the time.
SAFE = 0.6
"""Of the budget, what a plan may use by these figures: slower machines are to keep it too."""

FOR_UTILITY = 0.8
"""Of what is left after the quick kinds, what the two scorers of predicted utility may take."""

LEAST_ROWS = 300
"""Requests below which a scorer is not worth its budget; rows are halved down to here."""

LEAST_TRIALS = 50

MOST_AFTER, MOST_ACCOUNTED, MOST_GROWN = 8, 60_000, 15_000
"""Models of scorers that see an answer, and examples of any and of trees, beyond which a study
takes no longer: what the defaults of fits and recipes are."""

LOADING = 0.1
"""Of the budget, what is loaded and read once: so much time by itself says nothing of how slow
the machine is at what follows."""

ACCOUNT = "the account of what is learned"

UTILITY, NEIGHBORS, TIERS = "utility", "neighbors", "tiers"
GAIN, ROUTING = "gain-cascade", "cascade-routing"


class LogShape(NamedTuple):
    """All of a log that a plan may depend on.

    Attributes:
        train: requests that scorers may be learned from; tune: on which policies are compared;
            test: that judge.
        models: candidates.
        signals: usable confidence signals.
        tasks: whether requests name what policies may be parted by.
        prompts: whether there are any.
    """

    train: int
    tune: int
    test: int
    models: int
    signals: int
    tasks: bool
    prompts: bool
    scored: bool = False


class PlannedStep(msgspec.Struct, frozen=True):
    """What a part of a study is expected to take on two processors.

    Attributes:
        name: of what is done, as the clock is asked for it.
        seconds: of doing it.
        later_s: seconds of comparing it, once everything that learns has learned.
    """

    name: str
    seconds: float
    later_s: float = 0.0


class StudyPlan(msgspec.Struct, frozen=True):
    """What a study tries.

    Attributes:
        kinds: of policy, in the order in which they are searched.
        trials: of the randomised search of cascades.
        rows: requests that scorers are learned from, at most; None for all, or where none are.
        account: whether it is judged what can be learned on the log.
        left_out: kinds that the budget has no room for.
        seconds: what the plan is expected to take on two processors.
        steps: the same by step, in the order in which they are done; none where no budget is.
    """

    kinds: tuple[str, ...]
    trials: int
    rows: int | None = None
    account: bool = True
    left_out: tuple[str, ...] = ()
    seconds: float | None = None
    steps: tuple[PlannedStep, ...] = ()


def planned(options: Options, shape: LogShape) -> StudyPlan:
    """What a study tries: all that was asked for, or what the budget has room for.

    The same options and the same shape give the same plan on any machine.

    Args:
        options: of the study.
        shape: of its log.
    """
    if shape.scored:
        return _of_one_call(options, shape)
    parted = options.parts_by is not None
    if options.policy != AUTO or options.budget_s is None:
        kinds = (*options.kinds, *([CONDITIONAL] if parted else []))
        return StudyPlan(kinds, options.trials, None, options.account)
    return _within(options, shape, SAFE * options.budget_s)


def _of_one_call(options: Options, shape: LogShape) -> StudyPlan:
    """All kinds that a partial log can tell of.

    Raises:
        TuningError: requests differ in nothing that a policy could go by.
    """
    wanted = ONE_CALL if options.policy == AUTO else options.kinds
    readable = shape.prompts or shape.tasks
    kinds = tuple(it for it in wanted if (shape.tasks if it == TASK_MEAN else readable))
    if not kinds:
        raise TuningError(
            f"`policy` {options.policy!r}: the log has no"
            f" {'tasks' if wanted == (TASK_MEAN,) else 'prompts and no tasks'}, so that no policy"
            " of one call could tell requests apart; log them, or value single models by"
            " `routelab value`"
        )
    return StudyPlan(kinds, options.trials, None, account=False)


def _within(options: Options, shape: LogShape, room: float) -> StudyPlan:
    """The kinds that have room, the quick and the promising ones first."""
    whole = room
    room -= _always(shape)
    kinds = [TASK_MEAN] if shape.tasks else []
    trials = options.trials
    kinds.append(CASCADE)
    if shape.signals:
        room -= _solving(shape)
        per_trial = _trial(shape)
        trials = max(min(LEAST_TRIALS, trials), min(trials, int(room / 4 / per_trial)))
        room -= trials * per_trial
    steps = [PlannedStep("the quick kinds", whole - room)]
    wanted = options.by is not None or shape.tasks
    for_parts = 0.2 * _solving(shape) + 4e-5 * shape.models * shape.train if wanted else 0.0
    parted = wanted and for_parts <= room
    room -= for_parts if parted else 0.0
    rows = _rows(shape, FOR_UTILITY * room)
    left_out = []
    for it in _learned(shape, rows):
        if it.seconds + it.later_s <= room:
            kinds.append(it.name)
            steps.append(it)
            room -= it.seconds + it.later_s
        else:
            left_out.append(it.name)
    if wanted:
        (kinds if parted else left_out).append(CONDITIONAL)
    if parted:
        steps.append(PlannedStep(CONDITIONAL, for_parts))
    accounting = 1.0 + 1.8e-3 * min(shape.train + shape.test, MOST_ACCOUNTED)
    account = options.account and UTILITY in kinds and accounting <= room
    if account:
        steps.append(PlannedStep(ACCOUNT, accounting))
        room -= accounting
    learns = any(it in kinds for it in (UTILITY, NEIGHBORS, TIERS, GAIN, ROUTING))
    limit = rows if learns and rows < shape.train else None
    seconds = round(whole - room, 1)
    return StudyPlan(
        tuple(kinds), trials, limit, account, tuple(left_out), seconds,
        tuple(PlannedStep(it.name, round(it.seconds, 2), round(it.later_s, 2)) for it in steps),
    )  # fmt: skip


def _rows(shape: LogShape, room: float) -> int:
    """So many requests that two scorers have room, halved until they do."""
    rows = shape.train
    while rows > LEAST_ROWS and 2 * _before(shape, rows) > room:
        rows //= 2
    return max(rows, min(shape.train, LEAST_ROWS))


def _learned(shape: LogShape, rows: int) -> Iterator[PlannedStep]:
    """Each kind that learns and that the log has something for, by promise."""
    sets = {0: 1, 1: 2}.get(shape.signals, shape.signals + 2)
    readable = shape.prompts or shape.tasks
    before, after = _before(shape, rows), _after(shape, rows)
    compared = 5e-4 + 5e-8 * shape.tune
    prices = 50 if shape.tune <= 4000 else 14  # as many as cascade routing tries there
    searched = 1.2e-5 * sets * prices * shape.tune  # a search of sets at every request
    gain = PlannedStep(GAIN, sets * after, 400 * compared)
    if readable:
        yield PlannedStep(UTILITY, 2 * before, 160 * compared)
    if shape.signals:
        yield gain
    if shape.prompts:
        yield PlannedStep(NEIGHBORS, 0.2 + 8e-5 * rows, 120 * compared)
    if readable:
        yield PlannedStep(TIERS, 0.2 + 1.2e-4 * rows, 2000 * compared)
    if not shape.signals and readable:
        yield gain
    if readable or shape.signals:
        yield PlannedStep(ROUTING, 1.6 * sets * after, searched)


def _always(shape: LogShape) -> float:
    """Seconds of what every study does: loading, replays of single models, comparing kinds, figures
    on test, writing."""
    every = shape.train + shape.tune + shape.test
    seconds = 3.0 + (2e-5 + 4e-6 * shape.models) * every
    if shape.prompts:  # which are read, by baselines too
        seconds += 6e-5 * every + 4.5e-4 * shape.test + 1.5e-5 * shape.train * shape.models
    return seconds


def _solving(shape: LogShape) -> float:
    """Seconds in which cascades are solved for every signal, and again on folds."""
    chains = min(shape.models, 6) ** 3
    return shape.signals * chains * (2e-3 + 3e-7 * shape.tune) * (4 if shape.models > 5 else 1)


def _trial(shape: LogShape) -> float:
    """Seconds of a trial of the randomised search."""
    return 2e-3 + 4e-7 * shape.tune


def _before(shape: LogShape, rows: int) -> float:
    """Seconds in which a scorer of every model is learned, before any answer."""
    return 0.1 + rows * (8e-5 + 3e-5 * shape.models)


def _after(shape: LogShape, rows: int) -> float:
    """Seconds in which a scorer is learned that sees an answer: an example for every model.

    Of many models few are learned of, and of many examples trees grow on some.
    """
    models = min(shape.models, MOST_AFTER)
    examples = min(rows * models, MOST_ACCOUNTED)
    return models * (0.1 + 1.6e-5 * min(examples, MOST_GROWN) + 9e-6 * examples)


class Clock:
    """The time that a study has, and what it was too short for.

    Attributes:
        budget_s: seconds; None for all that is needed.
        steps: what each part of the study is expected to take, once that is planned.
        cut: what was planned and not begun.
    """

    def __init__(
        self, budget_s: float | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.budget_s = budget_s
        self.steps: Sequence[PlannedStep] = ()
        self.cut: list[str] = []
        self._now = now
        self._start = now()

    @property
    def passed_s(self) -> float:
        """Seconds since the study began."""
        return self._now() - self._start

    def begins(self, what: str) -> bool:
        """Whether there is time to do something; what there is none for is kept in `cut`.

        A planned step takes its planned seconds times the slowdown so far: the time passed over
        what was planned of all that was done. One that would end after the budget is not begun.
        """
        if self.budget_s is None:
            return True
        passed = self.passed_s
        if passed < self.budget_s and passed + self._expected_s(what, passed) <= self.budget_s:
            return True
        if what not in self.cut:
            self.cut.append(what)
        return False

    def _expected_s(self, what: str, passed: float) -> float:
        """Seconds that a step is expected to take here; nothing where none were planned."""
        names = [it.name for it in self.steps]
        if what not in names:
            return 0.0
        assert self.budget_s is not None
        at = names.index(what)
        step, earlier = self.steps[at], [it for it in self.steps[:at] if it.name not in self.cut]
        done, owed = sum(it.seconds for it in earlier), sum(it.later_s for it in earlier)
        needed = step.seconds + step.later_s
        # While kinds learn, those before are still to be compared.
        if what in LEARNED:
            needed += owed
        else:
            done += owed
        loading = LOADING * self.budget_s
        return needed * (passed + loading) / (done + loading)

    def left(self) -> str:
        """How much time there is, in words; nothing where there is no end."""
        if self.budget_s is None:
            return ""
        return f" ({max(0.0, self.budget_s - self.passed_s):.0f} s left)"
