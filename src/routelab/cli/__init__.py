"""The `routelab` command; needs the `lab` extra and says so where it is missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors that a user can mend go to standard error with status 2."""
    from routelab.cli.flags import with_flags
    from routelab.cli.streams import finished, printable
    from routelab.core.messages import how_to_install
    from routelab.errors import RouteError, RoutelabError

    printable()
    try:
        from routelab.cli.app import app
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("routelab"):
            raise
        sys.stderr.write(
            f"the routelab command needs {error.name}, which the lab extra brings:\n"
            f"    {how_to_install('lab')}\n"
            "A policy can be checked without it: python -m routelab.policy_file POLICY --verify\n"
        )
        return 2
    try:
        app(list(sys.argv[1:] if arguments is None else arguments), prog_name="routelab")
    except SystemExit as stop:
        return finished(int(stop.code or 0))
    except RoutelabError as error:
        told = error.detail if isinstance(error, RouteError) else str(error)  # who runs it operates
        sys.stderr.write(f"error: {with_flags(told)}\n")
        return finished(2)
    return finished(0)
