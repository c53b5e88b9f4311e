"""Bounds that a policy must keep, and bounds that a certificate is to prove."""

from __future__ import annotations

from typing import Annotated

import typer

from routelab.cli import option_parsing
from routelab.cli.options.groups import group
from routelab.tuning import Bounds
from routelab.tuning.certify import CertificateDemand, parse


@group("Bounds")
class BoundOptions:
    """Bounds on cost, quality, latency and on what groups may lose, which a policy must keep.

    Attributes:
        max_usd_per_1k: USD per 1,000 requests.
        min_quality, min_quality_share: in [0, 1], and as a share of the best model's quality.
        max_p95_s: seconds.
        floor: texts "COLUMN=LOSS", the loss in units of quality.
        point: name of the operating point to export where none of the first three is given.
    """

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
    point: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What to export where no bound says so: least-cost (at 98 % of the best model's"
            " quality), most-quality (at the best model's cost) or knee (where more money begins"
            " to buy less).",
        ),
    ] = "least-cost"

    @property
    def bounds(self) -> Bounds:
        """The bounds as the library takes them.

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
    """Bounds to certify, all together.

    Attributes:
        certify: texts "GOAL=BOUND"; see `routelab.tuning.certify`.
        delta: chance of a wrong certificate.
        cost_ceiling_usd: what no request can cost more than; None where nobody knows.
    """

    certify: Annotated[
        list[str] | None,
        typer.Option(
            "--certify",
            metavar="GOAL=BOUND",
            help="Bound to prove on the calibrate part: regret=0.02 (to the best model),"
            " regret=0.02:MODEL, cost=USD (per 1,000 requests) or quality=Q; with /group behind the"
            " number as a mean over groups. Repeatable; all hold together.",
        ),
    ] = None
    delta: Annotated[
        float, typer.Option("--delta", help="Chance of a wrong certificate that is accepted.")
    ] = 0.1
    cost_ceiling_usd: Annotated[
        float | None,
        typer.Option(
            "--cost-ceiling-usd",
            help="What no request can cost more than; default token limits times prices, else"
            " twice the dearest on tune, as an assumption that is named.",
        ),
    ] = None

    @property
    def demands(self) -> tuple[CertificateDemand, ...]:
        """The bounds as the library takes them.

        Raises:
            TuningError: texts of another form, all of them named.
        """
        return parse(self.certify or ())
