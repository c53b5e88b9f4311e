"""Measure the tables of `results.md` and `choosing-a-policy.md` again.

`python docs/results.py [FOLDER OF THE LOGS]`. Studies of kinds that learn take minutes each; with
`ROUTELAB_STUDIES=FOLDER` what a command printed is kept there, and a measurement that was cut
short goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from routelab.cli import main

PAGE = Path(__file__).with_name("results.md")
CHOOSING = PAGE.with_name("choosing-a-policy.md")
BESIDE = PAGE.parents[2] / "shared" / "data"
MARKS = ("<!-- measured -->\n", "<!-- end of what is measured -->")
LEAD_MARKS = ("<!-- leads -->\n", "<!-- end of leads -->")
LEAD_HEADS = (
    "log", "test requests", "exported kind", "gain, points", "verdict", "best baseline",
    "ahead of it, points", "CPU s",
)  # fmt: skip
HEADS = ("row", "log", "asked for", "test requests", "exported", "gain, points", "verdict")

MOST = 5
"""Models, or tasks, that are named."""

GYM = "llama-3.3-70b-instruct,llama-4-maverick,claude-sonnet-4"


class Row(NamedTuple):
    """A log, what is asked of it, and the options that ask it."""

    log: str
    asked: str
    options: str = ""
    folder: str = "data"

    @property
    def command(self) -> str:
        log = f"routelab tune {self.folder}/{self.log}.parquet --seed 0"
        return " ".join(part for part in (log, self.options, self.kind, QUIET) if part)

    @property
    def kind(self) -> str:
        """Plain cascades, and the knee where no bound is given, but where kinds are compared."""
        if self.learns:
            return ""
        return "--policy cascade" if "--min" in self.options else "--policy cascade --point knee"

    @property
    def learns(self) -> bool:
        """Whether it takes minutes."""
        return "--budget" in self.options


QUIET = "--no-tracking --no-report --json"
ROWS = (
    Row(
        "reasoning_gym_easy",
        "95 % of best, signal paid for",
        f"--models {GYM} --signal confidence:3 --min-quality-share 0.95",
    ),
    Row(
        "reasoning_gym_easy",
        "95 % of best, signal free",
        f"--models {GYM} --signal confidence:1 --min-quality-share 0.95",
    ),
    Row(
        "reasoning_gym_easy",
        "knee, signal paid for",
        "--signal confidence:3",
    ),
    Row("routellm_gsm8k_mmlu", "knee"),
    Row("routellm_gsm8k_mmlu", "98 % of best", "--min-quality-share 0.98"),
    Row("mmlu_pro", "knee"),
    Row("mmlu_pro", "98 % of best", "--min-quality-share 0.98"),
    Row("routerbench_365", "knee"),
    Row("routerbench_365", "98 % of best", "--min-quality-share 0.98"),
    Row("routerbench_365", "all kinds, knee", "--budget inf --point knee"),
    Row(
        "reasoning_gym_easy",
        "all kinds, knee, signal paid for",
        f"--models {GYM} --signal confidence:3 --budget inf --point knee",
    ),
    Row("routellm_gsm8k_mmlu", "all kinds, knee", "--budget inf --point knee"),
)
AUTO = (
    Row("sample", "all kinds, knee", "--budget inf --point knee", "datasets"),
    *(row for row in ROWS if "--budget" in row.options),
)
"""Studies that compare kinds, for `choosing-a-policy.md`."""
LEADS = (
    Row("routellm_mtbench", "no more", "--budget inf"),
    Row("routerbench_365", "no more", "--budget inf"),
    Row("routellm_gsm8k_mmlu", "no more", "--budget inf"),
    Row("reasoning_gym_easy", "no more", "--signal confidence:3 --budget inf"),
    Row("mmlu_pro", "no more", "--budget inf"),
)
"""Every log with costs, asked for nothing but time; by how much it leads the best baseline."""


def measured(rows: tuple[Row, ...], logs: Path) -> str:
    """The table and its commands, as they belong between the marks of the page."""
    table = [HEADS, ["---"] * len(HEADS)]
    table += [[str(at), *cells(row, logs)] for at, row in enumerate(rows, 1)]
    lines = ["| " + " | ".join(line) + " |" for line in table]
    commands = [f"{row.command}    # row {at}" for at, row in enumerate(rows, 1)]
    return "\n".join(["", *lines, "", "```console", *commands, "```", ""])


def cells(row: Row, logs: Path) -> list[str]:
    """One row, measured."""
    found = run(row, logs)
    test = found["test"]
    gain, low, high = (points(it) for it in (test["gain_vs_zero_router"], *test["gain_ci"]))
    return [
        f"`{row.log}`",
        row.asked,
        f"{test['n_requests']:,}",
        told(found["operating_points"][0]["policy"]),
        f"{gain} [{low}, {high}]",
        f"**{found['verdict']}**",
    ]


def led(rows: Iterable[Row], logs: Path) -> str:
    """What is exported of each log, beside the best baseline at its cost, and the commands."""
    listed = [*rows]
    table = [LEAD_HEADS, ["---"] * len(LEAD_HEADS), *(_led(row, logs) for row in listed)]
    lines = ["| " + " | ".join(line) + " |" for line in table]
    commands = [row.command for row in listed]
    return "\n".join(["", *lines, "", "```console", *commands, "```", ""])


def _led(row: Row, logs: Path) -> list[str]:
    found = run(row, logs)
    test, lead = found["test"], found["lead"]
    gain, low, high = (points(it) for it in (test["gain_vs_zero_router"], *test["gain_ci"]))
    ahead, least, most = (points(it) for it in (lead["quality_gain"], *lead["quality_gain_ci"]))
    return [
        f"`{row.log}`",
        f"{test['n_requests']:,}",
        f"`{found['kind']}`",
        f"{gain} [{low}, {high}]",
        f"**{found['verdict']}**",
        f"`{lead['baseline']}`",
        f"{ahead} [{least}, {most}]",
        f"{found['cpu_s']:.0f}",
    ]


def run(row: Row, logs: Path) -> Mapping[str, Any]:
    """What the row's command prints, or printed when it was last kept."""
    words = shlex.split(row.command)[1:]
    there = logs if row.folder == "data" else PAGE.parents[1] / row.folder
    words[1] = str((there / f"{row.log}.parquet").resolve())
    kept = _kept(row)
    if kept is not None and kept.exists():
        return _read(kept.read_text(encoding="utf-8"))
    out, start = io.StringIO(), time.process_time()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out):
        status = main([*words, "--out", str(Path(folder) / f"{row.log}.policy")])
    if status:
        sys.exit(f"{row.command}: status {status}")
    found = {**_read(out.getvalue()), "cpu_s": time.process_time() - start}
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found), encoding="utf-8")
    return found


