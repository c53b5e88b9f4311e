"""Options of a study: candidates, kinds of policy, search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import typer

from routelab.cli.arguments import CatalogueOption, Packages, names_in, signal_option
from routelab.cli.options.groups import group
from routelab.cli.options.log import Executor, Levels, Signals
from routelab.core import SignalSpec
from routelab.core.conversation import DEFAULT_READS
from routelab.errors import RoutelabError


@group("Candidates")
class CandidateOptions:
    """Candidate models and confidence signals, and the catalogue of the models.

    Attributes:
        models: names with commas between; None for all with a cost.
        signal: texts "NAME", "NAME:MULTIPLIER", the multiplier of a call's cost, or
            "NAME:knowable"; None for those of the sidecar.
        catalogue: file of models and deployments; None takes the log's.
    """

    models: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Candidate models, a name with a comma in double quotes; default all with a cost."
            " In a sheet with a row per request these are its columns of grades.",
        ),
    ] = None
    signal: Signals = None
    catalogue: CatalogueOption = None

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the candidate models; None for all with a cost."""
        return names_in("--models", self.models) or None

    def signals(self) -> Mapping[str, SignalSpec]:
        """The signals by name; empty for those of the sidecar.

        Raises:
            RoutelabError: a multiplier is below 1, or a signal is named twice with others.
        """
        found: dict[str, SignalSpec] = {}
        for name, spec in map(signal_option, self.signal or ()):
            if found.setdefault(name, spec) != spec:
                raise RoutelabError(f"--signal {name}: is given twice, in two ways; keep one")
        return found


@group("Kind of policy")
class KindOptions:
    """Kinds of policy to search, and what is reported of what was learned.

    Attributes:
        policy: kind to search.
        budget: seconds that a comparison of kinds may take; infinite for all that is needed.
        package: packages that bring kinds, and whose code may run.
        by: column whose values may get policies of their own; None for the kind's default.
        recipe_trials: recipes of scorers that are compared on train; 0 takes the default one.
        pair: weak and strong model for APGR and CPT, with a comma between.
        reads: which of a request's messages scorers and policies look at.
        no_account: leave out how well quality can be learned on the log.
    """

    policy: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Kind of policy: auto compares those that the budget has room for; or one of"
            " task-mean (a model for each task), cascade, conditional (a policy for each task),"
            " tiers, neighbors, utility, gain-cascade, cascade-routing, or of a --package.",
        ),
    ] = "auto"
    budget: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="What the comparison of kinds may take. What is tried follows from it and from"
            " the size of the log; inf tries every kind.",
        ),
    ] = 60.0
    package: Packages = None
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Tune a policy for each task, tenant or priority too, and compare. Values with"
            " few requests follow the policy for all. Default task for conditional and auto.",
        ),
    ] = None
    recipe_trials: Annotated[
        int,
        typer.Option(
            help="Ways to make scorers that are compared on train, the default first; 20 lower the"
            " error on new requests of the embedded log by 2 % (python -m benchmarks recipes)."
        ),
    ] = 0
    pair: Annotated[
        str | None,
        typer.Option(
            metavar="WEAK,STRONG", help="Models for APGR and CPT; default cheapest and best."
        ),
    ] = None
    reads: Annotated[
        str,
        typer.Option(
            metavar="WHICH",
            help="Messages of a request that scorers and policies look at, here and in production:"
            " last_turn (of the user), user_turns or conversation; with +system, system text too.",
        ),
    ] = DEFAULT_READS
    no_account: Annotated[
        bool,
        typer.Option(
            "--no-account",
            help="Leave out how well quality can be learned on the log (APGR, CPT, tasks never"
            " seen): up to three quarters of the time of a kind that learns, and no part of its"
            " policy.",
        ),
    ] = False


@group("Search")
class SearchOptions:
    """Split, seeds and randomised search of a study.

    Attributes:
        seed: of splits, search, resamples and draws.
        seeds: under how many the study is tuned.
        group: what a split keeps together.
        split: "column", "time" or "random", how the log is cut; None takes a column that says so,
            else times, where it can.
        no_returning: leave out requests of groups that began in an earlier part.
        trials: of the randomised search.
        sampler: "nsga2" or "tpe".
        storage: file or database URL that keeps the trials.
        fresh: forget the trials kept there under this name.
        processes: that share the trials.
    """

    seed: Annotated[int, typer.Option(help="Of splits, search, resamples and draws.")] = 0
    seeds: Annotated[
        int,
        typer.Option(
            help="Tune again with so many seeds in all, and show how far the results spread; the"
            " exported policy is that of --seed."
        ),
    ] = 1
    group: Annotated[
        str | None,
        typer.Option(help="Keep together in a split: group, prompt, task or id."),
    ] = None
    split: Annotated[
        Literal["column", "time", "random"] | None,
        typer.Option(
            help="How LOG is cut into parts; default as a column `split` says, else by time where"
            " every request has one."
        ),
    ] = None
    no_returning: Annotated[
        bool,
        typer.Option(
            "--no-returning",
            help="In a cut by time, leave out every request of a user, conversation or prompt that"
            " an earlier part has; figures are then those of newcomers.",
        ),
    ] = False
    trials: Annotated[int, typer.Option(help="Of the randomised search.")] = 400
    sampler: Annotated[
        str, typer.Option(metavar="NAME", help="Of the randomised search: nsga2 or tpe.")
    ] = "nsga2"
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Keep the trials, so that a killed study goes on; optuna-dashboard shows them.",
        ),
    ] = None
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the trials kept there under this name.")
    ] = False
    processes: Annotated[int, typer.Option(help="That share the trials.")] = 1


@group("Large logs")
class BatchOptions:
    """Reading of a log in batches.

    Attributes:
        executor: "threads", "processes" or the address of a Dask cluster; None reads into memory.
        levels: thresholds tried for each model; None takes the defaults.
    """

    executor: Executor = None
    levels: Levels = None
