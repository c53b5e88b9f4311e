"""`routelab report`: a policy as a page to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from routelab.cli.arguments import Packages, Part, PolicyPath
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_log_for
from routelab.cli.options import CompleteLogOptions, Json, grouped
from routelab.cli.output import report_path, write_report
from routelab.cli.policy_input import load_policy
from routelab.errors import RoutelabError
from routelab.logs import Log
from routelab.policy_file import PolicyFile

OptionalLog = Annotated[
    Path | None,
    typer.Option(
        "--log",
        metavar="LOG",
        help="Log to replay where the study is not beside POLICY; not needed where it is.",
    ),
]


@grouped
def report(
    policy: PolicyPath,
    how: CompleteLogOptions,
    log: OptionalLog = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE.html", help="Where it goes; default reports/NAME.html."
        ),
    ] = None,
    split: Part = "test",
    package: Packages = None,
    json: Json = False,
) -> None:
    """Write POLICY's report: one HTML file that needs no other, and the same as Markdown.

    It is drawn from the study beside POLICY; where that is missing, or LOG is another log,
    LOG is replayed, and the report says what it lacks. A log that POLICY was not tuned on
    is replayed whole, with `--split all`.

    Example: `routelab report gym.policy --log log.parquet`
    """
    loaded = load_policy(policy, package)
    target = report_path(loaded.name, out)
    opened = (
        None
        if log is None
        else read_log_for([loaded], log, how, loaded.document.catalogue, scored=True)
    )
    data, source = _data(loaded, opened, split, how.allow_missing)
    missing = list(data.get("missing") or ())
    for text in missing:
        tell(f"note: {text}")
    write_report(data, target)
    twin = target.with_suffix(".md")
    if json:
        places = {"html": str(target), "markdown": str(twin), "source": source, "missing": missing}
        print_json({**places, "verdict": data.get("verdict")})
    else:
        typer.echo(f"report: {target}\ntext:   {twin}")


def _data(
    policy: PolicyFile, log: Log | None, part: str, allow_missing: bool
) -> tuple[Mapping[str, Any], str]:
    """The data of the report, and whether they are the study's or replayed."""
    from routelab.reports import broken_down, replayed, same_log, stored

    study = stored(policy)
    if study is not None and part == "test":
        if log is None:
            return study, "study"
        if same_log(study, log):
            return broken_down(study, policy, log, allow_missing=allow_missing), "study"
    if log is None:
        raise RoutelabError(
            f"{policy.path}: {'' if study else 'the study of this policy is not beside it; '}"
            f"give --log LOG to replay {'that part' if study else 'it'}"
        )
    return replayed(policy, log, part, allow_missing=allow_missing), "replay"
