"""Usage that cannot be: tokens that are zero, or the same whatever was said."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from routelab.core import Bools, Floats
from routelab.core.messages import foreign
from routelab.lint.evidence import LogEvidence, by_model
from routelab.lint.finding import LintFinding

NAME = "usage"
_SHARE, _LEAST = 0.005, 5
_MANY = 50
"""Answers of one model from which on one and the same count is no chance."""


def usage(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Zero tokens of answers that say something, and counts that never change."""
    texts = evidence.texts
    said = ~np.isnan(evidence.quality) & ~evidence.error
    if texts is not None:
        said &= np.isnan(texts.length) | (texts.length > 0)
    for kind in ("prompt_tokens", "completion_tokens"):
        tokens: Floats = getattr(evidence, kind)
        yield from _zero(evidence, kind, (tokens == 0) & said, said & ~np.isnan(tokens))
        length = None
        if texts is not None:
            wide = np.repeat(texts.prompt_length[:, None], len(evidence.models), axis=1)
            length = wide if kind == "prompt_tokens" else texts.length
        yield from _constant(evidence, kind, np.where(said, tokens, np.nan), length)


def _zero(evidence: LogEvidence, kind: str, zero: Bools, known: Bools) -> Iterator[LintFinding]:
    counts, of = zero.sum(axis=0), known.sum(axis=0)
    bad = (counts >= _LEAST) & (counts > _SHARE * of)
    if not bad.any():
        return
    counts = np.where(bad, counts, 0)
    yield LintFinding(
        NAME,
        "error",
        f"{kind} is 0 for answers that say something: {by_model(evidence.models, counts)}",
        int(counts.sum()),
        "these models look cheaper than they are, and policies prefer them",
        "take usage from the endpoint's last chunk or its bill; else leave the cells empty",
        evidence.ids((zero & bad).any(axis=1)),
    )


def _constant(
    evidence: LogEvidence, kind: str, tokens: Floats, length: Floats | None
) -> Iterator[LintFinding]:
    """One count for all answers of a model, although what was said differs in length."""
    same = np.zeros(len(evidence.models), dtype=np.int64)
    for at in range(len(evidence.models)):
        seen = ~np.isnan(tokens[:, at])
        values = tokens[seen, at]
        if len(values) < _MANY or (values != values[0]).any() or values[0] == 0:
            continue
        long = length[seen, at] if length is not None else np.zeros(0)
        long = long[~np.isnan(long)]
        told = len(long) >= _MANY and np.quantile(long, 0.9) > 1.5 * np.quantile(long, 0.1) + 8
        if told or (not len(long) and values[0] > 8):
            same[at] = len(values)
    if same.any():
        yield LintFinding(
            NAME,
            "error",
            f"{kind} is the same for every answer of {by_model(evidence.models, same)}",
            int(same.sum()),
            "costs do not follow what was asked and said: policies cannot save by either",
            f"log the usage that the endpoint reports; an estimate does not belong in {kind}",
        )


def thinking(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Tokens of thinking that nobody was billed for."""
    spent = evidence.reasoning_tokens
    if spent is not None:
        for at, model in enumerate(evidence.models):
            rows = _free_thinking(evidence, spent[:, at], at)
            if rows is not None and rows.sum() >= _LEAST:
                yield _unbilled(
                    evidence,
                    rows,
                    f"cost of {foreign(model)} leaves out its reasoning_tokens: it is exactly that"
                    " of its other tokens",
                )
    texts = evidence.texts
    if texts is None:
        return
    few = evidence.completion_tokens * 12 < texts.length  # no text has 12 characters a token
    rows = texts.thinks & few & ~evidence.error
    if (counts := rows.sum(axis=0)).sum() >= _LEAST:
        yield _unbilled(
            evidence,
            np.asarray(rows.any(axis=1)),
            "answers hold their thinking, and completion_tokens are too few for it:"
            f" {by_model(evidence.models, counts)}",
        )


def _free_thinking(evidence: LogEvidence, spent: Floats, at: int) -> Bools | None:
    """(n,) answers whose cost is explained to the last digit by all tokens but those of thinking.

    Both explanations are fitted; without thinking must fit and with it must not.
    """
    prompt, said = evidence.prompt_tokens[:, at], evidence.completion_tokens[:, at]
    cost = evidence.cost_usd[:, at]
    thought = np.nan_to_num(spent)
    known = ~np.isnan(prompt) & ~np.isnan(said) & ~np.isnan(cost) & ~evidence.error[:, at]
    if int((known & (thought > 0)).sum()) < _MANY:
        return None
    with_it = np.column_stack([prompt, said])[known]
    without = np.column_stack([prompt, said - thought])[known]
    if _misfit(without, cost[known]) < 1e-6 and _misfit(with_it, cost[known]) > 1e-3:
        return known & (thought > 0)
    return None


def _misfit(tokens: Floats, cost: Floats) -> float:
    """Share of costs (k,) that two prices of tokens (k, 2) leave unexplained."""
    prices, *_ = np.linalg.lstsq(tokens, cost, rcond=None)
    left = cost - tokens @ prices
    whole = float(np.abs(cost).sum())
    return float(np.abs(left).sum()) / whole if whole else 0.0


def _unbilled(evidence: LogEvidence, rows: Bools, what: str) -> LintFinding:
    return LintFinding(
        "thinking",
        "error",
        what,
        int(rows.sum()),
        "thinking is billed as output: the model looks far cheaper than its invoice",
        "add the tokens of thinking to completion_tokens, and to the cost",
        evidence.ids(rows),
    )
