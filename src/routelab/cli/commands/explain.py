"""`routelab explain`: one request's decisions, step by step."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from routelab.cli.arguments import LogOption, Packages, PolicyPath
from routelab.cli.console import print_json
from routelab.cli.log_input import read_log
from routelab.cli.options import Json, LogOptions, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy
from routelab.core import Decision, Step
from routelab.core.messages import known
from routelab.logs import Log
from routelab.policy_file import PolicyFile
from routelab.replay import decide, row_of, step_outcome


@grouped
def explain(
    policy: PolicyPath,
    log: LogOption,
    request_id: Annotated[str, typer.Option("--id", help="Request id in the log.")],
    how: LogOptions,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Show what POLICY does with one request of LOG, and why: calls, scores, reasons, costs.

    Example: `routelab explain gym.policy --log log.parquet --id easy-complex_arithmetic-00`
    """
    loaded = load_policy(policy, package)
    document = loaded.document
    opened = read_log(log, how, document.signals, document.catalogue, document.candidates)
    opened = opened.with_specs(document.signals)
    row = row_of(opened, request_id)
    decision = decide(
        loaded.policy,
        opened,
        row,
        catalogue=document.catalogue,
        seed=document.seed,
        scoring=loaded.scoring,
        estimates=document.estimates,
        explained=True,
    )
    quality = float(opened.quality[row, opened.column(decision.answer.model)])
    if json:
        print_json(as_json(decision, quality))
    else:
        tables.show(
            steps(decision), _summary(decision, quality, loaded), _alternatives(opened, row)
        )


def as_json(decision: Decision, quality: float | None = None) -> dict[str, Any]:
    """A decision as plain data; an unknown quality is left out."""
    found = {
        "id": decision.request_id,
        "model": decision.answer.model,
        "cost_usd": decision.cost_usd,
        "latency_s": decision.latency_s,
        "steps": [_step(step, decision) for step in decision.steps],
        "choices": [
            {"name": it.name, "index": it.index, "propensity": it.propensity}
            for it in decision.choices
        ],
        "scores": [
            {"name": it.name, "after": it.after, "values": dict(it.values)}
            for it in decision.scores
        ],
        "reasons": list(decision.reasons),
    }
    return found if quality is None else {**found, "quality": quality}


def _step(step: Step, of: Decision) -> dict[str, Any]:
    it = step.feedback
    return {
        "model": step.call.model,
        "final": step.call.final,
        "signals": dict(it.signals),
        "threshold": step.threshold,
        "outcome": step_outcome(step, of),
        "cost_usd": it.cost_usd,
        "latency_s": it.latency_s,
        "error": it.error,
        "rejected": list(it.rejected),
        "deployment": it.deployment,
        "notes": list(it.notes),
    }


def steps(decision: Decision, way: str = "") -> Table:
    """A request's calls, one a line.

    Args:
        way: how it was decided, for the title.
    """
    title = f"Request {tables.escaped(decision.request_id)}{way}"
    table = Table(title=title, title_justify="left")
    for head in ("step", "model", "signal", "threshold", "outcome", "USD", "latency"):
        table.add_column(head, justify="left" if head in ("model", "outcome") else "right")
    for index, step in enumerate(decision.steps, 1):
        seen = ", ".join(
            f"{name} {known(value, '.6g')}" for name, value in step.feedback.signals.items()
        )
        table.add_row(
            str(index),
            tables.escaped(step.call.model),
            seen or "-",
            known(step.threshold, ".6g", otherwise="-"),
            step_outcome(step, decision),
            known(step.feedback.cost_usd, ".6g"),
            known(step.feedback.latency_s, ".2f", " s"),
        )
    return table


def _summary(decision: Decision, quality: float, by: PolicyFile) -> str:
    drawn = "".join(
        f"\ndrew {it.name}: choice {it.index} with probability {it.propensity:.6g}"
        for it in decision.choices
    )
    cost = known(decision.cost_usd, ".6g", " USD", otherwise="cost not observed")
    return tables.escaped(
        f"delivered {decision.answer.model}: quality {known(quality, '.4g')},"
        f" {cost} for {len(decision.steps)} call(s)"
        f"{drawn}{_scores(decision, by)}{why(decision)}"
    )


def _scores(decision: Decision, by: PolicyFile) -> str:
    """What scorers said of models that the policy may ask, a line for each time."""
    lines = []
    for it in decision.scores:
        shown = {*by.policy.models_used, "score"}
        if it.after and by.scoring.target(it.name) == "gain":
            shown -= set(decision.models[: decision.models.index(it.after) + 1])
        values = ", ".join(f"{name} {value:.6g}" for name, value in it.values if name in shown)
        if values:
            lines.append(f"\n{it.name}{f' after {it.after}' if it.after else ''}: {values}")
    return "".join(lines)


def why(decision: Decision) -> str:
    """What failed, what was refused, and the policy's reasons, a line each."""
    lines = []
    for step in decision.steps:
        if step.feedback.error is not None:
            lines.append(f"{step.call.model} failed: {step.feedback.error}")
        elif step.feedback.rejected:
            lines.append(f"{step.call.model} was refused: {'; '.join(step.feedback.rejected)}")
    lines += [f"because {reason}" for reason in decision.reasons]
    return "".join(f"\n{line}" for line in lines)


def _alternatives(log: Log, row: int) -> Table:
    """What each model alone would have done."""
    table = Table(title="Each model alone", title_justify="left")
    for head in ("model", "quality", "USD"):
        table.add_column(head, justify="left" if head == "model" else "right")
    for index, name in enumerate(log.models):
        quality, cost = log.quality[row, index], log.cost_usd[row, index]
        table.add_row(tables.escaped(name), known(quality, ".6g"), known(cost, ".6g"))
    return table
