"""Test a path of policies, or one policy, on requests that nothing was chosen on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec import structs

from routelab.core import Policy
from routelab.policy_file import Certificate, CertifiedBound, LaterCheck
from routelab.replay import ComparisonSet
from routelab.stats import bentkus, clt, fixed_sequence
from routelab.tuning.certify import wording
from routelab.tuning.certify.bets import Bets
from routelab.tuning.certify.ceiling import Ceiling, Source
from routelab.tuning.certify.demand import CertificateDemand
from routelab.tuning.certify.evidence import Claim, Evidence, requests_needed
from routelab.tuning.certify.path import path
from routelab.tuning.objectives import FrontPoint, OperatingPoint


@dataclass(frozen=True, eq=False)
class Certifier:
    """A path of policies, fixed on tune and tested on the calibrate part.

    Attributes:
        demands: bounds to prove, together.
        delta: chance of a wrong certificate, in (0, 0.5].
        tune, calibrate: rows that the path was chosen on, and those it was tested on.
        group: what requests are drawn together by, in words.
        points: the path, safest first.
        passed: how many of its first points passed; 0 where nothing is certified.
        ceiling_usd: what no request can cost more than, by the user; None where nobody named one.
    """

    demands: Sequence[CertificateDemand]
    delta: float
    tune: Evidence
    calibrate: Evidence
    group: str
    points: Sequence[FrontPoint]
    passed: int
    ceiling_usd: float | None = None

    @classmethod
    def along(
        cls,
        pool: Sequence[FrontPoint],
        demands: Sequence[CertificateDemand],
        delta: float,
        tune: Evidence,
        calibrate: Evidence,
        group: str,
        *,
        ceiling_usd: float | None = None,
    ) -> Certifier:
        """Fix the path on tune, and test it until a point fails.

        Args:
            pool: points to choose among.
            demands: bounds to prove, together.
            delta: chance of a wrong certificate.
            tune: rows that the path is chosen on.
            calibrate: rows that it is tested on, and nothing was chosen on.
            group: what requests are drawn together by, in words.
            ceiling_usd: what no request can cost more than, by the user; default what token limits
                and prices say, else twice the dearest on tune.
        Raises:
            TuningError: no point keeps the bounds on tune.
        Source: Angelopoulos, Bates, Candès, Jordan & Lei 2021, "Learn then Test"
            (fixed-sequence testing).
        """
        points = path(pool, demands, delta, tune, ceiling_usd)

        # Lazily, each at the full delta: the order was fixed before, and testing ends at the first
        # failure, so that a wrong pass needs the first untrue point to pass.
        def p_values() -> Iterator[float]:
            for point in points:
                ceiling = _ceiling(demands, point.policy, tune, ceiling_usd)
                claims = _claims(calibrate, demands, point.policy, _usd(ceiling), tune)
                yield max(claim.p_value(delta) for claim in claims)

        passed = fixed_sequence(p_values(), delta)
        return cls(demands, delta, tune, calibrate, group, points, passed, ceiling_usd)

    def exported(self, chosen: Sequence[OperatingPoint]) -> list[OperatingPoint]:
        """Operating points with the certified one first; unchanged if none passed.

        Args:
            chosen: operating points of the study, the exported one first.
        """
        if not self.passed:
            return list(chosen)
        last = self.points[self.passed - 1]
        rest = [it for it in chosen if it.point.policy != last.policy]
        return [OperatingPoint("certified", wording.rule(self.demands), last), *rest]

    def certificate(self, policy: Policy, test: ComparisonSet) -> Certificate:
        """What was proved of the exported policy, and how it fares on test.

        Args:
            policy: the last point that passed; the exported one where none did.
            test: rows on which every certified figure is estimated again.
        """
        ceiling = _ceiling(self.demands, policy, self.tune, self.ceiling_usd)
        certificate = prove(
            policy,
            self.demands,
            self.delta,
            self.calibrate,
            group=self.group,
            ceiling_usd=_usd(ceiling),
            ceiling_from=None if ceiling is None else ceiling.source,
            later=Evidence(test, len(test.log)),  # every request counts
            earlier=self.tune,
        )
        # `prove` tested this policy by itself. The path is what counts: where its first point
        # failed, no later one is certified, whatever its own p-value.
        safest = self.points[0].policy
        ceiling = _ceiling(self.demands, safest, self.tune, self.ceiling_usd)
        claims = self.calibrate.claims(self.demands, safest, _usd(ceiling))
        certificate = structs.replace(
            certificate,
            holds=self.passed > 0,
            path=len(self.points),
            passed=self.passed,
            safest_needed=None if self.passed else requests_needed(claims, self.delta).rows,
        )
        return structs.replace(certificate, text=wording.sentence(certificate))


# Long: most of it says what each figure is.
def prove(
    policy: Policy,
    demands: Sequence[CertificateDemand],
    delta: float,
    on: Evidence,
    *,
    group: str,
    ceiling_usd: float | None = None,
    ceiling_from: Source | None = None,
    later: Evidence | None = None,
    bets: Bets | None = None,
    earlier: Evidence | None = None,
) -> Certificate:
    """Test one policy: all bounds together hold if each one's p-value is delta or less.

    Args:
        policy: to test, chosen without a look at these rows.
        demands: bounds to prove, together.
        delta: chance of a wrong certificate, in (0, 0.5].
        on: rows to test on.
        group: what requests are drawn together by, in words.
        ceiling_usd: what no request is assumed to cost more than, known before; needed to
            bound a cost.
        ceiling_from: how it is known; default the user named it.
        later: rows to check drift on; None for none.
        bets: what bets on earlier groups came to; None where these are the first.
        earlier: rows that say besides whether neighbours in time are alike; None for none.
    Source: Berger 1982, "Multiparameter hypothesis testing and acceptance sampling" (together).
    """
    # No share of delta for each claim: "all hold" is wrong only if one claim is untrue, and that
    # one passes with chance delta at most (intersection-union).
    claims = _claims(on, demands, policy, ceiling_usd, earlier)
    if bets is not None:
        claims = [claim._replace(**bets.of(claim)) for claim in claims]
    after = [] if later is None else later.claims(demands, policy)
    known = None if ceiling_usd is None else Ceiling(ceiling_usd, ceiling_from or "named")
    goals = tuple(
        _goal(
            [claim for claim in claims if claim.demand is demand],
            [claim for claim in after if claim.demand is demand],
            delta,
            known if demand.goal == "cost" else None,
            len(after),
        )
        for demand in demands
    )
    holds = all(goal.p_value <= delta for goal in goals)
    needed = None if holds else requests_needed(claims, delta)
    certificate = Certificate(
        holds=holds,
        delta=delta,
        text="",
        goals=goals,
        method=on.method,
        part=on.comparison.part,
        group=group,
        n_requests=on.n_requests(demands),
        n_groups=len(on.sizes),
        largest_group=on.largest,
        n_left_out=on.n_left_out,
        path=1,
        passed=int(holds),
        requests_needed=None if needed is None else needed.rows,
        needed_at_least=None if needed is None else needed.low,
        needed_at_most=None if needed is None else needed.high,
        assumptions=tuple(wording.assumptions(on, group, goals)),
        n_groups_before=max(claim.start.groups for claim in claims),
    )
    return structs.replace(certificate, text=wording.sentence(certificate))


def _claims(
    on: Evidence,
    demands: Sequence[CertificateDemand],
    policy: Policy,
    ceiling_usd: float | None,
    earlier: Evidence | None,
) -> list[Claim]:
    """What must hold, with what earlier rows say of neighbours in time."""
    claims = on.claims(demands, policy, ceiling_usd)
    if earlier is None:
        return claims
    before = earlier.claims(demands, policy)
    return [it._replace(alike_before=was.alike) for it, was in zip(claims, before, strict=True)]


def _ceiling(
    demands: Sequence[CertificateDemand],
    policy: Policy,
    tune: Evidence,
    named_usd: float | None = None,
) -> Ceiling | None:
    """What no request is assumed to cost more than; None where no cost is bounded."""
    bounded = any(demand.goal == "cost" for demand in demands)
    return tune.ceiling(policy, named_usd) if bounded else None


def _usd(ceiling: Ceiling | None) -> float | None:
    return None if ceiling is None else ceiling.usd


def _goal(
    claims: Sequence[Claim],
    after: Sequence[Claim],
    delta: float,
    ceiling: Ceiling | None,
    checks: int,
) -> CertifiedBound:
    """The result for one demand, by its hardest claim.

    Args:
        claims: of the demand; after: the same on test.
        delta: chance of a wrong certificate.
        ceiling: of the cost of a request; None where no cost is bounded.
        checks: how many claims of all demands are looked at on test.
    """
    p_values = [claim.p_value(delta) for claim in claims]
    # Many claims may have the same p-value, of 1 above all; the mean then says which is hardest.
    hardest = max(
        range(len(claims)), key=lambda at: (p_values[at], claims[at].sample.estimate.mean)
    )
    claim, demand = claims[hardest], claims[hardest].demand
    sign = -1.0 if demand.goal == "quality" else 1.0
    needed = None if p_values[hardest] <= delta else requests_needed(claims, delta)
    return CertifiedBound(
        goal=demand.goal,
        bound=demand.bound,
        reference=demand.reference,
        against=claim.model,
        p_value=p_values[hardest],
        estimate=sign * claim.sample.estimate.mean,
        limit=sign * max(it.limit(delta) for it in claims),
        # No certificate rests on these two. The first is valid and much weaker: where the bet
        # reaches 94 % of the oracle's saving (4,000 requests, delta .1) it certifies nothing. The
        # second promises nothing at a finite number of requests.
        p_hoeffding_bentkus=max(bentkus.p_value(it.sample, it.bound) for it in claims),
        p_clt_asymptotic=max(clt.p_value(it.sample, it.bound) for it in claims),
        ceiling_usd=_usd(ceiling),
        ceiling_from=None if ceiling is None else ceiling.source,
        refuted=claim.refuted,
        requests_needed=None if needed is None else needed.rows,
        needed_at_least=None if needed is None else needed.low,
        needed_at_most=None if needed is None else needed.high,
        later=_later(claims, hardest, after, sign, checks) if after else None,
        unit=demand.unit,
        alike=max(it.alike for it in claims),
    )


def _later(
    claims: Sequence[Claim], hardest: int, after: Sequence[Claim], sign: float, checks: int
) -> LaterCheck:
    """The figure on test: the regret to the model that is best there, drift to the same one.

    Its lower end is that of all claims together. The largest of several means is too large by
    chance alone, and to find any of them beyond its bound there are as many chances as claims.
    """
    # Drift is between figures of one model; the best model on test may be another one.
    worst = max(after, key=lambda it: it.sample.estimate.mean)
    moved = clt.difference(claims[hardest].sample, after[hardest].sample)
    mean = worst.sample.estimate.mean
    low = max(it.sample.estimate.mean - clt.half_width(it.sample, checks) for it in after)
    high = max(it.sample.estimate.mean + clt.half_width(it.sample) for it in after)
    return LaterCheck(
        n_requests=worst.requests or int(worst.sample.sizes.sum()),
        estimate=sign * mean,
        interval=_ordered(sign * low, sign * high),
        drift=sign * moved.value,
        drift_ci=_ordered(sign * moved.interval[0], sign * moved.interval[1]),
        drift_p=moved.p_value,
    )


def _ordered(one: float, other: float) -> tuple[float, float]:
    return min(one, other), max(one, other)
