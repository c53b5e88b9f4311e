"""The same study under other seeds: how much of what it found was luck of the cut or search."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import structs

from routelab.core.catalogue import Catalogue
from routelab.errors import TuningError
from routelab.logs.model import Log
from routelab.tuning.options import Options
from routelab.tuning.study.seed_spread import SeedRange, SeedRun, SeedSpread
from routelab.tuning.study.study import Study, tune

if TYPE_CHECKING:
    from routelab.tuning.scores import ScoredLog

MOST = 100
"""Seeds of one study, at most."""


def spread_over_seeds(
    first: Study,
    log: Log | ScoredLog,
    options: Options,
    seeds: int,
    *,
    catalogue: Catalogue | None = None,
    notify: Callable[[str], None] | None = None,
) -> SeedSpread:
    """Tune again under the seeds after the first study's own.

    How well quality can be learned on the log is judged by the first study alone.

    Args:
        first: the study of the first seed.
        log: that it was tuned on.
        options: of the first study. Trials of the others are not stored.
        seeds: how many in all, the first included.
        catalogue: as for the first study.
        notify: called with a sentence on each seed about to be tried.
    """
    runs = [_run(first)]
    for seed in range(options.seed + 1, options.seed + seeds):
        if notify is not None:
            notify(f"seed {seed}: {seed - options.seed + 1} of {seeds}")
        other = structs.replace(
            options, seed=seed, storage=None, fresh=False, pair=None, account=not options.learns
        )
        try:
            runs.append(_run(tune(log, other, catalogue=catalogue)))
        except TuningError as error:
            nothing = (math.nan, math.nan)
            runs.append(
                SeedRun(seed, None, math.nan, nothing, math.nan, math.nan, (), None, str(error))
            )
    return _spread(first.split.rule == "time", runs)


def check_seeds(seeds: int, options: Options) -> None:
    """Refuse a number of seeds out of range, or one that would leave the range of `seed`.

    Args:
        seeds: how many; 1 to 100.
        options: of the first study, with its own seed.
    Raises:
        TuningError: it is.
    """
    if not 1 <= seeds <= MOST:
        raise TuningError(f"`seeds` is {seeds}; it must lie in [1, {MOST}]")
    if seeds > 1 and options.seed < 2**32 < options.seed + seeds:
        raise TuningError(
            f"`seeds` is {seeds}: the seeds after `seed` {options.seed} must stay below"
            f" {2**32}; give a smaller `seed`"
        )


def _run(study: Study) -> SeedRun:
    test = study.figures
    return SeedRun(
        study.options.seed,
        study.verdict.word,
        test.gain_vs_zero_router,
        test.gain_ci,
        test.quality,
        test.usd_per_1k,
        study.policy.models_used,
        None if study.certificate is None else study.certificate.holds,
    )


def _spread(same_split: bool, runs: Sequence[SeedRun]) -> SeedSpread:
    whole = [run for run in runs if run.problem is None]
    return SeedSpread(
        same_split,
        tuple(runs),
        _counted(run.verdict or "no policy" for run in runs),
        _counted(" > ".join(run.models) for run in whole),
        _range([run.gain for run in whole]),
        _range([run.quality for run in whole]),
        _range([run.usd_per_1k for run in whole]),
    )


def _counted(names: Iterator[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return dict(sorted(found.items(), key=lambda it: (-it[1], it[0])))


def _range(values: Sequence[float]) -> SeedRange:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return SeedRange(min(values), statistics.median(values), max(values), deviation)
