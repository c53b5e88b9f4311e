"""The bounds that a certificate is asked to prove."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from routelab.errors import TuningError

EXAMPLE = "regret=0.02, regret=0.02:MODEL, regret=0.02/group, cost=1.5 or quality=0.9"

Unit = Literal["request", "group"]
"""What counts the same: every request, or every group of them, such as a conversation."""


class CertificateDemand(msgspec.Struct, frozen=True):
    """One bound to certify.

    Attributes:
        goal: "regret" and "quality" in units of quality, "cost" in USD per 1,000 requests.
        bound: of the mean: at most for regret and cost, at least for quality.
        reference: model that regret is to; None for every candidate, hence the best.
        unit: that the mean is over: "request", or "group": each group of requests, such as a
            conversation, counts once, by the mean over its requests, however many they are.
    """

    goal: Literal["regret", "cost", "quality"]
    bound: float
    reference: str | None = None
    unit: Unit = "request"

    def __str__(self) -> str:
        of = "" if self.reference is None else f":{self.reference}"
        return f"{self.goal}={self.bound:g}{'' if self.unit == 'request' else '/group'}{of}"

    def problems(self) -> Iterable[str]:
        """Sentences on values out of range; none if all is well."""
        if self.goal == "cost" and not 0 < self.bound < float("inf"):
            yield f"`certify` {self}: a cost in USD per 1,000 requests is positive"
        if self.goal != "cost" and not 0 < self.bound < 1:
            yield f"`certify` {self}: quality lies in [0, 1], so a bound lies between 0 and 1"


def parse(texts: Iterable[str]) -> tuple[CertificateDemand, ...]:
    """Demands from texts such as "regret=0.02", "regret=0.02:MODEL" or "cost=1.5".

    Behind a bound "/group" takes the mean over groups.

    Raises:
        TuningError: texts of another form, all of them named.
    """
    found, problems = [], []
    for text in texts:
        try:
            found.append(_parsed(text))
        except ValueError:
            problems.append(f"`certify` {text}: write {EXAMPLE}")
    if problems:
        raise TuningError(*problems)
    return tuple(found)


def _parsed(text: str) -> CertificateDemand:
    goal, equals, rest = text.partition("=")
    number, colon, model = rest.partition(":")
    if not equals or (colon and (goal != "regret" or not model)):
        raise ValueError(text)
    number, slash, unit = number.partition("/")
    if slash and unit != "group":
        raise ValueError(text)
    demand = {
        "goal": goal.strip(),
        "bound": float(number),
        "reference": model or None,
        "unit": unit or "request",
    }
    try:
        return msgspec.convert(demand, CertificateDemand)
    except msgspec.ValidationError as error:
        raise ValueError(text) from error


def misfits(demands: object) -> Iterable[str]:
    """Sentences on what is no demand; none if all are."""
    way_out = (
        "give a tuple of CertificateDemand of routelab.tuning.certify, such as"
        " (CertificateDemand('regret', 0.02),)"
    )
    if isinstance(demands, str) or not isinstance(demands, Iterable):
        yield f"`certify` is {demands!r:.80}; {way_out}"
        return
    for it in demands:
        if not isinstance(it, CertificateDemand):
            yield f"`certify` holds {it!r:.80}; {way_out}"


def check(
    demands: Sequence[CertificateDemand], delta: float, ceiling_usd: float | None = None
) -> None:
    """Refuse bounds out of range or given twice, and a delta outside (0, 0.5].

    Args:
        demands: bounds to prove.
        delta: chance of a wrong certificate.
        ceiling_usd: what no request can cost more than; None where nobody named one.
    Raises:
        TuningError: all of it, named.
    """
    problems = [problem for demand in demands for problem in demand.problems()]
    seen: dict[tuple[str, str | None, str], CertificateDemand] = {}
    for demand in demands:
        first = seen.setdefault((demand.goal, demand.reference, demand.unit), demand)
        if first is not demand:
            problems.append(f"`certify` {demand}: contradicts `certify` {first}; give one of them")
    if not 0 < delta <= 0.5:
        problems.append(
            f"`delta` is {delta}; it is the chance of a wrong certificate, above 0 and at most"
            " 0.5, for example 0.1"
        )
    if ceiling_usd is not None and not 0 < ceiling_usd < float("inf"):
        problems.append(
            f"`cost_ceiling_usd` is {ceiling_usd}; what no request can cost more than, in USD, is"
            " positive"
        )
    if ceiling_usd is not None and not any(demand.goal == "cost" for demand in demands):
        problems.append(
            "`cost_ceiling_usd` is for a bound on cost; give one, such as `certify` cost=1.5, or"
            " leave it out"
        )
    if problems:
        raise TuningError(*problems)


def check_models(demands: Sequence[CertificateDemand], candidates: Sequence[str]) -> None:
    """Refuse regret to a model that is no candidate.

    Raises:
        TuningError: such models, all of them named.
    """
    problems = [
        f"`certify` {demand}: {demand.reference!r} is no candidate; choose among"
        f" {', '.join(candidates)}, or leave it out for the best of them"
        for demand in demands
        if demand.reference is not None and demand.reference not in candidates
    ]
    if problems:
        raise TuningError(*problems)
