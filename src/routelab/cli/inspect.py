"""`routelab inspect`: what a policy directory holds."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.markdown import Markdown

from routelab.cli import tables
from routelab.cli.common import Json, PolicyPath, print_json, tell
from routelab.policy_file import load
from routelab.policy_file.card import card


def inspect(
    policy: PolicyPath,
    verify: Annotated[
        bool, typer.Option("--verify", help="Run the golden decisions; status 2 if one differs.")
    ] = False,
    json: Json = False,
) -> None:
    """Show a policy: what it does, what it is worth, what it was made from.

    Example: `routelab inspect gym.policy --verify`
    """
    loaded = load(policy)
    problems = loaded.verify() if verify else []
    margins = [item.margin for item in loaded.golden if item.margin is not None]
    checked = {
        "n": len(loaded.golden),
        "equal": len(loaded.golden) - len(problems),
        "smallest_margin": min(margins, default=None),
        "problems": problems,
    }
    if json:
        document = msgspec.to_builtins(loaded.document)
        print_json({"digest": loaded.digest, "verify": checked if verify else None, **document})
    else:
        tables.show(Markdown(card(loaded.document)), f"digest: {loaded.digest}")
        if verify:
            tables.show(f"golden decisions: {checked['equal']}/{checked['n']} equal")
    for problem in problems:
        tell(f"error: {problem}")
    if problems:
        raise typer.Exit(2)
