"""`routelab lint`: what corrupts a study, before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import RenderableType
from rich.table import Table

from routelab.cli.arguments import CatalogueOption, Feedback, LogPath, Packages, signal_option
from routelab.cli.console import print_json, tell
from routelab.cli.flags import with_flags
from routelab.cli.log_input import column_pairs, read_any
from routelab.cli.options import Json, LogOptions, Signals, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy, read_catalogue
from routelab.core.catalogue import Catalogue
from routelab.core.messages import counted
from routelab.lint import LintFinding
from routelab.lint import lint as lint_log
from routelab.logs import price_lists

_STYLES = {"error": "bold red", "warning": "bold yellow", "note": ""}


@grouped
def lint(
    log: LogPath,
    how: LogOptions,
    signal: Signals = None,
    catalogue: CatalogueOption = None,
    policy: Annotated[
        list[Path] | None,
        typer.Option(
            "--policy", metavar="POLICY", help="A policy whose choices are looked at. Repeatable."
        ),
    ] = None,
    feedback: Feedback = None,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Find what corrupts a study of LOG: each finding with its rows, its effect and its mend.

    Labels among the signals, usage and costs that cannot be, clocks that disagree, duplicates,
    answers in prompts, refusals graded as wrong, graders that failed or always agree, models that
    are one, wrong propensities, gates that err together. Exits 1 if there is more than notes.

    Example: `routelab lint log.parquet --signal confidence`
    """
    signals = dict(signal_option(text) for text in signal or ())
    known = read_catalogue(catalogue)
    loaded = [load_policy(path, package) for path in policy or ()]
    wanted = {name: spec for it in loaded for name, spec in it.document.signals.items()}
    opened = read_any(log, how, {**wanted, **signals}, known, feedback, graded=False)
    prices = known or _listed(how.prices, opened.models)
    found = lint_log(opened, columns=column_pairs(how), catalogue=prices, policies=loaded)
    if json:
        print_json({"log": opened.name, "findings": [_as_data(it) for it in found]})
    else:
        for note in opened.notes:
            tell(f"note: {note}")
        tables.show(*_parts(opened.name, found))
    if any(it.severity != "note" for it in found):
        raise typer.Exit(1)


def _listed(path: Path | None, models: Sequence[str]) -> Catalogue | None:
    """Prices of a list, which costs of a log are held against."""
    return None if path is None else Catalogue(price_lists.read(path).models(models))


def _as_data(found: LintFinding) -> dict[str, object]:
    data: dict[str, object] = msgspec.to_builtins(found)
    return {**data, "mend": with_flags(found.mend)}


def _parts(name: str, found: tuple[LintFinding, ...]) -> list[RenderableType]:
    if not found:
        return [tables.escaped(f"{name}: nothing found")]
    table = Table(show_lines=True)
    for head in ("what is wrong", "rows", "what it does", "what to do"):
        table.add_column(head, justify="right" if head == "rows" else "left", overflow="fold")
    for it in found:
        table.add_row(
            f"[{_STYLES[it.severity] or 'default'}]{it.severity}[/] {tables.escaped(_where(it))}",
            f"{it.rows:,}" if it.rows else "",
            tables.escaped(it.effect),
            tables.escaped(with_flags(it.mend)),
        )
    counts = Counter(it.severity for it in found)
    said = ", ".join(counted(n, it) for it, n in sorted(counts.items()))
    return [table, tables.escaped(f"{name}: {said}")]


def _where(it: LintFinding) -> str:
    of = f" (requests {', '.join(it.examples)})" if it.examples else ""
    return f"{it.check}: {it.what}{of}"
