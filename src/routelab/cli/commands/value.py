"""`routelab value`: what policies are worth, from a log in which only the chosen model answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import RenderableType

from routelab.cli.arguments import Feedback, LogOption, Packages, Policies
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_any
from routelab.cli.options import Json, LogOptions, Verbose, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy
from routelab.core import Floats
from routelab.errors import LogError
from routelab.estimators import Certified, PolicyEstimate, PropensityFit, labels_along
from routelab.logs.decisions import judgements
from routelab.logs.model import PartialLog
from routelab.policy_file import PolicyFile
from routelab.whatif import PolicyToValue, PolicyValue
from routelab.whatif import value as value_policies

_SHOWN = (("quality", "quality", ".3f", 1.0), ("cost_usd", "USD per 1,000", ".3f", 1000.0),
          ("latency_s", "seconds", ".2f", 1.0))  # fmt: skip
"""Outcomes in tables: name, head, form and scale."""


# Long: its options need many words.
# Many arguments: each is an option.
@grouped
def value(
    policy: Policies,
    log: LogOption,
    how: LogOptions,
    logged_by: Annotated[
        Path | None,
        typer.Option(
            "--logged-by",
            metavar="POLICY",
            help="The policy that made LOG; propensities are computed from it.",
        ),
    ] = None,
    feedback: Feedback = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="FILE.jsonl",
            help="What people found a random sample of answers worth: request_id, quality, model;"
            " the quality of LOG is then a judge's or a thumb's, and they correct it.",
        ),
    ] = None,
    estimate_propensities: Annotated[
        bool,
        typer.Option(
            "--estimate-propensities",
            help="LOG does not say how likely its calls were: estimate it from tasks, prompts'"
            " lengths and signals.",
        ),
    ] = False,
    estimator: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="dm, ips, snips, dr, sndr, switch-dr, shrunk-dr, prefix-ips, prefix-snips or"
            " prefix-dr; default sndr for policies of one call, prefix-dr for those of several.",
        ),
    ] = None,
    judged_at_random: Annotated[
        bool,
        typer.Option(
            "--judged-at-random",
            help="Chance alone picked which answers were judged: quality rests on those.",
        ),
    ] = False,
    largest_weight: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="Most weight that a request may have, such as models / epsilon: adds an interval"
            " of quality that is certain at any number of requests.",
        ),
    ] = None,
    alpha: Annotated[float, typer.Option(help="Chance that such an interval misses.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Of the outcome model's cross-fitting.")] = 0,
    package: Packages = None,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Value policies from a partial LOG: one in which only the models that were chosen answered.

    LOG needs the probability of every call, which a router that explores writes to its decision log
    by itself. Each value comes with a 95 % interval and with how it differs from what was done.
    Where the log cannot tell, no value is given: the reason is, and what exploration would tell.
    Exits 1 if any is refused.

    Example: `routelab value new.policy --log decisions/ --logged-by current.policy`
    """
    certified = None if largest_weight is None else _certified(largest_weight, alpha)
    loaded = [load_policy(path, package) for path in policy]
    maker = None if logged_by is None else load_policy(logged_by, package)
    opened = _read(log, how, [*loaded, *([] if maker is None else [maker])], feedback)
    for note in opened.notes:
        tell(f"note: {note}")
    found = value_policies(
        opened,
        [_to_value(it) for it in loaded],
        logged_by=None if maker is None else _to_value(maker),
        method=estimator,
        judged_at_random=judged_at_random,
        labels=None if labels is None else _labels(opened, labels),
        propensity_fit=PropensityFit(seed=seed) if estimate_propensities else None,
        certified=certified,
        seed=seed,
    )
    if json:
        print_json([_as_data(it) for it in found])
    else:
        tables.show(*_tables(found, opened, verbose=verbose))
    if any(it.refused for it in found):
        raise typer.Exit(1)


def _certified(largest_weight: float, alpha: float) -> Certified:
    problems = []
    if not 1.0 <= largest_weight < float("inf"):
        problems.append(f"`largest_weight` is {largest_weight:g}; it is 1 or more, and finite")
    if not 0.0 < alpha < 1.0:
        problems.append(f"--alpha is {alpha:g}; it must lie between 0 and 1")
    if problems:
        raise LogError(*problems)
    return Certified(largest_weight, alpha)


def _labels(log: PartialLog, path: Path) -> Floats:
    """(s,) what people said of the calls of a log."""
    found, missed = labels_along(log, judgements(path))
    if missed:
        tell(f"note: {missed:,} labels of {path.name} are of no answer in {log.name}")
    return found


def _to_value(loaded: PolicyFile) -> PolicyToValue:
    return PolicyToValue(loaded.name, loaded.policy, loaded.scoring, loaded.document.catalogue)


