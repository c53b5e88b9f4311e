"""A log that is awkward on purpose, and catalogues that rule models out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from routelab.core import Floats, Request, SignalSpec
from routelab.core.catalogue import Catalogue, Model
from routelab.logs.formats import TextsInMemory
from routelab.logs.model import Log, Requests
from routelab.testing.world import MODELS, TASKS, TENANTS

PROMPTS = (
    "question",
    "",
    "Prove that there are infinitely many primes, step by step. Why not finitely many?",
    "```python\ndef f(x):\n    return x + 1\n```\nWhat does this do?",
    "Что такое инфляция?",
    "- one\n- two\n- three\n| a | b |\n" * 12,
    "三加四等于多少",
    "1 + 2 * 3 = ?",
    "\ud800 half a pair, \udc80 and the other half",
    "数 и ש ไ 안 🙂 e\u0301 \u202eabc\u0000\u200b",
)
ANSWERS = ("yes", "No.", "no", "", '{"a": 1}', "I'm sorry, but I can't help.", "a long answer")
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
_ANYONE = Request("")
NEEDS = ((), ("tools",), ("tools", "vision"), ("telepathy",))


def awkward(n: int, seed: int, *, broken: float = 0.2, unseen: float = 0.0) -> Log:
    """A log with ties, missing and failed calls, and signals that cost extra in both ways.

    Args:
        broken: share of calls that failed, of signals and latencies that are missing.
        unseen: share of outcomes that the log does not hold.
    """
    rng, who = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    models = tuple(rng.permutation(np.array(MODELS, dtype=object)))
    shape = (n, len(models))

    def holes(values: npt.NDArray[Any], share: float) -> Floats:
        return np.asfortranarray(np.where(rng.random(shape) < share, np.nan, values))

    error = rng.random(shape) < broken
    seen = rng.random(shape) >= unseen
    log = Log(
        requests=Requests(
            id=np.array([f"r{seed}-{row}" for row in range(n)], dtype=object),
            task=_objects(who.choice([*TASKS, ""], n)),
            tenant=_objects(who.choice([*TENANTS, "west"], n)),
            priority=_objects(who.choice(["high", "low", ""], n)),
            needs=_objects([NEEDS[i] for i in rng.choice(4, n, p=(0.5, 0.3, 0.15, 0.05))]),
        ),
        models=models,
        quality=np.where(seen, np.where(error, 0.0, rng.choice(GRID, shape)), np.nan),
        cost_usd=np.where(seen, rng.lognormal(size=shape) / 977.0, np.nan),
        latency_s=holes(rng.lognormal(size=shape), broken / 2),
        prompt_tokens=np.full(shape, np.nan),
        completion_tokens=holes(rng.integers(1, 2000, shape).astype(float), broken),
        error=error,
        signals={
            "sure": holes(rng.choice(GRID, shape), broken),
            "agreement": holes(rng.choice(GRID, shape), broken),
        },
        extra_usd={"agreement": rng.lognormal(size=shape) / 1e5},
        specs={
            "sure": SignalSpec(multiplier=3.1),
            "agreement": SignalSpec(extra_cost="agreement_usd"),
        },
    )
    return _second_sample(_answered(log, seed), [seed, 2], unseen)


def house(_request: Request, text: str) -> str | None:
    """A gate of the house: answers of an even length."""
    return "odd" if len(text) % 2 else None


def _answered(log: Log, seed: int | Sequence[int]) -> Log:
    """The log with texts, and a column of the verdicts of a gate that is a function."""
    rng = np.random.default_rng([2026, *np.atleast_1d(seed)])
    texts = rng.choice(np.array(ANSWERS, dtype=object), (len(log), len(log.models)))
    answers = {name: texts[:, column].tolist() for column, name in enumerate(log.models)}
    verdicts = np.array([[float(house(_ANYONE, text) is None) for text in row] for row in texts])
    return replace(
        log,
        texts=TextsInMemory([prompt(row) for row in range(len(log))], answers),
        signals={**log.signals, "gate:house": np.asfortranarray(verdicts.reshape(texts.shape))},
    )


def _second_sample(log: Log, seed: list[int], unseen: float) -> Log:
    """The log with what its models answered when they were asked once more."""
    rng = np.random.default_rng(seed)
    shape = log.quality.shape
    seen = rng.random(shape) >= unseen
    again = replace(
        log,
        quality=np.where(seen, rng.choice(GRID, shape), np.nan),
        cost_usd=np.where(seen, rng.lognormal(size=shape) / 977.0, np.nan),
        error=np.zeros(shape, dtype=np.bool_),
        signals={**log.signals, "sure": np.asfortranarray(rng.choice(GRID, shape))},
    )
    return replace(log, again=(_answered(again, seed),))


def prompt(row: int) -> str:
    """Of a request of an awkward log."""
    return f"{PROMPTS[row % len(PROMPTS)]} {row}"


def _objects(values: Sequence[Any] | npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """An array of tuples, which numpy would otherwise unpack."""
    column = np.empty(len(values), dtype=object)
    column[:] = list(values)
    return column


logs = st.builds(
    awkward,
    n=st.integers(1, 24),
    seed=st.integers(0, 2**32 - 1),
    broken=st.sampled_from([0.0, 0.2, 0.6, 1.0]),
    unseen=st.sampled_from([0.0, 0.3]),
)

capabilities = st.none() | st.sampled_from([(), ("tools",), ("vision",), ("tools", "vision")])

catalogues = st.none() | st.builds(
    lambda able: Catalogue(
        {name: Model(capabilities=has) for name, has in zip(MODELS, able, strict=True)}
    ),
    st.tuples(*[capabilities] * len(MODELS)),
)
