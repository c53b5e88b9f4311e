"""Groups of options are options of a command like any others."""

from __future__ import annotations

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from routelab.cli.app import app
from routelab.cli.options import group, grouped
from routelab.cli.typer_groups import Commands


@group("Paint")
class Paint:
    """How it is painted."""

    colour: Annotated[str, typer.Option(help="Of it.")] = "red"
    coats: Annotated[int, typer.Option("--layers", help="Over each other.")] = 2


@group("Fine paint")
class FinePaint(Paint):
    """With what comes last."""

    gloss: Annotated[bool, typer.Option("--gloss", help="Make it shine.")] = False


def shop() -> Commands:
    """A program with one command, which prints what it is called with."""
    app = Commands(rich_markup_mode="markdown")

    @app.command()
    @grouped
    def paint(
        what: Annotated[str, typer.Argument(help="Painted.")],
        how: FinePaint,
        quick: Annotated[bool, typer.Option("--quick", help="Do not wait.")] = False,
    ) -> None:
        """Paint something.

        It takes a day.

        Example: `paint door --colour blue`
        """
        typer.echo(f"{what} {how.colour} {how.coats} {how.gloss} {quick} {type(how).__name__}")

    return app


@pytest.mark.parametrize(
    ("words", "called"),
    [
        (["door"], "door red 2 False False FinePaint"),
        (["door", "--colour", "blue", "--quick"], "door blue 2 False True FinePaint"),
        (["--layers", "3", "door", "--gloss"], "door red 3 True False FinePaint"),
    ],
)
def test_a_command_is_called_with_its_groups_made(words, called):
    assert CliRunner().invoke(shop(), words).stdout.strip() == called


def test_what_is_wrong_with_an_option_of_a_group_is_told_as_ever():
    assert "--layers" in CliRunner().invoke(shop(), ["door", "--layers", "many"]).output
    assert CliRunner().invoke(shop(), ["door", "--coats", "3"]).exit_code == 2


def test_help_has_a_panel_for_each_group_and_the_example_last():
    shown = CliRunner().invoke(shop(), ["--help"], env={"NO_COLOR": "1"}).stdout
    assert shown.index("Paint something") < shown.index("It takes a day") < shown.index("Options")
    panel = shown.split("Fine paint")[1].split("╰")[0]
    assert all(flag in panel for flag in ("--colour", "--layers", "--gloss"))
    assert "--quick" not in panel
    assert shown.strip().split("╯")[-1].strip() == "Example: paint door --colour blue"


def test_two_groups_cannot_have_the_same_option():
    def both(one: Paint, other: FinePaint) -> None: ...

    with pytest.raises(ValueError, match="duplicate parameter name: 'colour'"):
        grouped(both)


def test_groups_are_values():
    with pytest.raises(AttributeError):
        FinePaint(colour="blue").colour = "red"


def test_options_of_the_same_meaning_are_the_same_everywhere():
    found = {}
    for name, command in typer.main.get_command(app).commands.items():
        for option in getattr(command, "params", ()):
            if option.name in ("column", "allow_missing", "json", "no_report", "certify", "delta"):
                said = (option.opts, option.metavar, option.help, option.default)
                assert found.setdefault(option.name, (name, said))[1] == said, name
    assert len(found) == 6
