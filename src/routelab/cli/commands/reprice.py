"""`routelab reprice`: a policy in a world with other prices, models or latencies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import RenderableType

from routelab.cli.arguments import LogOption, Packages, Part, PolicyPath
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_log
from routelab.cli.options import Json, OldLogOptions, WorldOptions, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy
from routelab.core.messages import bracketed
from routelab.replay import differs
from routelab.whatif import Escalation, Repriced, Retuned
from routelab.whatif import reprice as run

SHOWN = 20
"""Points of the new front in the table; `--json` has all."""


@grouped
def reprice(
    policy: PolicyPath,
    log: LogOption,
    changed: WorldOptions,
    how: OldLogOptions,
    split: Part = "test",
    retune: Annotated[
        bool, typer.Option("--retune/--no-retune", help="Repeat the study in the new world.")
    ] = True,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Show POLICY in another world: its figures, the new front, and how dear models may become.

    Repeats the study on the changed log, says on test whether the policy is still the right
    one, and gives the break-even price of every escalation: the price of the next model at
    which asking it stops being worth what the policy pays elsewhere.

    Example: `routelab reprice gym.policy --log log.parquet --price claude-sonnet-4=2`
    """
    loaded = load_policy(policy, package)
    known = loaded.document
    world = changed.world(known.candidates)
    opened = read_log(log, how.reading, known.signals, known.catalogue, known.candidates)
    if warned := differs(known, opened):
        tell(f"warning: {warned}")
    found = run(
        loaded,
        opened,
        world,
        part=split,
        retune=retune,
        allow_missing=how.allow_missing,
        notify=tell,
    )
    for note in found.notes:
        tell(f"note: {note}")
    if json:
        print_json(found)
    else:
        tables.show(*_tables(found, opened.name))


def _tables(it: Repriced, log: str) -> Iterator[RenderableType]:
    if it.changes:
        yield tables.escaped("\n".join(("", "The new world", *(f"  {one}" for one in it.changes))))
    rows = [("before", it.before), ("after", it.after)]
    if it.retuned is not None:
        rows.append(("retuned", it.retuned.figures))
    n = f"{it.after.n_requests:,} {it.part} requests"
    yield tables.policies(rows, f"{it.after.policy} on {n} of {log}")
    if it.verdict is not None:
        yield "\nThe policy as it is, in the new world"
        yield tables.verdict(it.verdict)
    if it.escalations:
        yield _escalations(it)
    if it.retuned is not None:
        yield _front(it.retuned)
        yield f"\n{_word(it.retuned)}"


def _escalations(it: Repriced) -> RenderableType:
    heads = ("from", "to", "requests", "gained, points", "USD per 1,000", "may cost, times")
    table = tables.table("Escalations, and how dear the next model may become", heads)
    for one in it.escalations:
        table.add_row(
            tables.escaped(one.model),
            tables.escaped(one.next_model),
            f"{one.n_requests:,} ({one.share:.1%})",
            f"{100 * one.quality:+z.1f}",
            f"{1000 * (one.usd_next + one.usd_other):.3f}",
            _break_even(one),
        )
    per_point = (
        ""
        if not it.quality_per_usd
        else (
            f" (a point of quality on 1,000 requests for {10 / it.quality_per_usd:.4g} USD or less)"
        )
    )
    table.caption = tables.escaped(
        f"worth it while a dollar buys {it.quality_per_usd:.4g} of quality{per_point}: what the"
        " policy's own last dollar bought on tune"
    )
    table.caption_justify = "left"
    return table


def _break_even(it: Escalation) -> str:
    if it.break_even is None or it.break_even_ci is None:
        return "anything"
    if it.break_even <= 0:
        return "nothing"
    return tables.with_interval(it.break_even, it.break_even_ci, ".2f")


def _front(it: Retuned) -> RenderableType:
    step = max(1, -(-len(it.front) // SHOWN))
    shown = it.front[::step]
    more = f", {len(shown)} of {len(it.front)} points" if step > 1 else ""
    table = tables.table(
        f"The new front on tune{more}", ("USD per 1,000", "quality", "kind", "models")
    )
    for one in shown:
        wire = one["policy"]
        models = wire.get("models") or [wire.get("model", "")]
        table.add_row(
            f"{one['usd_per_1k']:.4g}",
            f"{one['quality']:.4f}",
            tables.escaped(str(wire["kind"])),
            tables.escaped(" > ".join(map(str, models))),
        )
    return table


def _word(it: Retuned) -> str:
    gain = f"{100 * it.gain:+z.2f} points {bracketed(it.gain_ci, '+.2f', 100)}"
    return tables.escaped(
        {
            "retune": f"retune: tuned again, the study gains {gain} more than the policy",
            "keep": f"keep: tuned again, the study gains {gain} more, too little to matter",
            "open": f"open: tuned again, the study gains {gain} more, which does not settle it",
        }[it.word]
    )
