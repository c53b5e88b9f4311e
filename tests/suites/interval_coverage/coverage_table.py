"""How often intervals hold the truth and verdicts are right, world by world, as a table.

`make intervals` prints it: fixed policies, or with `--whole` studies by `tune` with a small
search; further options count what else such studies say. What was drawn is kept in a file, a line
a log, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from fixed_policy_worlds import WORLDS
from scipy.stats import binomtest
from world_certificates import CERTIFIED, certificates
from world_figures import (
    CONDITION,
    CROSSED,
    FIGURES,
    PLAIN_SHIP,
    REFUSED,
    SHIP,
    fixed_policy,
    whole_study,
)
from world_studies import BOUNDED, PROVED, TRIED, bounded, oracle_saving, share_saved, ten_tries

CERTIFICATES = "certificates"
BOUNDS, TRIES, SAVING = "bounds", "tries", "saving"
RATES = {
    "fixed": (SHIP, PLAIN_SHIP),
    "whole": ("wrong ship", "wrong do not route", SHIP, CROSSED),
    CERTIFICATES: CERTIFIED,
    BOUNDS: (*BOUNDED, REFUSED),
    TRIES: (*TRIED, REFUSED),
    SAVING: PROVED,
}
"""By mode, how often something was said, of all logs."""

_ORDER = {name: at for at, name in enumerate(WORLDS)}

Judged = Mapping[str, bool | float]
"""By figure, whether its interval holds the truth; by verdict, whether it was given; and sums."""

MODES: dict[str, Callable[[str, int, int], Mapping[str, bool] | Mapping[str, bool | float]]] = {
    "fixed": fixed_policy,
    "whole": whole_study,
    CERTIFICATES: certificates,
    BOUNDS: bounded,
    TRIES: ten_tries,
    SAVING: oracle_saving,
}


def run(
    mode: str, names: Sequence[str], sizes: Sequence[int], times: int | None, kept: Path
) -> None:
    """Draw what the file lacks, and add it line by line; half a line at its end is dropped.

    Args:
        times: logs of each; None takes 500 at 1,000 requests and 150 at other sizes.
    """
    whole_lines = list(lines(kept))
    done = {(it["mode"], it["world"], it["n"], it["seed"]) for it in whole_lines}
    kept.write_text("".join(json.dumps(it) + "\n" for it in whole_lines), encoding="utf-8")
    with kept.open("a", encoding="utf-8") as file:
        for name in names:
            for n in sizes:
                for seed in range(times or (500 if n == 1000 else 150)):
                    if (mode, name, n, seed) in done:
                        continue
                    judged = MODES[mode](name, n, seed)
                    held = {k: it if type(it) is float else bool(it) for k, it in judged.items()}
                    line = {"mode": mode, "world": name, "n": n, "seed": seed, "held": held}
                    file.write(json.dumps(line) + "\n")
                    file.flush()


def lines(kept: Path) -> Iterator[dict[str, object]]:
    if kept.exists():
        with kept.open(encoding="utf-8") as file:
            yield from (json.loads(line) for line in file if line.endswith("\n"))


def table(kept: Path, mode: str) -> str:
    """The rates as Markdown, with 95 % intervals of Clopper & Pearson."""
    rows: dict[tuple[str, int], list[Judged]] = {}
    for it in lines(kept):
        if it["mode"] == mode:
            rows.setdefault((str(it["world"]), int(str(it["n"]))), []).append(it["held"])  # type: ignore[arg-type]
    figures = (*FIGURES, CONDITION, REFUSED) if mode in ("fixed", "whole") else ()
    head = ["world", "n", "logs", *figures, *RATES[mode]]
    head += ["of the oracle's saving"] if mode == SAVING else []
    shown = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for (name, n), found in sorted(rows.items(), key=lambda it: (_ORDER[it[0][0]], it[0][1])):
        start = [name, f"{n:,}", str(len(found))]
        cells = _figures(found) if figures else []
        cells += [_said(found, word) for word in RATES[mode]]
        cells += [share_saved(found)] if mode == SAVING else []
        shown.append(f"| {' | '.join((*start, *cells))} |")
    return "\n".join(shown)


def _said(found: Sequence[Judged], word: str) -> str:
    """How often, of all logs where it could be; refused are those where nothing was judged."""
    if word == REFUSED:
        return f"{np.mean([word in it for it in found]):.2f}"
    return rate([bool(it[word]) for it in found if word in it])


def _figures(found: Sequence[Judged]) -> list[str]:
    judged = [it for it in found if REFUSED not in it]
    cells = [rate([bool(it[figure]) for it in judged if figure in it]) for figure in FIGURES]
    condition = f"{np.mean([it[CONDITION] for it in judged]):.2f}" if judged else "-"
    return [*cells, condition, f"{1 - len(judged) / len(found):.2f}"]


def rate(held: Sequence[bool]) -> str:
    if not held:
        return "-"
    low, high = binomtest(sum(held), len(held)).proportion_ci()
    return f"{np.mean(held):.3f} [{low:.2f}, {high:.2f}]"


@cache
def _parser() -> argparse.ArgumentParser:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--whole", action="store_true", help="studies by tune, not fixed policies")
    asked.add_argument("--certificates", action="store_true", help="of bounds at the truth")
    asked.add_argument("--bounds", action="store_true", help="studies by tune under bounds")
    asked.add_argument("--tries", action="store_true", help="ten useless studies of one test part")
    asked.add_argument("--saving", action="store_true", help="what certificates keep of a saving")
    asked.add_argument("--worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS))
    asked.add_argument("--sizes", nargs="*", type=int, default=[300, 1000, 4000])
    asked.add_argument("--times", type=int)
    asked.add_argument("--kept", type=Path, default=Path("interval_coverage.jsonl"))
    return asked


def main(arguments: Sequence[str]) -> None:
    options = _parser().parse_args(arguments)
    mode = next((it for it in MODES if getattr(options, it, False)), "fixed")
    run(mode, options.worlds, options.sizes, options.times, options.kept)
    print(table(options.kept, mode))  # noqa: T201  (the result)


if __name__ == "__main__":
    main(sys.argv[1:])
