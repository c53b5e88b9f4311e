"""Write `reference.md` from the commands themselves: `python docs/reference.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import typer

from routelab.cli.app import app

PAGE = Path(__file__).with_name("reference.md")
OPENING = """# Commands

Made from the commands themselves by `python docs/reference.py`. What a command prints for people
goes to standard output, all notes to standard error; with `--json` standard output holds JSON
alone, where NaN is null. Status 0 is success, whatever the verdict, and 2 a mistake that you can
mend, explained in a sentence.
"""
EXAMPLE = re.compile(r"Example: `([^`]+)`")


class Command(NamedTuple):
    """A command and the words that call it."""

    words: str
    help: str
    parameters: tuple[Any, ...]

    @property
    def example(self) -> str:
        """Empty where the help has none."""
        found = EXAMPLE.search(self.help)
        return found[1] if found else ""

    @property
    def meaning(self) -> str:
        """The help without its example."""
        return "\n".join(line.strip() for line in EXAMPLE.sub("", self.help).split("\n")).strip()


def commands(group: Any = None, words: str = "routelab") -> Iterator[Command]:
    """Every command, those in groups too, as they are listed in the help."""
    group = group or typer.main.get_command(app)
    for name, it in group.commands.items():
        if hasattr(it, "commands"):
            yield from commands(it, f"{words} {name}")
        else:
            shown = tuple(each for each in it.params if not getattr(each, "hidden", False))
            text = f"{it.help or ''}\n\n{it.epilog or ''}"
            yield Command(f"{words} {name}", text, shown)


def undocumented(command: Command) -> list[str]:
    """What a command fails to say, in words."""
    missing = [
        f"{command.words}: {name(each)} has no help text"
        for each in command.parameters
        if not each.help
    ]
    if not command.meaning:
        missing.append(f"{command.words}: no help text")
    if not command.example:
        missing.append(f"{command.words}: no line `Example: ...` in its help")
    return missing


def page() -> str:
    """The whole reference."""
    return "\n".join([OPENING, *map(_chapter, commands())])


def name(parameter: Any) -> str:
    """How a parameter is written on the command line."""
    long = max(parameter.opts, key=len)
    metavar: str = parameter.metavar or ""
    if not long.startswith("--"):
        return metavar or long.upper()
    return f"{long} {metavar}".strip() if takes_value(parameter) else str(long)


def takes_value(parameter: Any) -> bool:
    """Whether something must follow the option."""
    return not getattr(parameter, "is_flag", False)


def _chapter(command: Command) -> str:
    rows = [
        f"| {_code(name(it))} | {_cell(it.help or '')} | {_default(it)} |"
        for it in command.parameters
    ]
    table = ["| argument or option | meaning | default |", "|---|---|---|", *rows, ""]
    example = ["```console", command.example, "```", ""] if command.example else []
    return "\n".join([f"## {command.words}", "", command.meaning, "", *example, *table])


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    silent = parameter.default is None or parameter.default == "" or not takes_value(parameter)
    return "" if silent else f"`{parameter.default}`"


def _code(text: str) -> str:
    """Code in a table, where a bar would end the cell."""
    return f"<code>{escape(text).replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "&#124;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
