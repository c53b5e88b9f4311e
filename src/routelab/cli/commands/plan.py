"""`routelab plan`: how much exploration, and for how long, until a decision can be made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from routelab.cli.arguments import LogOption, Packages, PolicyPath
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_log_for
from routelab.cli.options import CompleteLogOptions, Json, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy
from routelab.errors import LogError
from routelab.policy_file import PolicyFile
from routelab.whatif import (
    ExplorationPlan,
    PlannedExploration,
    PlanOptions,
    PolicyToValue,
    plan_exploration,
)


# Long: its options need many words.
# Many arguments: each is an option.
@grouped
def plan(
    policy: PolicyPath,
    log: LogOption,
    how: CompleteLogOptions,
    current: Annotated[
        Path,
        typer.Option("--current", metavar="POLICY", help="The policy that serves now."),
    ],
    better_by: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS",
            help="Decide whether quality is better by more than this; below 0 for no worse than."
            " Default 0.",
        ),
    ] = None,
    saving: Annotated[
        float | None,
        typer.Option(
            metavar="USD",
            help="Decide whether 1,000 requests cost less by more than this, instead.",
        ),
    ] = None,
    effect: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="Take it that POLICY is better by this, in the same unit; default what LOG says.",
        ),
    ] = None,
    power: Annotated[float, typer.Option(help="Chance that the decision falls.")] = 0.8,
    per_day: Annotated[
        float | None,
        typer.Option(metavar="REQUESTS", help="Traffic of a day; default the pace of LOG."),
    ] = None,
    days: Annotated[
        float | None, typer.Option(metavar="DAYS", help="Days that there are; default any number.")
    ] = None,
    epsilon: Annotated[
        list[float] | None,
        typer.Option(
            help="Share of exploration to try. Repeatable; default .02, .05, .1 and .2.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all draws.")] = 0,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Plan how much exploration, and how long, until POLICY is shown to be better than another.

    LOG is complete: every model answered, as in an audit. Live traffic is simulated on it: the
    current policy decides with exploration on, all but its calls is hidden, and POLICY is valued
    from that as `value` would. The power of a plan holds if the effect is as large as planned for;
    the range of requests says how well LOG knows that. Exits 1 if nothing will do.

    Example: `routelab plan new.policy --current now.policy --log audit.parquet --better-by 1`
    """
    loaded, serving = load_policy(policy, package), load_policy(current, package)
    options = _options(better_by, saving, effect, power, per_day, days, epsilon, seed)
    opened = read_log_for([loaded, serving], log, how)
    found = plan_exploration(opened, _to_value(serving), _to_value(loaded), options)
    for note in found.notes:
        tell(f"note: {note}")
    if json:
        print_json(found)
    else:
        tables.show(*_tables(found, opened.name, days))
    if found.best is None:
        raise typer.Exit(1)


def _options(
    better_by: float | None,
    saving: float | None,
    effect: float | None,
    power: float,
    per_day: float | None,
    days: float | None,
    epsilon: list[float] | None,
    seed: int,
) -> PlanOptions:
    if better_by is not None and saving is not None:
        raise LogError("give one of --better-by and --saving: a plan is for one decision")
    unit = 100.0 if saving is None else 1000.0
    usual = PlanOptions()
    return PlanOptions(
        question="quality" if saving is None else "saving",
        margin=(saving if saving is not None else better_by or 0.0) / unit,
        power=power,
        effect=None if effect is None else effect / unit,
        per_day=per_day,
        days=days,
        epsilons=tuple(epsilon) if epsilon else usual.epsilons,
        seed=seed,
    )


def _to_value(loaded: PolicyFile) -> PolicyToValue:
    return PolicyToValue(loaded.name, loaded.policy, loaded.scoring, loaded.document.catalogue)


def _tables(found: ExplorationPlan, log: str, days: float | None) -> Iterator[RenderableType]:
    unit, scale = ("points", 100.0) if found.question == "quality" else ("USD per 1,000", 1000.0)
    heads = ("epsilon", "requests", "80 times of 100", "power", "days", "extra USD",
             "quality meanwhile, points")  # fmt: skip
    made = tables.table(
        f"Until {found.candidate} is shown to be better than {found.current} by more than"
        f" {scale * found.margin:g} {unit}",
        heads,
    )
    for it in found.options:
        made.add_row(*_row(it))
    yield made
    low, high = (scale * it for it in found.effect_ci)
    told = f"on {log} it is {scale * found.effect:+.2f} {unit} ({low:+.2f} to {high:+.2f})"
    yield tables.escaped(
        f"   {told}" if low < high else f"   taken to be {scale * found.effect:+.2f} {unit}"
    )
    if found.best is None:
        yield tables.escaped(f"   nothing will do: {found.reason}")
    else:
        why = "the soonest" if days is None else f"the least that is done in {days:g} days"
        yield tables.escaped(f"   take epsilon {found.best:g}: {why}")


def _row(it: PlannedExploration) -> tuple[str, ...]:
    if it.requests is None:
        return (f"{it.epsilon:g}", "refused" if it.refusal else "no number", *[""] * 5)
    low, high = (None if end is None else f"{end:,}" for end in it.likely)
    return (
        f"{it.epsilon:g}",
        f"{it.requests:,}",
        f"{low} or more" if high is None else f"{low} to {high}",
        f"{it.power:.2f} ± {it.power_error:.2f}",
        "" if it.days is None else f"{it.days:.1f}",
        "" if it.extra_usd is None else f"{it.extra_usd:+.2f}",
        f"{100 * it.extra_quality:+z.2f}",
    )
