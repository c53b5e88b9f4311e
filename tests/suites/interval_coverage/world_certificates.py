"""One log of a world, its bounds exactly at the truth: is a bound certified that must not be?"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from coverage_world import log_of, whole
from fixed_policy_worlds import WORLDS, Drawn
from world_figures import first_to_last, large

from routelab.core import Policy
from routelab.errors import TuningError
from routelab.logs import Log
from routelab.replay import run as replayed
from routelab.tuning.certify import CertificateDemand, Evidence, after, first_look, next_look, prove
from routelab.tuning.certify.evidence import requests_needed

DELTA = 0.1
LOOKS = 20
REGRET, GROWING, COST = "wrong regret", "wrong at some of 20 looks", "wrong cost"
TRUE, WITHIN_TWO, IN_RANGE = "true regret", "needed within a factor of 2", "needed in its range"
CERTIFIED = (REGRET, GROWING, COST, TRUE, WITHIN_TWO, IN_RANGE)
MANY = 40_000
LOOSER = 0.03
"""Regret beyond the truth that is asked for where a certificate should be had."""


def certificates(name: str, n: int, seed: int) -> dict[str, bool]:
    """What is certified of the cascade of the first and the last model on n requests.

    Regret and cost are bounded by what they truly are, so that `DELTA` is the most that may be
    certified; as many requests before them say how large groups are and what one may cost. The same
    log is looked at `LOOKS` times as it grows. A bound that is `LOOSER` is true.
    """
    world = WORLDS[name]
    drawn = world.draw(2 * n, np.random.default_rng(seed))
    earlier, here = (_evidence(drawn, rows) for rows in (slice(0, n), slice(n, 2 * n)))
    here = replace(here, largest=earlier.largest)
    policy = first_to_last(here.comparison.models)
    regret, usd = truth(name, policy)
    ceiling = earlier.ceiling(policy).usd

    def holds(demand: CertificateDemand) -> bool:
        tested = prove(
            policy, [demand], DELTA, here, group="group", ceiling_usd=ceiling, earlier=earlier
        )
        return tested.holds

    found = {COST: holds(CertificateDemand("cost", usd))}
    if regret > 0:
        exact = CertificateDemand("regret", regret)
        found[REGRET] = holds(exact)
        found[GROWING] = some_look_passes(drawn, n, earlier.largest, policy, exact)
    looser = CertificateDemand("regret", looser_bound(name, policy))
    needed = requests_needed(here.claims([looser], policy), DELTA)
    if (true := requests_truly_needed(name, policy, here.largest)) is not None:
        found[WITHIN_TWO] = needed.rows is not None and 0.5 <= needed.rows / true <= 2.0
        most = true if needed.high is None else needed.high
        found[IN_RANGE] = needed.low is not None and needed.low <= true <= most
    found[TRUE] = holds(looser)
    return found


def some_look_passes(
    drawn: Drawn, n: int, largest: int, policy: Policy, demand: CertificateDemand
) -> bool:
    """Whether a log that grows to n requests certifies at any of its looks."""
    bets, demands = None, [demand]
    for rows in np.linspace(0, n, LOOKS + 1).astype(int)[1:].tolist():
        grown = replace(_evidence(drawn, slice(n, n + rows)), largest=largest)
        try:
            look = (
                first_look(grown, demands, policy="p", group="group")
                if bets is None
                else next_look(bets, grown, demands, policy)
            )
        except TuningError:  # no group is new, so that there is nothing to look at
            continue
        claims = look.evidence.claims(demands, policy)
        claims = [it._replace(**look.bets.of(it)) for it in claims]
        if all(it.p_value(DELTA) <= DELTA for it in claims):
            return True
        bets = after(look, demands, policy)
    return False


def _evidence(drawn: Drawn, rows: slice) -> Evidence:
    """Some rows of what was drawn, with the size of their largest group."""
    log = _log(drawn, rows)
    groups = drawn.groups[rows]
    return Evidence(replace(whole(log), groups=groups), int(np.bincount(groups).max()))


def _log(drawn: Drawn, rows: slice) -> Log:
    outcomes = type(drawn.outcomes)(*(it[rows] for it in drawn.outcomes))
    return log_of(outcomes, timed=True)


def looser_bound(name: str, policy: Policy) -> float:
    """A bound on regret that the policy keeps."""
    return max(truth(name, policy)[0], 0.0) + LOOSER


@cache
def requests_truly_needed(name: str, policy: Policy, largest: int) -> int | None:
    """Requests with which the looser bound is certified, as many of them know it."""
    drawn = WORLDS[name].draw(MANY, np.random.default_rng(10**9))
    many = replace(_evidence(drawn, slice(0, MANY)), largest=largest)
    bound = [CertificateDemand("regret", looser_bound(name, policy))]
    return requests_needed(many.claims(bound, policy), DELTA).rows


@cache
def truth(name: str, policy: Policy) -> tuple[float, float]:
    """Regret to the best model, and USD per 1,000 requests."""
    log = large(name, False)
    done = replayed(policy, log)
    best = float(log.quality.mean(axis=0).max())
    return best - float(done.quality.mean()), 1000 * float(done.cost_usd.mean())
