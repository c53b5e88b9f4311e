"""Bets that are kept, so that a log that grows may be looked at whenever one likes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from routelab.core import Policy
from routelab.core.storage import read_bounded, replacing
from routelab.errors import TuningError
from routelab.stats import Wealth
from routelab.tuning.certify.ceiling import Ceiling, Source
from routelab.tuning.certify.demand import CertificateDemand
from routelab.tuning.certify.evidence import Claim, Evidence


class ClaimWealth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the bets on one claim have come to.

    Attributes:
        demand, model: that the claim was made for; see `Claim`.
        wealth: to go on from.
        refuted: a value was seen that was assumed never to occur.
    """

    demand: str
    model: str | None
    wealth: Wealth
    refuted: bool = False


class Bets(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The bets on one policy and some bounds, as far as they were looked at.

    Attributes:
        policy: digest of it.
        part, group, demands: what was tested: a part, by groups, and bounds.
        largest: requests that count of a group; settled at the first look, as is the ceiling.
        skip: groups before the first one that was bet on.
        ceiling_usd, ceiling_from: of the cost of a request; None where no cost is bounded.
        looks: so far.
        until_s: when the last group began, in Unix seconds; None where the log has no times.
        base: what came of groups that the last log lacked; nothing where there were none.
        base_s: when the last of those began.
        sha256: of what was bet on since `base_s`.
        now: what came of all groups.
    """

    policy: str
    part: str
    group: str
    demands: tuple[str, ...]
    largest: int
    skip: int
    ceiling_usd: float | None
    ceiling_from: Source | None
    looks: int
    until_s: float | None
    base: tuple[ClaimWealth, ...]
    base_s: float | None
    sha256: str
    now: tuple[ClaimWealth, ...]

    def of(self, claim: Claim) -> dict[str, Any]:
        """Fields of a claim that go on from `base`; none of a first look."""
        for it in self.base:
            if (it.demand, it.model) == (str(claim.demand), claim.model):
                return {"start": it.wealth, "refuted": claim.refuted or it.refuted}
        return {}

    def is_of(self, other: Bets) -> bool:
        """Whether both are on one policy, part, group and bounds."""
        return self._key == other._key

    @property
    def _key(self) -> tuple[object, ...]:
        return self.policy, self.part, self.group, self.demands


class BetsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of `NAME.bets.json`."""

    bets: tuple[Bets, ...] = ()
    schema: Literal["routelab.bets/1"] = "routelab.bets/1"


class Look(NamedTuple):
    """What is tested at a look.

    Attributes:
        evidence: groups to bet on.
        bets: that they go on from.
    """

    evidence: Evidence
    bets: Bets

    def under(self, ceiling: Ceiling | None) -> Look:
        """The same look, once it is settled what a request can cost at most."""
        if ceiling is None:
            return self
        usd, source = ceiling
        bets = msgspec.structs.replace(self.bets, ceiling_usd=usd, ceiling_from=source)
        return Look(self.evidence, bets)


def first_look(
    evidence: Evidence,
    demands: Sequence[CertificateDemand],
    *,
    policy: str,
    group: str,
) -> Look:
    """Bets before anything was bet.

    Args:
        evidence: all groups at hand.
        demands: bounds to prove.
        policy: digest of it.
        group: what requests are drawn together by, in words.
    """
    beginning = Bets(
        policy=policy,
        part=evidence.comparison.part,
        group=group,
        demands=tuple(sorted(map(str, demands))),
        largest=evidence.largest,
        skip=evidence.skip,
        ceiling_usd=None,
        ceiling_from=None,
        looks=0,
        until_s=None,
        base=(),
        base_s=None,
        sha256="",
        now=(),
    )
    return Look(evidence, beginning)


def next_look(
    bets: Bets, whole: Evidence, demands: Sequence[CertificateDemand], policy: Policy
) -> Look:
    """Go on from earlier bets: over a log that holds their groups, or over the groups since then.

    Args:
        bets: as they were left.
        whole: all groups at hand.
        demands: bounds to prove.
        policy: that they are claimed of.
    Raises:
        TuningError: nothing tells which groups are new, or none are.
    """
    from_s = -math.inf if bets.base_s is None else bets.base_s
    until_s = math.inf if bets.until_s is None else bets.until_s
    since_base = replace(whole, largest=bets.largest, skip=bets.skip, after_s=from_s)
    seen = replace(since_base, until_s=until_s)
    if len(seen.sizes) and _digest(_claims(seen, demands, policy, bets)) == bets.sha256:
        return Look(since_base, bets)
    name = whole.comparison.log.name
    if bets.until_s is None or whole.begun_s is None:
        raise TuningError(
            f"{name}: bets on this policy were made on other requests, and without timestamps on"
            " every request nothing tells which ones are new; give timestamps, or another file of"
            " `bets`, which is a test of its own with its own chance of error"
        )
    fresh = replace(whole, largest=bets.largest, skip=0, after_s=bets.until_s)
    if not len(fresh.sizes):
        raise TuningError(
            f"{name}: nothing began after the last request that bets on this policy were made on,"
            " and the requests before it are not those that were bet on; give a later log, or"
            " another file of `bets`, which is a test of its own with its own chance of error"
        )
    moved = msgspec.structs.replace(bets, base=bets.now, base_s=bets.until_s, skip=0)
    return Look(fresh, moved)


def after(look: Look, demands: Sequence[CertificateDemand], policy: Policy) -> Bets:
    """The bets once the groups of a look are bet on.

    Args:
        look: that was taken.
        demands: bounds to prove.
        policy: that they are claimed of.
    """
    claims = _claims(look.evidence, demands, policy, look.bets)
    begun = look.evidence.begun_s
    return msgspec.structs.replace(
        look.bets,
        looks=look.bets.looks + 1,
        until_s=None if begun is None else float(begun.max()),
        sha256=_digest(claims),
        now=tuple(
            ClaimWealth(str(it.demand), it.model, it.wealth, it.refuted)
            for it in claims
            if not it.identical
        ),
    )


def read_bets(path: Path) -> tuple[Bets, ...]:
    """Bets kept in a file; none where there is no file.

    Raises:
        TuningError: it holds something else.
    """
    try:
        return msgspec.json.decode(read_bounded(path, "json_bytes"), type=BetsFile).bets
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TuningError(
            f"{path}: holds no bets that can be read ({error}); give another file of `bets`, or"
            " remove this one, which makes the next look a test of its own"
        ) from error


def write_bets(path: Path, bets: Iterable[Bets]) -> None:
    """Keep bets in a file, beside those on other policies and bounds.

    Args:
        path: of the file, which is replaced at once.
        bets: that were gone on with.
    Raises:
        OSError: it cannot be written.
        TuningError: the file holds something else.
    """
    kept = list(read_bets(path))
    for new in bets:
        kept = [*(it for it in kept if not it.is_of(new)), new]
    content = msgspec.json.format(msgspec.json.encode(BetsFile(tuple(kept))), indent=2)
    with replacing(path) as fresh:
        fresh.write_bytes(content + b"\n")


def _claims(
    on: Evidence, demands: Sequence[CertificateDemand], policy: Policy, bets: Bets
) -> list[Claim]:
    claims = on.claims(demands, policy, bets.ceiling_usd)
    return [claim._replace(**bets.of(claim)) for claim in claims]


def _digest(claims: Iterable[Claim]) -> str:
    """Of the values that were bet on, group by group."""
    found = hashlib.sha256()
    for claim in sorted(claims, key=lambda it: (str(it.demand), it.model or "")):
        found.update(f"{claim.demand}\n{claim.model}\n".encode())
        found.update(claim.sample.sums.tobytes() + claim.sample.sizes.tobytes())
    return found.hexdigest()
