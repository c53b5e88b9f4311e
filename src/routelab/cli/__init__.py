"""The `routelab` command; needs the `lab` extra, or `serve`, and says so where it is missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_OF_THE_GATEWAY = ("batch", "key", "redeliver", "serve")
"""Commands that need the `serve` extra alone."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors that a user can mend go to standard error with status 2."""
    from routelab.cli.flags import with_flags
    from routelab.cli.streams import finished, printable
    from routelab.core.messages import how_to_install
    from routelab.errors import RouteError, RoutelabError

    printable()
    words = list(sys.argv[1:] if arguments is None else arguments)
    extra = "serve" if words and words[0] in _OF_THE_GATEWAY else "lab"
    try:
        if extra == "serve":
            from routelab.cli.gateway_app import app
        else:
            from routelab.cli.app import app
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("routelab"):
            raise
        sys.stderr.write(
            f"the routelab command needs {error.name}, which the {extra} extra brings:\n"
            f"    {how_to_install(extra)}\n"
            "A policy can be checked without it: python -m routelab.policy_file POLICY --verify\n"
        )
        return 2
    try:
        app(words, prog_name="routelab")
    except SystemExit as stop:
        return finished(int(stop.code or 0))
    except RoutelabError as error:
        told = error.detail if isinstance(error, RouteError) else str(error)  # who runs it operates
        sys.stderr.write(f"error: {with_flags(told)}\n")
        return finished(2)
    return finished(0)
