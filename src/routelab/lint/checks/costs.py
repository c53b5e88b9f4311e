"""Costs that are unknown, or not what tokens and prices come to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from routelab.core import Bools, Floats
from routelab.core.catalogue import TokenUsage
from routelab.core.messages import first, foreign
from routelab.lint.evidence import LogEvidence, by_model
from routelab.lint.finding import LintFinding
from routelab.logs import Log, price_lists

_OFF = 0.01
"""Of its cost, beyond which a cost is another."""

_LEAST = 5
_LISTED = "at the prices of the catalogue"
_EXACT, _MOST_FIT = 1e-3, 0.7
"""A model whose costs follow two prices, on this share of answers to this precision, has prices."""


def unknown_prices(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Models and answers that have tokens and no cost, where others have one."""
    cost, tokens = evidence.cost_usd, evidence.completion_tokens
    lacking = np.isnan(cost) & ~np.isnan(tokens) & ~evidence.error
    priced = ~np.isnan(cost) & ((cost > 0) | evidence.error)
    counts = lacking.sum(axis=0)
    if counts.any() and priced.any():
        yield LintFinding(
            "unknown-price",
            "error",
            f"answers have tokens and no cost: {by_model(evidence.models, counts)}",
            int(counts.sum()),
            "a policy that asks these models has no cost, or is left out of the comparison",
            "give their prices: `prices='FILE.csv'`, or a cost_usd column",
            evidence.ids(lacking.any(axis=1)),
        )
    without = [foreign(it) for at, it in enumerate(evidence.models) if np.isnan(cost[:, at]).all()]
    if without and not (counts.any() and priced.any()):
        yield LintFinding(
            "unknown-price",
            "note",
            f"no cost of {first(without, 4)} is known",
            0,
            "nothing can be saved on what has no price",
            "give a cost_usd column, or tokens and `prices='FILE.csv'`",
        )
    free = [
        at
        for at in range(len(evidence.models))
        if (seen := ~np.isnan(cost[:, at]) & ~evidence.error[:, at]).sum() >= _LEAST
        and not cost[seen, at].any()
    ]
    if free and (np.nan_to_num(cost) > 0).any():
        yield LintFinding(
            "unknown-price",
            "warning",
            f"every answer of {first([foreign(evidence.models[it]) for it in free], 4)} cost 0",
            int((~np.isnan(cost[:, free])).sum()),
            "a model that is free is always asked first; an unknown price often is written as 0",
            "write what it costs to run, also where nobody sends a bill",
        )


def wrong_costs(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Costs that are not what the answer's tokens come to by its model's prices.

    Where no prices are known, those that most answers follow to the last digit count; answers
    with tokens of their own prices, such as cached ones, are then left aside.
    """
    for at, model in enumerate(evidence.models):
        due, by = _due(evidence, at)
        if due is None:
            continue
        sure = by == _LISTED
        cost = evidence.cost_usd[:, at]
        known = ~np.isnan(due) & ~np.isnan(cost) & ~evidence.error[:, at]
        off = known & (np.abs(cost - due) > _OFF * np.maximum(np.abs(due), 1e-12) + 1e-9)
        if off.sum() >= _LEAST:
            total, right = float(cost[off].sum()), float(due[off].sum())
            yield LintFinding(
                "cost-mismatch",
                "error" if sure else "warning",
                f"costs of {foreign(model)} are not tokens x price, {by}: {total:.6g} USD are"
                f" logged, and {right:.6g} USD are due",
                int(off.sum()),
                f"the model looks {'cheaper' if total < right else 'dearer'} than it is",
                "derive the cost from tokens and prices (leave cost_usd out, and give `prices`),"
                " or mend the tokens; if a discount explains it, log cached_tokens",
                evidence.ids(off),
            )


def _due(evidence: LogEvidence, at: int) -> tuple[Floats | None, str]:
    """(n,) what a model's answers should cost, and by which prices; None where nothing tells."""
    model = evidence.models[at]
    prompt, said = evidence.prompt_tokens[:, at], evidence.completion_tokens[:, at]
    parts = evidence.log.token_parts if isinstance(evidence.log, Log) else {}
    known = evidence.catalogue or evidence.log.catalogue
    listed = None if known is None else known.models.get(model)
    if listed is not None and listed.input_usd_per_mtok is not None:
        names = TokenUsage._fields[2:]
        none = np.zeros(len(prompt))
        more = [parts[it][:, at] if it in parts else none for it in names]
        used = TokenUsage(prompt, said, *more)  # type: ignore[arg-type]
        try:
            due = price_lists.costs(listed, used, None, evidence.log.requests.timestamp_s)
        except ValueError:
            return None, ""
        return due, _LISTED
    error = evidence.error[:, at]
    for part in parts.values():
        error = error | (np.nan_to_num(part[:, at]) > 0)
    fitted = _fitted(prompt, said, evidence.cost_usd[:, at], error)
    if fitted is None:
        return None, ""
    return np.where(error, np.nan, fitted), "at the prices that its other answers have"


def _fitted(prompt: Floats, said: Floats, cost: Floats, error: Bools) -> Floats | None:
    """(n,) costs by the two prices that most of a model's answers follow exactly; else None."""
    seen = np.flatnonzero(~np.isnan(prompt) & ~np.isnan(said) & ~np.isnan(cost) & ~error)
    if len(seen) < 50:
        return None
    tokens, paid = np.column_stack([prompt, said]), cost
    kept = seen
    for _ in range(8):  # least trimmed squares: those that fit worst are left out
        prices, *_ = np.linalg.lstsq(tokens[kept], paid[kept], rcond=None)
        left = np.abs(paid[seen] - tokens[seen] @ prices)
        kept = seen[np.argsort(left, kind="stable")[: int(0.6 * len(seen))]]
    due = tokens @ prices
    near = np.abs(paid[seen] - due[seen]) <= _EXACT * np.abs(due[seen]) + 1e-12
    return due if near.mean() >= _MOST_FIT and (prices >= 0).all() else None
