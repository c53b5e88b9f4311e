"""The reference of the commands is what the commands say of themselves."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import typer

DOCS = Path(__file__).parents[2] / "docs"
reference = SimpleNamespace(**runpy.run_path(str(DOCS / "reference.py")))


def test_the_page_is_what_the_commands_say():
    written = (DOCS / "reference.md").read_text(encoding="utf-8")
    assert written == reference.page(), "docs/reference.md is stale: python docs/reference.py"


def test_every_command_and_every_option_is_documented():
    found = list(reference.commands())
    assert len(found) > 10
    assert [gap for command in found for gap in reference.undocumented(command)] == []


def test_every_command_and_every_option_is_on_the_page():
    page = reference.page()
    for command in reference.commands():
        assert f"\n## {command.words}\n" in page
        chapter = page.split(f"\n## {command.words}\n")[1].split("\n## ")[0]
        for parameter in command.parameters:
            shown = reference.name(parameter).split()[0]
            assert f"`{shown}" in chapter or f"<code>{shown}" in chapter
        assert command.example in chapter


def test_what_is_not_documented_is_named():
    app = typer.Typer()

    @app.command()
    def silent(what: str, fast: bool = False) -> None: ...

    @app.command()
    def told(what: str = typer.Argument(help="What.")) -> None:
        """Do it.

        Example: `routelab told it`
        """

    bad, good = reference.commands(typer.main.get_command(app))
    gaps = "\n".join(reference.undocumented(bad))
    for gap in ("WHAT has no help", "--fast has no help", "silent: no help", "silent: no line"):
        assert gap in gaps
    assert reference.undocumented(good) == []