def _read(
    path: Path, how: LogOptions, policies: Sequence[PolicyFile], feedback: Path | None
) -> PartialLog:
    """A partial log as these policies need it.

    Raises:
        LogError: it cannot be read, or every model answered on every request.
    """
    signals = {name: spec for it in policies for name, spec in it.document.signals.items()}
    log = read_any(path, how, signals, policies[0].document.catalogue, feedback)
    if not isinstance(log, PartialLog):
        raise LogError(
            f"{log.name}: is a complete log, in which every model answered: nothing needs to be"
            " estimated; `routelab replay` gives the figures themselves"
        )
    return log


def _as_data(found: PolicyValue) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(found)
    return data


def _tables(
    found: Sequence[PolicyValue], log: PartialLog, *, verbose: bool
) -> Iterator[RenderableType]:
    made = tables.table(
        f"Values on {len(log):,} requests of {log.name}, beside what was done on them",
        ("policy", *(head for _, head, _, _ in _SHOWN), "quality, points"),
    )
    made.add_row(
        "as logged",
        *(_logged(found, name, form, scale) for name, _, form, scale in _SHOWN),
        "",
    )
    for it in found:
        made.add_row(
            tables.escaped(it.policy),
            *(_cell(it, name, form, scale) for name, _, form, scale in _SHOWN),
            _difference(it),
        )
    yield made
    yield _rests_on(found)
    yield from _words(found, verbose=verbose)


def _logged(found: Sequence[PolicyValue], name: str, form: str, scale: float) -> str:
    known = (it.estimates[name].logged for it in found if name in it.estimates)
    mean = next((it for it in known if it is not None), None)
    return "" if mean is None else f"{scale * mean:{form}}"


def _cell(it: PolicyValue, name: str, form: str, scale: float) -> str:
    if name not in it.estimates:
        return "not known"
    estimate = it.estimates[name]
    if estimate.value is None:
        return "refused"
    if estimate.ci is None:
        return f"{scale * estimate.value:{form}} \\[no interval]"
    return tables.with_interval(estimate.value, estimate.ci, form, scale)


def _difference(it: PolicyValue) -> str:
    found = it.estimates.get("quality")
    if found is None or found.difference is None or found.difference_ci is None:
        return ""
    return tables.with_interval(found.difference, found.difference_ci, "+.1f", 100)


def _rests_on(found: Sequence[PolicyValue]) -> RenderableType:
    heads = ("policy", "estimator", "effective requests", "largest weight", "with support",
             "mean weight", "certain quality")  # fmt: skip
    made = tables.table("What the values rest on", heads)
    for it in found:
        first = next(iter(it.estimates.values()), None)
        if first is None:
            continue
        rests, sure = first.diagnostics, first.certified
        made.add_row(
            tables.escaped(it.policy),
            first.estimator,
            f"{rests.effective_requests:,.0f} of {first.requests:,}",
            f"{rests.largest_weight:.4g}",
            f"{rests.supported:.1%}",
            tables.with_interval(rests.mean_weight, rests.mean_weight_ci, ".3f"),
            "" if sure is None else f"{sure[0]:.3f} to {sure[1]:.3f}",
        )
    return made


def _words(found: Sequence[PolicyValue], *, verbose: bool) -> Iterator[RenderableType]:
    """Refusals first, then notes; each once for all outcomes that it is of."""
    for it in found:
        said: dict[str, list[str]] = {}
        for outcome, estimate in it.estimates.items():
            if estimate.refusal:
                said.setdefault(f"refused: {estimate.refusal}", []).append(outcome)
        for outcome, why in it.lacking.items():
            said.setdefault(why, []).append(outcome)
        for outcome, estimate in it.estimates.items():
            for note in estimate.notes:
                said.setdefault(note, []).append(outcome)
        for text, outcomes in said.items():
            yield tables.escaped(f"   {it.policy}, {', '.join(outcomes)}: {text}")
        if it.exploration:
            yield tables.escaped(f"   {it.policy}: to know more,")
            for one in it.exploration:
                yield tables.escaped(f"      {one}")
        if verbose:
            yield from _checks(it)


def _checks(it: PolicyValue) -> Iterator[RenderableType]:
    """Weights by model, and how well the outcome model predicts."""
    for outcome, estimate in it.estimates.items():
        yield tables.escaped(f"   {it.policy}, {outcome}: {_calibration(estimate)}")
    first = next(iter(it.estimates.values()), None)
    for one in () if first is None else first.diagnostics.models:
        yield tables.escaped(
            f"      {one.model}: {one.share:.3f} of its calls, {one.weighted:.3f} by weights,"
            f" p = {one.p_value:.2g}"
        )


def _calibration(estimate: PolicyEstimate) -> str:
    found = estimate.diagnostics.calibration
    if found is None:
        return f"{estimate.estimator} has no outcome model"
    return (
        f"the outcome model is off by {found.error:+.4f} ({found.error_ci[0]:+.4f} to"
        f" {found.error_ci[1]:+.4f}), slope {found.slope:.2f}, and explains {found.explained:.1%}"
    )
