"""`routelab certify`: whether bounds hold for policies that exist, with a stated probability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer
from msgspec import structs

from routelab.cli.arguments import LogOption, Packages, Policies
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_log
from routelab.cli.options import CompleteLogOptions, Json, ProofOptions, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy
from routelab.core.catalogue import Catalogue, Model
from routelab.core.messages import counted
from routelab.errors import TuningError
from routelab.logs.model import Log
from routelab.policy_file import Certificate, PolicyFile
from routelab.replay import SEARCHED, ComparisonSet, differs, recorded_cut, study_rows
from routelab.stats import holm
from routelab.tuning.certify import (
    Bets,
    Ceiling,
    CertificateDemand,
    Evidence,
    Look,
    after,
    after_the_first,
    check,
    check_models,
    first_look,
    next_look,
    prove,
    read_bets,
    write_bets,
)
from routelab.tuning.certify import largest_group as largest_before


@grouped
def certify(
    policy: Policies,
    log: LogOption,
    proof: ProofOptions,
    how: CompleteLogOptions,
    split: Annotated[
        str,
        typer.Option(
            help="Requests nothing was chosen on: calibrate, test, or all of another log."
        ),
    ] = "calibrate",
    largest_group: Annotated[
        int | None,
        typer.Option(
            help="Requests that count of a group; default those of the largest one on which"
            " nothing is tested."
        ),
    ] = None,
    bets: Annotated[
        Path | None,
        typer.Option(help="Where bets are kept between looks; default NAME.bets.json."),
    ] = None,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Test bounds on a policy that was tuned before; several policies share one --delta.

    Without --certify the bounds of the policy's own certificate are tested. Bets are kept, so that
    the command may be repeated as the log grows: --delta holds for all looks together. Exits 0 if
    all bounds hold for every policy, and 1 if not.

    Example: `routelab certify gym.policy --log log.parquet --certify regret=0.02 --delta 0.1`
    """
    loaded = [load_policy(path, package) for path in policy]
    demands = [_demands(it, proof) for it in loaded]
    for it, asked in zip(loaded, demands, strict=True):
        check(asked, proof.delta, proof.cost_ceiling_usd)
        check_models(asked, it.document.candidates)
    signals = {name: spec for it in loaded for name, spec in it.document.signals.items()}
    models = {name: it for one in reversed(loaded) for name, it in _models(one).items()}
    opened = read_log(log, how, signals, Catalogue(models), tuple(models))
    given = _Given(proof.delta, split, proof.cost_ceiling_usd, largest_group, how.allow_missing)
    kept = [bets or _kept_beside(it) for it in loaded]
    looks = [
        _tested(it, opened, asked, given, read_bets(at))
        for it, asked, at in zip(loaded, demands, kept, strict=True)
    ]
    _keep(kept, [look for _, look in looks])
    if not _show(loaded, [certificate for certificate, _ in looks], proof.delta, json=json):
        raise typer.Exit(1)


def _show(
    loaded: Sequence[PolicyFile], found: Sequence[Certificate], delta: float, *, json: bool
) -> bool:
    """Print what was found; whether all of it holds together."""
    tests = [
        _as_data(it, certificate, p)
        for it, certificate, p in zip(loaded, found, _together(found), strict=True)
    ]
    holds = all(test["holds"] for test in tests)
    if json:
        print_json({"holds": holds, "delta": delta, "policies": tests})
        return holds
    for test, certificate in zip(tests, found, strict=True):
        tables.show(
            tables.certificate(test["policy"], certificate),
            tables.escaped(f"   {test['text']}"),
        )
    return holds


def _models(it: PolicyFile) -> Mapping[str, Model]:
    return it.document.catalogue.models


def _demands(loaded: PolicyFile, proof: ProofOptions) -> tuple[CertificateDemand, ...]:
    """The bounds asked for, or those of the policy's own certificate."""
    own = loaded.document.certificate
    if not proof.certify and own is None:
        raise TuningError(
            f"{loaded.path}: has no certificate to test again; give --certify, for example"
            " --certify regret=0.02"
        )
    if proof.certify or own is None:
        return proof.demands
    return _bounds(own)


