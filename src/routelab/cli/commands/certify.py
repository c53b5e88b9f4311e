"""`routelab certify`: whether bounds hold for policies that exist, with a stated probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
import typer
from msgspec import structs

from routelab.cli.arguments import LogOption, Packages, Policies
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_log
from routelab.cli.options import CompleteLogOptions, Json, ProofOptions, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy
from routelab.core.catalogue import Catalogue, Model
from routelab.errors import TuningError
from routelab.logs.model import Log
from routelab.policy_file import Certificate, PolicyFile
from routelab.replay import ComparisonSet, differs, recorded_cut, study_rows
from routelab.stats import holm
from routelab.tuning.certify import (
    CertificateDemand,
    Evidence,
    check,
    check_models,
    largest_group,
    prove,
)


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
    cost_ceiling_usd: Annotated[
        float | None,
        typer.Option(help="What no request can cost more than; default twice the dearest on tune."),
    ] = None,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Test bounds on a policy that was tuned before; several policies share one --delta.

    Without --certify the bounds of the policy's own certificate are tested. Exits 0 if all
    bounds hold for every policy, and 1 if not.

    Example: `routelab certify gym.policy --log log.parquet --certify regret=0.02 --delta 0.1`
    """
    loaded = [load_policy(path, package) for path in policy]
    demands = [_demands(it, proof) for it in loaded]
    for it, asked in zip(loaded, demands, strict=True):
        check(asked, proof.delta)
        check_models(asked, it.document.candidates)
    signals = {name: spec for it in loaded for name, spec in it.document.signals.items()}
    models = {name: it for one in reversed(loaded) for name, it in _models(one).items()}
    opened = read_log(log, how, signals, Catalogue(models), tuple(models))
    found = [
        _tested(it, opened, asked, proof.delta, split, cost_ceiling_usd, how.allow_missing)
        for it, asked in zip(loaded, demands, strict=True)
    ]
    tests = [
        _as_data(it, certificate, p)
        for it, certificate, p in zip(loaded, found, _together(found), strict=True)
    ]
    holds = all(test["holds"] for test in tests)
    if json:
        print_json({"holds": holds, "delta": proof.delta, "policies": tests})
    else:
        for test, certificate in zip(tests, found, strict=True):
            tables.show(
                tables.certificate(test["policy"], certificate),
                tables.escaped(f"   {test['text']}"),
            )
    if not holds:
        raise typer.Exit(1)


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
    return tuple(CertificateDemand(goal.goal, goal.bound, goal.reference) for goal in own.goals)


def _tested(
    loaded: PolicyFile,
    log: Log,
    demands: Sequence[CertificateDemand],
    delta: float,
    part: str,
    ceiling_usd: float | None,
    allow_missing: bool,
) -> Certificate:
    _check_part(loaded, log, part)
    if (difference := differs(loaded.document, log)) and part != "all":
        tell(f"warning: {difference}")

    def comparison(name: str) -> ComparisonSet:
        return study_rows(
            loaded.document, log, name, allow_missing=allow_missing, scoring=loaded.scoring
        )

    here, record = comparison(part), loaded.document.split
    bounded = any(demand.goal == "cost" for demand in demands)
    if part == "all":
        largest = int(np.unique(here.groups, return_counts=True)[1].max())
        if bounded and ceiling_usd is None:
            raise TuningError(
                f"{log.name}: a bound on cost needs --cost-ceiling-usd, what no request can cost"
                " more than: with --split all there are no earlier requests to take it from"
            )
    else:
        assert record is not None  # a part exists
        largest = largest_group(recorded_cut(loaded.document, log))
        if bounded and ceiling_usd is None:
            ceiling_usd = Evidence(comparison("tune"), largest).ceiling_usd(loaded.policy)
    later = Evidence(comparison("test"), len(log)) if part == "calibrate" else None
    found = prove(
        loaded.policy,
        demands,
        delta,
        Evidence(here, largest),
        group="prompt" if record is None else record.group,
        ceiling_usd=ceiling_usd if bounded else None,
        later=later,
    )
    if (chosen := _chosen_there(loaded, demands, delta, part)) is not None:
        tell(f"warning: {chosen}")
        found = structs.replace(found, assumptions=(*found.assumptions, chosen))
    return found


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
    proved = {CertificateDemand(goal.goal, goal.bound, goal.reference) for goal in own.goals}
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
    if part in ("train", "tune") or (part == "all" and own):
        raise TuningError(
            f"--split {part}: {loaded.path} was made from these requests, so nothing can be"
            " proved on them; use calibrate, test, or all of another log"
        )


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
