"""Groups of commands whose help ends with an example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand
from typer.models import CommandFunctionType

EXAMPLE = "\nExample:"
"""What begins the last paragraph of a command's docstring."""


class Command(TyperCommand):
    """A command that shows the example of its docstring below its options."""

    def __init__(self, *arguments: Any, **given: Any) -> None:
        super().__init__(*arguments, **given)
        meaning, example, call = (self.help or "").partition(EXAMPLE)
        if example and not self.epilog:
            self.help = meaning.strip()
            self.epilog = f"{example}{call}".strip()


class Commands(typer.Typer):
    """Typer, with examples last."""

    def command(
        self, name: str | None = None, **given: Any
    ) -> Callable[[CommandFunctionType], CommandFunctionType]:
        """As Typer does it."""
        return super().command(name, **{"cls": Command, **given})
