"""The options of a study."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec.structs import fields

from routelab.core.conversation import DEFAULT_READS, READS
from routelab.errors import TuningError, UnnamedPackageError
from routelab.logs.model import Rule
from routelab.tuning.certify import CertificateDemand, demand
from routelab.tuning.objectives import Bounds
from routelab.tuning.tuners import AUTO, CASCADE, CONDITIONAL, LEARNED, TASK_MEAN, TUNERS

By: TypeAlias = Literal["task", "tenant", "priority"]
"""Columns of a log whose values may each get a policy of their own."""
BY: tuple[By, ...] = ("task", "tenant", "priority")
"""The same, to go through or to show."""

SAMPLERS = ("nsga2", "tpe")
MOST_PROCESSES = 64

UNSAID = ("storage", "fresh", "processes", "account")
"""What changes nothing about the policy."""

FIRST = (
    "name", "models", "signals", "bounds", "policy", "by", "pair", "seed", "trials",
    "recipe_trials", "group", "allow_missing", "certify", "delta", "sampler", "storage", "fresh",
    "processes", "account", "levels",
)  # fmt: skip
"""Fields of the first release, which every study and every stored search records."""

POINTS = ("least-cost", "most-quality", "knee")
"""Operating points that may be exported where no bound names one."""

BUDGET_S = 60.0
"""Seconds that a comparison of kinds may take where nobody says otherwise."""

BEFORE: Mapping[str, Any] = {
    "point": "knee", "budget_s": None, "returning": False, "pool": False,
}  # fmt: skip
"""What was done before a field came, where that is another thing than its default."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a study: candidates, bounds, kinds to search, and how.

    >>> from routelab.tuning import Bounds, Options
    >>> options = Options(name="mine", bounds=Bounds(max_usd_per_1k=2.0), trials=200, seed=1)
    >>> options.check()
    >>> Options(name="mine", trials=0, sampler="random").check()
    Traceback (most recent call last):
    routelab.errors.TuningError: `trials` is 0; at least 1 is needed
    `sampler` random: choose nsga2 or tpe

    Attributes:
        name: of the policy.
        models: candidates; None takes every model with a cost.
        signals: confidence signals to consider; empty takes all that were asked for where the log
            was read.
        bounds: limits on cost and quality.
        policy: kind to search, one of `CHOICES` or of a package in use; "auto" compares those
            of `CHOICES` that the budget has room for.
        budget_s: seconds that "auto" may take. What is tried follows from it and from the log's
            shape alone; None tries everything.
        point: what is exported where no bound says so, one of `POINTS`: the least cost at 98 %
            of the best model's quality, the most quality at its cost, or the knee of the front.
        by: column whose values may each get a policy of their own; None for none, and for the
            task where `policy` is "conditional" or "auto" and the log names tasks.
        pair: weak and strong model for APGR and CPT; None takes the cheapest and the best.
        seed: of everything random.
        trials: of the randomised search.
        recipe_trials: of the search for how scorers are made, the default way included; 0
            takes the default.
        group: what splits keep together; see `routelab.logs.model.splits.split`.
        split: "column", "time" or "random", how the log is cut into parts; None takes a column
            that says so, else times, where it can.
        returning: whether a cut in time keeps requests of groups that began in an earlier part,
            where they are many; False judges on groups alone that are new in their part.
        allow_missing: accept a log that lacks many outcomes.
        certify: bounds to prove on the calibrate part, together with probability 1 - delta.
        delta: chance of a wrong certificate, in (0, 0.5].
        cost_ceiling_usd: what no request can cost more than, for a bound on cost to prove; None
            takes token limits times prices where the catalogue has them, else twice the dearest
            request of tune, which the certificate then names as an assumption.
        sampler: of the randomised search, one of `SAMPLERS`.
        storage: where trials are kept, so that a killed study goes on: a file or a database URL.
        fresh: forget the trials kept there under this name.
        processes: that share the trials.
        account: say what can be learned on the log, also of tasks never seen: most of the work
            of kinds that learn, and no other figure rests on it.
        pool: search on every part but test (and calibrate, where a certificate is asked for);
            False searches on tune alone, as studies that were begun before did.
        reads: which of a request's messages scorers and policies look at, in the log as in
            production, one of `routelab.core.conversation.READS`.
        levels: thresholds tried for each model of a chain, where the log is read in batches;
            None takes 1,000 for chains of two models and 64 for longer ones.
    """

    name: str
    models: tuple[str, ...] | None = None
    signals: tuple[str, ...] = ()
    bounds: Bounds = Bounds()
    policy: str = AUTO
    budget_s: float | None = BUDGET_S
    point: str = POINTS[0]
    by: By | None = None
    pair: tuple[str, str] | None = None
    seed: int = 0
    trials: int = 400
    recipe_trials: int = 0
    group: str | None = None
    allow_missing: bool = False
    certify: tuple[CertificateDemand, ...] = ()
    delta: float = 0.1
    sampler: str = "nsga2"
    storage: str | None = None
    fresh: bool = False
    processes: int = 1
    account: bool = True
    levels: int | None = None
    reads: str = DEFAULT_READS
    split: Rule | None = None
    returning: bool = True
    cost_ceiling_usd: float | None = None
    pool: bool = True

    @property
    def returns(self) -> bool | None:
        """What a cut is told of groups that come back; None lets their number decide."""
        return None if self.returning else False

    def check(self) -> None:
        """Refuse values out of range, and options that would change nothing with the others.

        Raises:
            TuningError: all of it, named.
        """
        problems = [*self._of_other_types()]
        if problems:
            raise TuningError(*problems)  # the other checks look into these values
        for check in (
            self.bounds.check,
            partial(demand.check, self.certify, self.delta, self.cost_ceiling_usd),
        ):
            try:
                check()
            except TuningError as error:
                problems += error.problems
        problems += [*self._out_of_range(), *self._without_use()]
        if problems:
            raise TuningError(*problems)

    @property
    def recorded(self) -> dict[str, Any]:
        """The options as plain data, as studies and stored searches record them.

        A field that came after the first release is left out where it says what was done
        before it came, so that what was begun then is the same study now.
        """
        plain: dict[str, Any] = msgspec.to_builtins(self)
        before = {it.name: it.default for it in fields(self)} | dict(BEFORE)
        return {
            key: value
            for key, value in plain.items()
            if key in FIRST or value != msgspec.to_builtins(before[key])
        }

    def check_in_memory(self) -> None:
        """Refuse what is for a log that is read in batches.

        Raises:
            TuningError: `levels` are given.
        """
        if self.levels is not None:
            raise TuningError(
                f"`levels={self.levels}` is for a log that is read in batches; give `workers`"
                " too, or leave it out: in memory every distinct threshold of a pair is tried"
            )

    def _of_other_types(self) -> Iterator[str]:
        """Values of another type, with the one to give."""
        for field, given in {"models": self.models, "signals": self.signals}.items():
            if isinstance(given, str):
                names = f"({given!r:.80},)"
                yield f"`{field}` is one text, {given!r:.80}; give a tuple of names: {names}"
            elif given is not None and not isinstance(given, Iterable):
                yield f"`{field}` is {given!r:.80}; give a tuple of names"
        if self.pair is not None and (isinstance(self.pair, str) or len(self.pair) != 2):
            yield f"`pair` is {self.pair!r:.80}; give a tuple of the weak and the strong model"
        if not isinstance(self.bounds, Bounds):
            name = "bounds"  # of which no command has an option
            yield (
                f"`{name}` is {self.bounds!r:.80}; give Bounds of routelab.tuning, such as"
                " Bounds(max_usd_per_1k=2.0)"
            )
        yield from demand.misfits(self.certify)

    def _out_of_range(self) -> Iterator[str]:
        """Values that cannot be."""
        if self.trials < 1:
            yield f"`trials` is {self.trials}; at least 1 is needed"
        if self.sampler not in SAMPLERS:
            yield f"`sampler` {self.sampler}: choose {' or '.join(SAMPLERS)}"
        if not 1 <= self.processes <= MOST_PROCESSES:
            yield f"`processes` is {self.processes}; it must lie in [1, {MOST_PROCESSES}]"
        if self.recipe_trials < 0:
            yield f"`recipe_trials` is {self.recipe_trials}; it must be 0 or more"
        if self.budget_s is not None and not 0 < self.budget_s < math.inf:
            yield f"`budget_s` is {self.budget_s}; it must be positive"
        if self.point not in POINTS:
            yield f"`point` {self.point}: choose {', '.join(POINTS)}"
        if not 0 <= self.seed < 2**32:
            yield f"`seed` is {self.seed}; it must lie in [0, 4294967296)"
        if self.levels is not None and self.levels < 2:
            yield f"`levels` is {self.levels}; at least 2 are needed"
        if self.policy not in TUNERS.kinds:
            unknown = TUNERS.unknown(self.policy)
            if isinstance(unknown, UnnamedPackageError):
                yield str(unknown)
            else:
                yield f"`policy` {self.policy!r} is unknown; choose {', '.join(TUNERS.kinds)}"
        if self.reads not in READS:
            yield f"`reads` {self.reads!r} is unknown; choose {', '.join(READS)}"
        if self.split not in (None, "column", "time", "random"):
            yield f"`split` is {self.split!r:.80}; choose column, time or random"
        if self.by is not None and self.by not in BY:
            yield f"`by` {self.by!r} is unknown; choose {', '.join(BY)}"

    def _without_use(self) -> Iterator[str]:
        """Options that would change nothing, so that whoever gave them expects something else."""
        if self.point != POINTS[0] and self.bounds.name_a_point:
            yield (
                "`point` is for studies without a bound on cost or mean quality, which says what is"
                f" exported; leave `point={self.point!r}` out, or the bound"
            )
        if self.policy != AUTO and self.budget_s not in (None, BUDGET_S):
            yield (
                f"`budget_s` is for the comparison of kinds, and `policy={self.policy!r}` is one;"
                " leave it out, or tune with `policy='auto'`"
            )
        if self.fresh and self.storage is None:
            yield "`fresh=True` forgets what `storage` keeps; give `storage` too"
        if self.policy not in (AUTO, CASCADE, CONDITIONAL):
            there = {"storage": self.storage is not None, "processes": self.processes > 1}
            for field in (field for field, given in there.items() if given):
                yield (
                    f"`{field}` is for the trials of a search, and `policy={self.policy!r}` makes"
                    " none; leave it out, or search with `policy='cascade'` or 'auto'"
                )
        if not self.account and self.pair is not None:
            yield "`pair` is of the account that `account=False` leaves out; give one of them"
        if not self.learns:
            there = {
                "recipe_trials": self.recipe_trials > 0,
                "pair": self.pair is not None,
                "account=False": not self.account,
                "reads": self.reads != DEFAULT_READS,
            }
            for field in (field for field, given in there.items() if given):
                yield (
                    f"`{field}` is for scorers, and `policy={self.policy!r}` learns none; leave it"
                    " out, or tune with `policy='auto'`"
                )

    @property
    def by_default(self) -> bool:
        """Whether what is exported is no user's wish: the least cost at enough quality."""
        return not self.bounds.name_a_point and self.point == POINTS[0]

    @property
    def learns(self) -> bool:
        """Whether kinds with scorers are searched."""
        return self.policy not in (TASK_MEAN, CASCADE, CONDITIONAL)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds to search for all requests alike, the simplest first."""
        if self.policy == AUTO:
            return (TASK_MEAN, CASCADE, *LEARNED)
        return (CASCADE,) if self.policy == CONDITIONAL else (self.policy,)

    @property
    def parts_by(self) -> By | None:
        """Column whose values may get policies of their own, where the log has it."""
        return self.by or ("task" if self.policy in (AUTO, CONDITIONAL) else None)
