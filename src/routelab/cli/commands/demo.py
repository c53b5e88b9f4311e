"""`routelab demo`: the main job, from the embedded log to a policy proved over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer

from routelab.cli.bundled_files import sample_path
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_log
from routelab.cli.options import OutputOptions, Verbose, grouped
from routelab.cli.output import first_screen, progress, report_note, report_path, reported, tables
from routelab.replay import Figures, NamedPolicy, evaluate
from routelab.replay_server import prove_parity
from routelab.tuning import Options, Study, tune
from routelab.tuning.study import as_json, check_targets, save, study_path


@grouped
def demo(
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="NAME.policy", help="Where the policy goes.")
    ] = Path("demo.policy"),
    seed: Annotated[int, typer.Option(help="Of the study.")] = 0,
    verbose: Verbose = False,
    output: OutputOptions,
) -> None:
    """Tune a cascade on the embedded (synthetic) log, and prove it by routing over HTTP.

    Example: `routelab demo`
    """
    check_targets(out)
    report_to = report_path(out.name.removesuffix(".policy"), output.report)
    path = sample_path()
    log = read_log(path)
    tell(f"log: {path.name}, {len(log)} synthetic requests, {len(log.models)} models")
    options = Options(
        name=out.name.removesuffix(".policy"), seed=seed, policy="cascade", point="knee"
    )
    with progress("searching") as update:
        study = tune(log, options, progress=update)
    written = save(study, out)
    summary = {**as_json(study), "policy_digest": written.digest}
    page = None if output.no_report else reported(summary, report_to)
    halves = _halves(study)
    tell(f"routing {len(study.test.log)} test requests over HTTP to a replay server")
    proved = prove_parity(written, study.test.log)
    if output.json:
        print_json(
            {
                **summary,
                "policy_dir": str(out),
                "halves": msgspec.to_builtins(halves),
                "parity": proved.as_json(),
                "report": None if page is None else str(page),
            }
        )
    elif not verbose:
        tables.show(first_screen(study, out, study_path(out), page, proved=str(proved)))
    else:
        tables.show(
            tables.study(study),
            tables.policies(
                [(it.split, it) for it in halves],
                "The exported policy before and after the drift, each half against its own zero"
                " router:\none that may mix otherwise in each half is harder to beat, so that both"
                " can\ngain less than the whole",
            ),
            "",
            tables.verdict(study.verdict),
            f"policy: {out}\nstudy:  {study_path(out)}\n{proved}{report_note(page)}",
        )
    if not proved.holds:
        raise typer.Exit(1)


def _halves(study: Study) -> list[Figures]:
    """The exported policy before and after the middle of the test period."""
    times = study.test.log.requests.timestamp_s
    assert times is not None
    late = times >= np.median(times)
    parts = [("first half", ~late), ("second half", late)]
    comparisons = [study.test.take(np.flatnonzero(rows), name) for name, rows in parts]
    return [evaluate(it, [NamedPolicy(study.options.name, study.policy)])[0] for it in comparisons]