def _bounds(own: Certificate) -> tuple[CertificateDemand, ...]:
    return tuple(CertificateDemand(it.goal, it.bound, it.reference, it.unit) for it in own.goals)


class _Given(NamedTuple):
    """What the command was given for all policies."""

    delta: float
    part: str
    ceiling_usd: float | None
    largest: int | None
    allow_missing: bool


def _tested(
    loaded: PolicyFile,
    log: Log,
    demands: Sequence[CertificateDemand],
    given: _Given,
    kept: Sequence[Bets],
) -> tuple[Certificate, Bets | None]:
    """The certificate of a policy, and its bets as they are after this look."""
    part = given.part
    _check_part(loaded, log, part)
    if (difference := differs(loaded.document, log)) and part != "all":
        tell(f"warning: {difference}")

    def comparison(name: str) -> ComparisonSet:
        return study_rows(
            loaded.document, log, name, allow_missing=given.allow_missing, scoring=loaded.scoring
        )

    record, here = loaded.document.split, comparison(part)
    group = "prompt" if record is None else record.group
    begun = first_look(
        _evidence(loaded, log, here, given, whole=part == "all"),
        demands,
        policy=loaded.digest,
        group=group,
    )
    own = _own(loaded, demands, given)
    earlier = next((it for it in kept if own is None and it.is_of(begun.bets)), None)
    if earlier is not None:
        _as_settled(earlier, given)
        look = next_look(earlier, begun.evidence, demands, loaded.policy)
    else:
        look = begun.under(_ceiling(loaded, log, demands, given, comparison))
        if own is not None:  # what an earlier version proved is repeated as it was proved
            look = Look(replace(look.evidence, method=own.method), look.bets)
    found = prove(
        loaded.policy,
        demands,
        given.delta,
        look.evidence,
        group=group,
        ceiling_usd=look.bets.ceiling_usd,
        ceiling_from=look.bets.ceiling_from,
        later=Evidence(comparison("test"), len(log)) if part == "calibrate" else None,
        bets=look.bets,
    )
    done = after(look, demands, loaded.policy) if own is None else None
    found = structs.replace(found, look=1 if done is None else done.looks)
    if (chosen := _chosen_there(loaded, demands, given.delta, part)) is not None:
        tell(f"warning: {chosen}")
        found = structs.replace(found, assumptions=(*found.assumptions, chosen))
    return found, done


def _own(
    loaded: PolicyFile, demands: Sequence[CertificateDemand], given: _Given
) -> Certificate | None:
    """The policy's own certificate, if it is repeated and an earlier version made it."""
    own = loaded.document.certificate
    if own is None or own.method != "betting" or own.part != given.part:
        return None
    return own if set(_bounds(own)) == set(demands) and own.delta == given.delta else None


def _evidence(
    loaded: PolicyFile, log: Log, here: ComparisonSet, given: _Given, *, whole: bool
) -> Evidence:
    """The rows to test, with the requests that count of a group: never taken from these rows."""
    if given.largest is not None:
        return Evidence(here, given.largest)
    if not whole:
        return Evidence(here, largest_before(recorded_cut(loaded.document, log)))
    own = loaded.document.certificate
    if own is not None:
        return Evidence(here, own.largest_group)
    return after_the_first(here)


def _ceiling(
    loaded: PolicyFile,
    log: Log,
    demands: Sequence[CertificateDemand],
    given: _Given,
    comparison: Callable[[str], ComparisonSet],
) -> Ceiling | None:
    """What no request is assumed to cost more than; None where no cost is bounded."""
    if not any(demand.goal == "cost" for demand in demands):
        return None
    own = loaded.document.certificate
    if own is not None and own.part == given.part and given.ceiling_usd is None:
        for goal in own.goals:  # what was proved is repeated under what was assumed
            if goal.ceiling_usd is not None:
                return Ceiling(goal.ceiling_usd, goal.ceiling_from or "data")
    if given.part != "all":
        return Evidence(comparison(SEARCHED), 1).ceiling(loaded.policy, given.ceiling_usd)
    known = Evidence(comparison("all"), 1).ceiling(loaded.policy, given.ceiling_usd)
    if known.source != "data":
        return known
    raise TuningError(
        f"{log.name}: a bound on cost needs --cost-ceiling-usd, what no request can cost"
        " more than: with --split all there are no earlier requests to take it from"
    )


