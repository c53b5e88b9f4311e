"""Defects that corrupt a study, each put into a clean log; named as the check that finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

REFUSAL = "I'm sorry, but I cannot help with that."


class Defect(NamedTuple):
    """A defect.

    Attributes:
        check: that is to find it.
        put: gives the log with it.
        signals: that the log is read with.
        real: it can be put into logs of any models and columns.
    """

    check: str
    put: Callable[[pd.DataFrame], pd.DataFrame]
    signals: tuple[str, ...] = ()
    real: bool = True


def models(log: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(log["model"]))


def some(log: pd.DataFrame, n: int, *, of: Any = True) -> Any:
    """The first n rows of those."""
    return log.index[np.asarray(of & (log["quality"] >= 0))][:n]


def set_to(column: str, value: Any, n: int, **of: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A column has a value on n rows, wrong ones if asked for."""

    def put(log: pd.DataFrame) -> pd.DataFrame:
        rows = some(log, n, of=(log["quality"] == 0) if of.get("wrong") else True)
        log = log.assign(**({} if column in log else {column: None}))
        log[column] = log[column].astype(object) if isinstance(value, str) else log[column]
        log.loc[rows, column] = value
        for name, other in of.items():
            if name != "wrong":
                log.loc[rows, name] = other
        return log

    return put


def copied_quality(name: str, noise: float = 0.0) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def put(log: pd.DataFrame) -> pd.DataFrame:
        drawn = np.random.default_rng(0).random(len(log))
        return log.assign(**{name: log["quality"] + noise * drawn})

    return put


def told_by_task(log: pd.DataFrame) -> pd.DataFrame:
    last = log[log["model"] == models(log)[0]].set_index("request_id")["quality"]
    return log.assign(task=np.where(log["request_id"].map(last) >= 0.5, "fine", "hard"))


def constant_usage(log: pd.DataFrame) -> pd.DataFrame:
    rows = log["model"] == models(log)[0]
    return log.assign(prompt_tokens=np.where(rows, 100.0, log["prompt_tokens"]))


def zero_usage(log: pd.DataFrame) -> pd.DataFrame:
    rows = (log["model"] == models(log)[0]) & (np.arange(len(log)) % 3 == 0)
    return log.assign(completion_tokens=np.where(rows, 0.0, log["completion_tokens"]))