def _kept(row: Row) -> Path | None:
    """Where what a command prints is kept, if anywhere."""
    folder = os.environ.get("ROUTELAB_STUDIES")
    key = hashlib.sha256(row.command.encode()).hexdigest()[:16]
    return None if folder is None else Path(folder) / f"{row.log}-{key}.json"


def _read(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(text)
    return found


def told(policy: Mapping[str, Any]) -> str:
    """A policy in a few words."""
    return "; ".join(parts(policy))


def parts(policy: Mapping[str, Any]) -> Iterator[str]:
    """Its models in the order they are asked; of a mixture, both sides with their shares."""
    inside = [value for value in policy.values() if isinstance(value, Mapping)]
    if "rules" in policy:
        for rule in policy["rules"]:
            for column, values in rule["when"].items():
                many = f"{len(values)} {column}s"
                named = ", ".join(values) if len(values) <= MOST else many
                yield f"{named}: {told(rule['policy'])}"
        yield f"else {told(policy['otherwise'])}"
    elif inside:
        shares = (policy["weight"], 1 - policy["weight"])
        for share, it in zip(shares, inside, strict=True):
            yield f"{share:.0%} {told(it)}"
    else:
        models = policy["models"] if "models" in policy else [policy["model"]]
        named = " > ".join(f"`{name}`" for name in models)
        yield f"{policy['kind']} {named if len(models) <= MOST else f'over {len(models)} models'}"


def points(quality: float) -> str:
    """A difference in quality, in points of 1/100."""
    return f"{100 * quality:+.2f}".replace("-", "\N{MINUS SIGN}")


def between(page: str) -> str:
    """What stands between the marks of a page."""
    return page.split(MARKS[0])[1].split(MARKS[1])[0]


def compared(rows: Iterable[Row], logs: Path) -> str:
    """For each study of several kinds how they did, and what learning was worth."""
    return "\n".join(["", *(line for row in rows for line in _compared(row, logs)), ""])


def _compared(row: Row, logs: Path) -> Iterator[str]:
    found = run(row, logs)
    won, test = found["kind"], found["test"]
    gain, low, high = (points(it) for it in (test["gain_vs_zero_router"], *test["gain_ci"]))
    yield from (
        f"**`{row.log}`, {row.asked}**: *{found['verdict']}*. Exported is `{won}`, which gains"
        f" {gain} points [{low}, {high}] on {test['n_requests']:,} test requests."
        f" {_learned(found)}",
        "",
        f"| kind, simplest first | AIQ | `{won}` gains more, points |",
        "| --- | ---: | ---: |",
    )
    for it in found["kinds"]:
        behind = "" if it["gain_behind"] is None else points(it["gain_behind"])
        if it["gain_behind_ci"] is not None:
            behind += " [{}, {}]".format(*map(points, it["gain_behind_ci"]))
        held_out = it["aiq_held_out"]
        yield f"| `{it['kind']}` | {'' if held_out is None else f'{held_out:.4f}'} | {behind} |"
    yield from ("", "```console", row.command, "```", "")


def _learned(found: Mapping[str, Any]) -> str:
    """What the classifier knows, in the report's own sentence, and its figures."""
    account = found["account"]
    if account is None:
        return ""
    named = {"apgr": "APGR", "apgr_test": "on test", "cpt50": "CPT 50 %", "cpt80": "CPT 80 %"}
    told = [
        f"{label} {found[key]:.3f} [{found[f'{key}_ci'][0]:.3f}, {found[f'{key}_ci'][1]:.3f}]"
        for key, label in named.items()
        if found[key] is not None and found[f"{key}_ci"] is not None
    ]
    return " ".join([account["statement"], *([f"{', '.join(told)}."] if told else [])])


def replaced(page: Path, fresh: str, marks: tuple[str, str] = MARKS) -> None:
    """Put what was measured between the marks of a page."""
    text = page.read_text(encoding="utf-8")
    whole = marks[0] + fresh + "\n" + marks[1]
    pattern = f"{marks[0]}.*?{marks[1]}"
    page.write_text(re.sub(pattern, lambda _: whole, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    given = Path((sys.argv[1:] or [os.environ.get("ROUTELAB_DATA") or BESIDE])[0])
    replaced(PAGE, measured(ROWS, given))
    replaced(PAGE, led(LEADS, given), LEAD_MARKS)
    replaced(CHOOSING, compared(AUTO, given))