def _as_settled(earlier: Bets, given: _Given) -> None:
    """Refuse another ceiling or largest group than the first look had."""
    problems = []
    if given.ceiling_usd not in (None, earlier.ceiling_usd):
        problems.append(
            f"--cost-ceiling-usd is {given.ceiling_usd:g}, and bets on this policy were begun"
            f" with {earlier.ceiling_usd:g}"
        )
    if given.largest not in (None, earlier.largest):
        problems.append(
            f"--largest-group is {given.largest}, and bets on this policy were begun with"
            f" {earlier.largest}"
        )
    if problems:
        raise TuningError(*(f"{it}; leave it out, or give another --bets" for it in problems))


def _kept_beside(loaded: PolicyFile) -> Path:
    name = loaded.path.resolve().name.removesuffix(".policy")
    return loaded.path.resolve().with_name(f"{name}.bets.json")


def _keep(paths: Sequence[Path], looks: Sequence[Bets | None]) -> None:
    for path in dict.fromkeys(paths):
        new = [it for at, it in zip(paths, looks, strict=True) if at == path and it is not None]
        try:
            if new:
                write_bets(path, new)
        except OSError as error:
            tell(
                f"warning: {path}: bets could not be kept ({error.strerror}), so that a log that"
                " lacks these requests cannot go on from them; give --bets a file that can be"
                " written"
            )


def _chosen_there(
    loaded: PolicyFile, demands: Sequence[CertificateDemand], delta: float, part: str
) -> str | None:
    """Why these requests are not new to a policy that a certificate chose; None if they are.

    The bounds that it was chosen by stay proved at their own delta and any larger one: they
    were tested along a path that was fixed before. Nothing else was.
    """
    own = loaded.document.certificate
    if own is None or own.part != part or not own.passed or own.path == 1:
        return None
    proved = set(_bounds(own))
    if set(demands) <= proved and delta >= own.delta:
        return None
    return (
        f"{loaded.name} is the last of {own.passed} policies that passed"
        f" {' and '.join(map(str, sorted(proved, key=str)))} on these very requests, so they favour"
        " it, and another bound or a smaller --delta can be wrong more often than --delta says;"
        " test it with --split test, or on another log with --split all"
    )


def _check_part(loaded: PolicyFile, log: Log, part: str) -> None:
    """Refuse requests that the policy was chosen on."""
    own = loaded.document.provenance.get("log_sha256") == log.sha256
    record = loaded.document.split
    searched = () if record is None else record.chosen_on
    if part in ("train", "tune", *searched) or (part == "all" and own):
        raise TuningError(
            f"--split {part}: {loaded.path} was made from these requests, so nothing can be"
            f" proved on them; use {_unsearched(searched)} or all of another log"
        )
    if part == "all" or loaded.document.split is None:
        return
    cut = recorded_cut(loaded.document, log)
    if back := cut.returned.get(part, 0):
        raise TuningError(
            f"--split {part}: {counted(back, 'request')} of {cut.n[part]:,} are of a {cut.group}"
            f" that an earlier part has, too, so that {loaded.path} was chosen on it; use"
            " --split all of another log, or tune with --no-returning or --split random"
        )


def _unsearched(searched: Sequence[str]) -> str:
    """Parts that a policy was not chosen on, in words."""
    return "test," if "calibrate" in searched else "calibrate, test,"


def _together(found: Sequence[Certificate]) -> list[float]:
    """P-values that hold for all policies at once; with one policy they are its own."""
    return list(holm([max(goal.p_value for goal in it.goals) for it in found]).tolist())


def _as_data(loaded: PolicyFile, it: Certificate, p: float) -> dict[str, Any]:
    text = it.text
    if it.holds and p > it.delta:
        text = (
            f"not certified together with the other policies: p = {p:.2g} after Holm's correction"
        )
    data = msgspec.to_builtins(it)
    return {"policy": loaded.name, **data, "holds": p <= it.delta, "p_holm": p, "text": text}
