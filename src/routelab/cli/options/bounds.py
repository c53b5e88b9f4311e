"""What is demanded of a policy, and what is to be proved of it."""

from __future__ import annotations

from typing import Annotated

import typer

from routelab.cli import option_parsing
from routelab.cli.options.groups import group
from routelab.tuning import Bounds
from routelab.tuning.certify import CertificateDemand, parse


@group("Bounds")
class BoundOptions:
    """Limits on what a policy does."""

    max_usd_per_1k: Annotated[
        float | None, typer.Option(help="Export the most quality at this cost or less.")
    ] = None
    min_quality: Annotated[
        float | None, typer.Option(help="Export the least cost at this quality or more.")
    ] = None
    min_quality_share: Annotated[
        float | None, typer.Option(help="The same, as a share of the best model's quality.")
    ] = None
    max_p95_s: Annotated[
        float | None, typer.Option(help="Export nothing with a P95 latency above this.")
    ] = None
    floor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=LOSS",
            help="No task, tenant or priority may lose more quality than this against the best"
            " single model; task=0.02 is two points. Repeatable.",
        ),
    ] = None

    @property
    def bounds(self) -> Bounds:
        """The limits.

        Raises:
            TuningError: a floor is not written as COLUMN=LOSS.
        """
        return Bounds(
            self.max_usd_per_1k,
            self.min_quality,
            self.min_quality_share,
            self.max_p95_s,
            option_parsing.floors(self.floor or ()),
        )


@group("Certificate")
class ProofOptions:
    """Bounds to certify, all together."""

    certify: Annotated[
        list[str] | None,
        typer.Option(
            "--certify",
            metavar="GOAL=BOUND",
            help="Bound to prove on the calibrate part: regret=0.02 (to the best model),"
            " regret=0.02:MODEL, cost=USD (per 1,000 requests) or quality=Q. Repeatable; all hold"
            " together.",
        ),
    ] = None
    delta: Annotated[
        float, typer.Option("--delta", help="Chance of a wrong certificate that is accepted.")
    ] = 0.1

    @property
    def demands(self) -> tuple[CertificateDemand, ...]:
        """The bounds that are given.

        Raises:
            TuningError: naming every text that is none.
        """
        return parse(self.certify or ())
