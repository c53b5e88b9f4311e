"""How far a collection is, what it cost, and how long it may still take: for people and JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from routelab.collect.storage import OUTCOMES, CellTable


class ArmStanding(msgspec.Struct, frozen=True):
    """How far one arm is.

    Attributes:
        model: its name.
        done, left: cells that are over, and that are not.
        outcomes: how many of each that is there.
        spent_usd, unknown_usd: of all runs.
        mean_prompt_tokens, mean_completion_tokens, mean_latency_s: of answers; None before one.
        left_s: seconds until its end, at the pace of this run; None before there is one.
        stopped: why it is left for another run; empty if it is not.
    """

    model: str
    done: int
    left: int
    outcomes: Mapping[str, int]
    spent_usd: float
    unknown_usd: float
    mean_prompt_tokens: float | None
    mean_completion_tokens: float | None
    mean_latency_s: float | None
    left_s: float | None
    stopped: str = ""


class CollectionStanding(msgspec.Struct, frozen=True):
    """How far a collection is.

    Attributes:
        done, left: cells that are over, and that are not.
        spent_usd: of all runs, as far as is known.
        unknown_usd: reserved for what was asked and may be billed, and is not known to be; of
            calls under way too.
        arms: each model.
        stopped: why not all was asked; empty if it was, or is being asked.
    """

    done: int
    left: int
    spent_usd: float
    unknown_usd: float
    arms: tuple[ArmStanding, ...]
    stopped: str = ""


def standing_of(
    table: CellTable,
    arms: Mapping[int, str],
    left: Callable[[int], int],
    before: Mapping[int, int],
    took_s: float,
    arm_stops: Mapping[int, str],
    stopped: str,
) -> CollectionStanding:
    """How far a run is.

    Args:
        table: the state of cells.
        arms: names of those that are asked, by number.
        left: cells of an arm that are not over.
        before: cells that were over when the run began.
        took_s: seconds since then.
        arm_stops: why arms are left for another run.
        stopped: why the run is.
    """
    found = []
    for arm, name in arms.items():
        totals, more = table.totals(arm), left(arm)
        made, n = totals.done - before[arm], totals.calls
        found.append(
            ArmStanding(
                name,
                totals.done,
                more,
                {it: n for it, n in zip(OUTCOMES, totals.outcomes, strict=True) if n},
                totals.spent_usd,
                totals.unknown_usd,
                totals.prompt_tokens / n if n else None,
                totals.completion_tokens / n if n else None,
                totals.latency_s / n if n else None,
                took_s / made * more if made > 0 else None,
                arm_stops.get(arm, ""),
            )
        )
    return CollectionStanding(
        sum(it.done for it in found),
        sum(it.left for it in found),
        table.spent_usd,
        table.unknown_usd,
        tuple(found),
        stopped or "; ".join(f"{arms[arm]}: {why}" for arm, why in arm_stops.items()),
    )
