"""The first screen of a study: the verdict, the figures that matter, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table

from routelab.cli.flags import with_flags
from routelab.cli.output import tables
from routelab.core import Policy
from routelab.policy_file import seconds_text
from routelab.replay import ZERO_ROUTER, Baseline, Figures
from routelab.tuning import Study, Verdict
from routelab.tuning.objectives import on_bounds
from routelab.tuning.partitions import PartitionedStudy

WIDTH = 100
"""Columns that a first screen takes at most."""

_NAME = 26
"""Letters of a name in a table of figures."""

_STEPS = 6
"""Steps of a policy that are shown."""


def first_screen(
    found: Study | PartitionedStudy,
    policy: Path,
    kept: Path,
    report: Path | None = None,
    *,
    also: Sequence[RenderableType] = (),
    searched: str = "",
    proved: str = "",
) -> RenderableType:
    """What a reader must know, in one screen; tables of everything are for `--verbose`.

    Args:
        policy, kept: directories of the policy and of its study.
        report: page that was written.
        also: what was asked for besides, such as a certificate.
        searched: a line on the search.
        proved: a line on parity with production.
    """
    report_line = [] if report is None else [f"report: {report}"]
    places = [f"policy: {policy}", f"study:  {kept}", *report_line, *proved.splitlines()]
    return Group(
        Constrain(
            Group(
                _verdict(found.verdict),
                _figures(found),
                _indented(_conditions(found, searched), ""),
            ),
            WIDTH,
        ),
        *also,
        Constrain(
            Group(
                f"\nhow it routes:\n{_routes(found.policy)}",
                "\nnext:",
                _indented(_next(found, policy, report), ""),
                tables.escaped("\n".join(["", *places])),
            ),
            WIDTH,
        ),
    )


def middle_cut(name: str, letters: int = _NAME) -> str:
    """A name in at most so many letters: what is cut is its middle, for both ends tell names apart.

    Args:
        name: any.
        letters: 3 or more.
    """
    if len(name) <= letters:
        return name
    tail = (letters - 1) // 2
    return f"{name[: letters - 1 - tail]}…{name[len(name) - tail :]}"


def _verdict(judged: Verdict) -> RenderableType:
    return Group(tables.verdict_line(judged), _indented(map(with_flags, judged.reasons), "-"))


def _indented(lines: Iterable[str], mark: str) -> RenderableType:
    """Lines, each wrapped under itself."""
    made = Table.grid(padding=(0, 1, 0, 0))
    made.add_column(width=3 if mark else 2, no_wrap=True)
    made.add_column(overflow="fold")
    for line in lines:
        made.add_row(f"  {mark}", tables.escaped(line))
    return made


def _figures(found: Study | PartitionedStudy) -> RenderableType:
    """The exported policy, what else lies on its front, and what needs no tuning."""
    heads = ["", "quality", "USD per 1,000", "gain, points"]
    bounds = [on_bounds(it) for it in found.judged]
    if any(bounds):
        heads.append("bounds")
    made = tables.table(
        f"On {found.figures.n_requests:,} test requests, with 95 % intervals", heads
    )
    for index, (point, figures) in enumerate(zip(found.points, found.tested, strict=True)):
        name = middle_cut(f"{point.name} (exported)" if index == 0 else point.name)
        gain = tables.with_interval(figures.gain_vs_zero_router, figures.gain_ci, "+.1f", 100)
        made.add_row(tables.escaped(name), *_pair(figures), gain, bounds[index])
    for name, words in _beside(found.figures):
        it = next(it for it in found.figures.baselines if it.name == name)
        made.add_row(tables.escaped(middle_cut(words)), *_pair(it), "")
    return made


def _pair(it: Figures | Baseline) -> tuple[str, str]:
    return (
        tables.with_interval(it.quality, it.quality_ci, ".3f"),
        tables.with_interval(it.usd_per_1k, it.usd_per_1k_ci, ".3f"),
    )


def _beside(figures: Figures) -> Iterator[tuple[str, str]]:
    """Baselines of the first screen, with what they are called there: each where it is known."""
    fixed = [it for it in figures.baselines if it.name.startswith("fixed:")]
    if fixed:
        best = max(fixed, key=lambda it: it.quality)
        yield best.name, f"best model, {best.name.removeprefix('fixed:')}"
    router = figures.best_router
    for name, words in ((ZERO_ROUTER, "zero router"), (router and router.name, "best untuned")):
        if any(it.name == name for it in figures.baselines):
            yield str(name), words if words == "zero router" else f"{words}, {name}"


def _conditions(found: Study | PartitionedStudy, searched: str) -> Iterator[str]:
    """What else the exported policy comes to, and what the figures hold for."""
    yield (
        f"exported: 95% of answers within {seconds_text(found.figures.latency_p95_s)};"
        f" {found.figures.escalation_rate:.1%} of requests are escalated past the first answer"
    )
    yield "gain: quality above the zero router, the best mix of single models at the same cost"
    if found.figures.cost_condition:
        yield f"interval of USD: {found.figures.cost_condition}"
    yield tables.parts_line(found)
    yield from (it.strip() for it in tables.unbound(found))
    if isinstance(found, Study) and len(found.rivals) > 1:
        yield f"exported: {found.kind}, of {len(found.rivals)} kinds that were compared"
    yield from searched.splitlines()


def _routes(policy: Policy) -> str:
    """Its first steps; all of a long policy are for `inspect`."""
    steps = policy.explained
    shown = [f"  {at}. {step}" for at, step in enumerate(steps[:_STEPS], 1)]
    if more := len(steps) - _STEPS:
        shown += [f"  … and {more} more: routelab inspect shows all"] if more > 0 else []
    return tables.escaped("\n".join(shown))


def _next(found: Study | PartitionedStudy, policy: Path, report: Path | None) -> Iterator[str]:
    """What to do about this verdict."""
    judged = found.verdict
    if judged.word == "ship":
        yield f"serve it: routelab serve {policy} --catalogue models.toml"
    elif judged.word == "not proven" and judged.requests_to_settle:
        yield "log more requests: the reasons say how many would settle it"
    elif judged.word == "not proven":
        yield "mend what the first reason names: no number of requests would settle it"
    elif judged.word == "do not route":
        yield "keep to the model that the first reason names, or log other signals"
    if report is not None:
        yield f"look: {report} draws the front, and lets you move the thresholds"
    yield "read: the same command with --verbose prints every baseline, kind and interval"