def unbilled_thinking(log: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    thought = rng.integers(50, 500, len(log)).astype(float)
    cost = (log["prompt_tokens"] * 1.0 + log["completion_tokens"] * 4.0) / 1e6
    return log.assign(
        cost_usd=cost,
        reasoning_tokens=thought,
        completion_tokens=log["completion_tokens"] + thought,
    )


def hidden_thinking(log: pd.DataFrame) -> pd.DataFrame:
    rows = log["model"] == models(log)[0]
    text = "<think>" + "because this and that, " * 200 + "</think>"
    return log.assign(
        response=np.where(rows, text + log["response"].fillna(""), log["response"]),
        completion_tokens=np.where(rows, 20.0, log["completion_tokens"]),
    )


def without_price(log: pd.DataFrame) -> pd.DataFrame:
    return log.assign(cost_usd=log["cost_usd"].where(log["model"] != models(log)[0]))


def free_model(log: pd.DataFrame) -> pd.DataFrame:
    return log.assign(cost_usd=np.where(log["model"] == models(log)[0], 0.0, log["cost_usd"]))


def wrong_costs(log: pd.DataFrame) -> pd.DataFrame:
    exact = (log["prompt_tokens"] * 1.0 + log["completion_tokens"] * 4.0) / 1e6
    rows = np.arange(len(log)) % 13 < 3
    return log.assign(cost_usd=np.where(rows, 3.0 * exact, exact))


def future(log: pd.DataFrame) -> pd.DataFrame:
    first = set(dict.fromkeys(log["request_id"]).keys() & set(log["request_id"][:40]))
    late = log["request_id"].isin(first)
    return log.assign(timestamp=np.where(late, 4e9, 1.7e9))


def turned_conversations(log: pd.DataFrame) -> pd.DataFrame:
    order = {it: at for at, it in enumerate(dict.fromkeys(log["request_id"]))}
    at = log["request_id"].map(order)
    return log.assign(
        session_id=(at // 4).astype(str), turn=at % 4, timestamp=1.7e9 - 60.0 * (at % 4)
    )


def too_fast(log: pd.DataFrame) -> pd.DataFrame:
    rows = np.arange(len(log)) % 10 == 0
    seconds = np.where(rows, 1e-5, 2.0)
    return log.drop(columns=["latency_ms"], errors="ignore").assign(
        latency_s=seconds, completion_tokens=log["completion_tokens"].clip(lower=20)
    )


def repeated(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Requests are there twice, in another part of the split or in another group."""

    def put(log: pd.DataFrame) -> pd.DataFrame:
        ids = list(dict.fromkeys(log["request_id"]))
        part = {it: ("train", "test")[at % 2] for at, it in enumerate(ids)}
        value = {it: part[it] if column == "split" else f"user-{it}" for it in ids}
        log = log.assign(**{column: log["request_id"].map(value)})
        twice = log[log["request_id"].isin(ids[:30])]
        other = {"train": "test", "test": "train"}
        again = twice.assign(
            request_id=twice["request_id"] + "-again",
            **{column: [other.get(it, f"{it}-else") for it in twice[column]]},
        )
        return pd.concat([log, again], ignore_index=True)

    return put


def leaked(log: pd.DataFrame) -> pd.DataFrame:
    ids = list(dict.fromkeys(log["request_id"]))
    right = {it: f"{at} metres" for at, it in enumerate(ids)}
    told = {it: f"\nAnswer: {right[it]}." if at < 40 else "" for at, it in enumerate(ids)}
    prompt = log["prompt"].fillna("") + log["request_id"].map(told)
    return log.assign(reference=log["request_id"].map(right), prompt=prompt)


def leaked_unreferenced(log: pd.DataFrame) -> pd.DataFrame:
    said = leaked(log)
    return said.assign(response=said["reference"], quality=1.0).drop(columns="reference")


def one_grade(log: pd.DataFrame) -> pd.DataFrame:
    return log.assign(judge_score=1.0)


def one_quality(log: pd.DataFrame) -> pd.DataFrame:
    return log.assign(quality=1.0)


def alias(log: pd.DataFrame) -> pd.DataFrame:
    """One model's answers stand for another's too; all are long."""
    one, other = models(log)[:2]
    at = log.set_index("request_id")
    first = at[at["model"] == one]
    rows = log["model"] == other
    ids = log.loc[rows, "request_id"]
    log = log.copy()
    for name in ("response", "quality", "completion_tokens", "prompt_tokens"):
        log.loc[rows, name] = ids.map(first[name]).to_numpy()
    log["response"] = [f"{it} and so on, at length, for reasons" for it in log["response"]]
    log.loc[~rows & (log["model"] != one), "response"] += log["model"]
    return log


def alias_without_texts(log: pd.DataFrame) -> pd.DataFrame:
    return alias(log).drop(columns="response")


def stacked_gates(log: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    sly = rng.random(len(log)) < 0.2
    right = log["quality"] >= 0.5
    passes = {}
    for name in ("gate:json", "gate:length"):
        own = rng.random(len(log)) < 0.05
        passes[name] = (right | sly | own).astype(float)
    return log.assign(**passes)


def grader_failed(log: pd.DataFrame) -> pd.DataFrame:
    put = set_to("judge_rationale", "HTTP error 429: rate limit exceeded", 25, wrong=True)
    log = put(log)
    return log.assign(judge_rationale=log["judge_rationale"].fillna("it is well reasoned"))


DEFECTS = {
    "a signal that is the label": Defect("label-among-signals", copied_quality("sure"), ("sure",)),
    "a signal that nearly is": Defect(
        "label-among-signals", copied_quality("sure", 0.3), ("sure",)
    ),
    "a column that is the label": Defect("label-among-signals", copied_quality("helpfulness")),
    "a task that is the label": Defect("label-among-signals", told_by_task),
    "usage of nothing": Defect("usage", zero_usage),
    "the same usage always": Defect("usage", constant_usage),
    "thinking that nobody paid": Defect("thinking", unbilled_thinking),
    "thinking that nobody counted": Defect("thinking", hidden_thinking),
    "a model without a price": Defect("unknown-price", without_price),
    "a model that is free": Defect("unknown-price", free_model),
    "costs of other tokens": Defect("cost-mismatch", wrong_costs),
    "requests of the future": Defect("clock-skew", future),
    "turns in the wrong order": Defect("clock-skew", turned_conversations),
    "answers faster than light": Defect("clock-skew", too_fast),
    "duplicates across a split": Defect("duplicates-across-splits", repeated("split")),
    "duplicates across groups": Defect("duplicates-across-splits", repeated("group")),
    "answers in prompts": Defect("leaked-answer", leaked),
    "answers in prompts, unreferenced": Defect("leaked-answer", leaked_unreferenced),
    "refusals": Defect("not-an-answer", set_to("response", REFUSAL, 60, wrong=True)),
    "empty answers": Defect("not-an-answer", set_to("response", "  ", 60, wrong=True)),
    "cut answers": Defect("not-an-answer", set_to("finish_reason", "length", 60, wrong=True)),
    "cut answers, beside an empty column": Defect(
        "not-an-answer",
        lambda frame: set_to("finish_reason", "length", 60, wrong=True)(frame).assign(
            stop_reason=""
        ),
    ),
    "errors of a grader": Defect("grader-error", set_to("grade_error", "timeout", 20, wrong=True)),
    "ungraded as nought": Defect("grader-error", set_to("grade_status", "ungraded", 9, wrong=True)),
    "a judge that failed": Defect("grader-error", grader_failed),
    "a judge that agrees": Defect("judge-always-agrees", one_grade),
    "a quality that is one": Defect("judge-always-agrees", one_quality),
    "two models that are one": Defect("identical-answers", alias),
    "two that are one, no texts": Defect("identical-answers", alias_without_texts),
    "gates that err together": Defect("gates-err-together", stacked_gates),
}
"""By what is wrong."""
