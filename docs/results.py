"""Measure the table of `results.md` again: `python docs/results.py [FOLDER OF THE LOGS]`."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from routelab.cli import main

PAGE = Path(__file__).with_name("results.md")
BESIDE = PAGE.parents[2] / "shared" / "data"
MARKS = ("<!-- measured -->\n", "<!-- end of what is measured -->")
HEADS = ("row", "log", "asked for", "test requests", "exported", "gain, points", "verdict")

GYM = "llama-3.3-70b-instruct,llama-4-maverick,claude-sonnet-4"


class Row(NamedTuple):
    """A log, what is asked of it, and the options that ask it."""

    log: str
    asked: str
    options: str = ""

    @property
    def command(self) -> str:
        return " ".join(
            part
            for part in (f"routelab tune data/{self.log}.parquet --seed 0", self.options, QUIET)
            if part
        )


QUIET = "--no-tracking --no-report --json"
ROWS = (
    Row(
        "reasoning_gym_easy",
        "98 % of best, signal paid for",
        f"--models {GYM} --signal confidence:3 --min-quality-share 0.98",
    ),
    Row(
        "reasoning_gym_easy",
        "98 % of best, signal free",
        f"--models {GYM} --signal confidence:1 --min-quality-share 0.98",
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
)


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


def run(row: Row, logs: Path) -> Mapping[str, Any]:
    """What the row's command prints."""
    words = shlex.split(row.command)[1:]
    words[1] = str((logs / f"{row.log}.parquet").resolve())
    out = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out):
        status = main([*words, "--out", str(Path(folder) / f"{row.log}.policy")])
    if status:
        sys.exit(f"{row.command}: status {status}")
    found: Mapping[str, Any] = json.loads(out.getvalue())
    return found


def told(policy: Mapping[str, Any]) -> str:
    """A policy in a few words."""
    return "; ".join(parts(policy))


def parts(policy: Mapping[str, Any]) -> Iterator[str]:
    """Its models in the order they are asked; of a mixture, both sides with their shares."""
    inside = [value for value in policy.values() if isinstance(value, Mapping)]
    if inside:
        shares = (policy["weight"], 1 - policy["weight"])
        for share, it in zip(shares, inside, strict=True):
            yield f"{share:.0%} {told(it)}"
    else:
        models = policy["models"] if "models" in policy else [policy["model"]]
        yield f"{policy['kind']} " + " > ".join(f"`{name}`" for name in models)


def points(quality: float) -> str:
    """A difference in quality, in points of 1/100."""
    return f"{100 * quality:+.2f}".replace("-", "\N{MINUS SIGN}")


def between(page: str) -> str:
    """What stands between the marks of a page."""
    return page.split(MARKS[0])[1].split(MARKS[1])[0]


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ROUTELAB_DATA")
    text = PAGE.read_text(encoding="utf-8")
    fresh = MARKS[0] + measured(ROWS, Path(given or BESIDE)) + "\n" + MARKS[1]
    PAGE.write_text(
        re.sub(f"{MARKS[0]}.*?{MARKS[1]}", lambda _: fresh, text, flags=re.DOTALL),
        encoding="utf-8",
    )
