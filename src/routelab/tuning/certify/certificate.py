"""Test a path of policies, or one policy, on requests that nothing was chosen on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec import structs

from routelab.core import Policy
from routelab.policy_file import Certificate, CertifiedBound, LaterCheck
from routelab.replay import ComparisonSet
from routelab.stats import bentkus, betting, clt, fixed_sequence
from routelab.tuning.certify import wording
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
    """

    demands: Sequence[CertificateDemand]
    delta: float
    tune: Evidence
    calibrate: Evidence
    group: str
    points: Sequence[FrontPoint]
    passed: int

    @classmethod
    def along(
        cls,
        pool: Sequence[FrontPoint],
        demands: Sequence[CertificateDemand],
        delta: float,
        tune: Evidence,
        calibrate: Evidence,
        group: str,
    ) -> Certifier:
        """Fix the path on tune, and test it until a point fails.

        Args:
            pool: points to choose among.
            demands: bounds to prove, together.
            delta: chance of a wrong certificate.
            tune: rows that the path is chosen on.
            calibrate: rows that it is tested on, and nothing was chosen on.
            group: what requests are drawn together by, in words.
        Raises:
            TuningError: no point keeps the bounds on tune.
        Source: Angelopoulos, Bates, Candès, Jordan & Lei 2021, "Learn then Test"
            (fixed-sequence testing).
        """
        points = path(pool, demands, delta, tune)

        # Lazily, each at the full delta: the order was fixed before, and testing ends at the first
        # failure, so that a wrong pass needs the first untrue point to pass.
        def p_values() -> Iterator[float]:
            for point in points:
                ceiling = _ceiling(demands, point.policy, tune)
                claims = calibrate.claims(demands, point.policy, ceiling)
                yield max(claim.p_value(delta) for claim in claims)

        passed = fixed_sequence(p_values(), delta)
        return cls(demands, delta, tune, calibrate, group, points, passed)

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
        certificate = prove(
            policy,
            self.demands,
            self.delta,
            self.calibrate,
            group=self.group,
            ceiling_usd=_ceiling(self.demands, policy, self.tune),
            later=Evidence(test, len(test.log)),  # every request counts
        )
        # `prove` tested this policy by itself. The path is what counts: where its first point
        # failed, no later one is certified, whatever its own p-value.
        safest = self.points[0].policy
        ceiling = _ceiling(self.demands, safest, self.tune)
        claims = self.calibrate.claims(self.demands, safest, ceiling)
        certificate = structs.replace(
            certificate,
            holds=self.passed > 0,
            path=len(self.points),
            passed=self.passed,
            safest_needed=None if self.passed else requests_needed(claims, self.delta),
        )
        return structs.replace(certificate, text=wording.sentence(certificate))


def prove(
    policy: Policy,
    demands: Sequence[CertificateDemand],
    delta: float,
    on: Evidence,
    *,
    group: str,
    ceiling_usd: float | None = None,
    later: Evidence | None = None,
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
        later: rows to check drift on; None for none.
    Source: Berger 1982, "Multiparameter hypothesis testing and acceptance sampling" (together).
    """
    # No share of delta for each claim: "all hold" is wrong only if one claim is untrue, and that
    # one passes with chance delta at most (intersection-union).
    claims = on.claims(demands, policy, ceiling_usd)
    after = [] if later is None else later.claims(demands, policy)
    goals = tuple(
        _goal(
            [claim for claim in claims if claim.demand is demand],
            [claim for claim in after if claim.demand is demand],
            delta,
            ceiling_usd,
        )
        for demand in demands
    )
    holds = all(goal.p_value <= delta for goal in goals)
    certificate = Certificate(
        holds=holds,
        delta=delta,
        text="",
        goals=goals,
        part=on.comparison.part,
        group=group,
        n_requests=int(on.sizes.sum()),
        n_groups=len(on.sizes),
        largest_group=on.largest,
        n_left_out=on.n_left_out,
        path=1,
        passed=int(holds),
        requests_needed=None if holds else requests_needed(claims, delta),
        assumptions=tuple(wording.assumptions(on, group, goals)),
    )
    return structs.replace(certificate, text=wording.sentence(certificate))


def _ceiling(demands: Sequence[CertificateDemand], policy: Policy, tune: Evidence) -> float | None:
    """What no request is assumed to cost more than; None where no cost is bounded."""
    bounded = any(demand.goal == "cost" for demand in demands)
    return tune.ceiling_usd(policy) if bounded else None


def _goal(
    claims: Sequence[Claim], after: Sequence[Claim], delta: float, ceiling_usd: float | None
) -> CertifiedBound:
    """The result for one demand, by its hardest claim."""
    p_values = [claim.p_value(delta) for claim in claims]
    # Many claims may have the same p-value, of 1 above all; the mean then says which is hardest.
    hardest = max(
        range(len(claims)), key=lambda at: (p_values[at], claims[at].sample.estimate.mean)
    )
    claim, demand = claims[hardest], claims[hardest].demand
    sign = -1.0 if demand.goal == "quality" else 1.0
    return CertifiedBound(
        goal=demand.goal,
        bound=demand.bound,
        reference=demand.reference,
        against=claim.model,
        p_value=p_values[hardest],
        estimate=sign * claim.sample.estimate.mean,
        limit=sign * max(betting.upper(it.sample, delta) for it in claims),
        # No certificate rests on these two. The first is valid and much weaker: where the bet
        # reaches 94 % of the oracle's saving (4,000 requests, delta .1) it certifies nothing. The
        # second promises nothing at a finite number of requests.
        p_hoeffding_bentkus=max(bentkus.p_value(it.sample, it.bound) for it in claims),
        p_clt_asymptotic=max(clt.p_value(it.sample, it.bound) for it in claims),
        ceiling_usd=ceiling_usd if demand.goal == "cost" else None,
        refuted=claim.refuted,
        requests_needed=None if p_values[hardest] <= delta else requests_needed(claims, delta),
        later=_later(claims, hardest, after, sign) if after else None,
    )


def _later(
    claims: Sequence[Claim], hardest: int, after: Sequence[Claim], sign: float
) -> LaterCheck:
    """The figure on test: the regret to the model that is best there, drift to the same one."""
    # Drift is between figures of one model; the best model on test may be another one.
    worst = max(after, key=lambda it: it.sample.estimate.mean)
    moved = clt.difference(claims[hardest].sample, after[hardest].sample)
    mean, half = worst.sample.estimate.mean, clt.half_width(worst.sample)
    return LaterCheck(
        n_requests=int(worst.sample.sizes.sum()),
        estimate=sign * mean,
        interval=_ordered(sign * (mean - half), sign * (mean + half)),
        drift=sign * moved.value,
        drift_ci=_ordered(sign * moved.interval[0], sign * moved.interval[1]),
        drift_p=moved.p_value,
    )


def _ordered(one: float, other: float) -> tuple[float, float]:
    return min(one, other), max(one, other)
