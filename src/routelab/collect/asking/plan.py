"""What a collection will take, before a cent is spent: calls, tokens, dollars and time."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
import numpy as np

from routelab.collect.asking.arms import arm_fields
from routelab.collect.asking.options import SELF_CHECK, CollectOptions
from routelab.collect.storage import CellTable, Manifest, RequestFile
from routelab.core import ANSWER_LIMITS, Floats, estimated_tokens
from routelab.core.catalogue import Catalogue, Model

PER_MESSAGE = 4
"""Tokens that a chat format adds to a message, as OpenAI's does."""
GUESSED_SHARE = 0.25
"""Of the bound of an answer, that it is guessed to have before any was seen."""


class ArmPlan(msgspec.Struct, frozen=True):
    """What one arm will take.

    Attributes:
        model: its name.
        calls: to be made, further samples and questions included.
        too_long: requests over its context window, which are not asked.
        prompt_tokens: estimated offline.
        completion_tokens: expected.
        usd: expected; None where the model has no prices.
        most_usd: if every answer were as long as it may be.
        seconds: expected, with all calls under way that may be; None before any was seen.
        seen: answers that the expectation is made of; with 0 it is a guess.
    """

    model: str
    calls: int
    too_long: int
    prompt_tokens: float
    completion_tokens: float
    usd: float | None
    most_usd: float | None
    seconds: float | None
    seen: int


class CollectionPlan(msgspec.Struct, frozen=True):
    """What a collection will take.

    Attributes:
        requests: that are asked.
        arms: each model.
        usd, most_usd: of all arms whose prices are known.
        seconds: until the slowest arm is done; None where that is not known of one.
    """

    requests: int
    arms: tuple[ArmPlan, ...]
    usd: float
    most_usd: float
    seconds: float | None


def plan(
    requests: RequestFile,
    manifest: Manifest,
    catalogue: Catalogue,
    options: CollectOptions,
    table: CellTable | None = None,
) -> CollectionPlan:
    """What is left to ask of a collection, per model.

    Prompts are counted by a tokenizer that works offline and errs by a few percent on English, by
    more on code; answers are as long as those seen so far, else a quarter of their bound.

    Args:
        requests: of the collection.
        manifest: of it.
        catalogue: the models that are asked.
        options: how.
        table: the state of cells; None before there is one.
    """
    rows = np.random.default_rng(manifest.seed).permutation(len(requests))
    rows = np.sort(rows if options.requests is None else rows[: options.requests])
    tokens = np.empty((len(rows), 2))
    for at, row in enumerate(rows):
        messages = requests[int(row)].messages
        tokens[at] = estimated_tokens(messages), PER_MESSAGE * len(messages)
    numbers = {name: at for at, name in enumerate(manifest.models)}
    arms = []
    for name, model in catalogue.models.items():
        number = numbers.get(name)
        known = table is not None and number is not None and number < table.codes.shape[1]
        left = np.ones(len(rows), bool)
        if known:
            assert table is not None  # so `known` says
            left = table.codes[rows, number] == 0
        arms.append(_arm(name, model, tokens[left], options, table if known else None, number or 0))
    times = [it.seconds for it in arms]
    return CollectionPlan(
        len(rows),
        tuple(arms),
        math.fsum(it.usd or 0.0 for it in arms),
        math.fsum(it.most_usd or 0.0 for it in arms),
        None if None in times else max((it for it in times if it is not None), default=0.0),
    )


def _arm(
    name: str,
    model: Model,
    tokens: Floats,
    options: CollectOptions,
    table: CellTable | None,
    number: int,
) -> ArmPlan:
    window = model.prompt_window
    fits = np.ones(len(tokens), bool) if window is None else tokens[:, 0] <= window
    n, limit = int(fits.sum()), _answer_limit(model, options.body)
    seen = None if table is None else table.totals(number)
    calls = 0 if seen is None else seen.calls
    length, took_s = limit * GUESSED_SHARE, None
    if seen is not None and calls:
        length, took_s = seen.completion_tokens / calls, seen.latency_s / calls
    prompt = float(tokens[fits].sum()) + n * (
        model.prefix_tokens + PER_MESSAGE * bool(model.prefix_tokens)
    )
    samples = options.samples
    asked, asked_prompt = n * samples, prompt * samples
    most_prompt = asked_prompt
    if SELF_CHECK in options.signals and n:  # whose prompt holds the answer
        asked, asked_prompt = asked + n, asked_prompt + prompt + n * (length + 40)
        most_prompt += prompt + n * (limit + 40)
    expected, longest = (asked * length, asked * limit) if asked else (0.0, 0.0)  # 0 x inf is NaN
    prices = model.cost_usd(1.0, 1.0)
    usd = model.cost_usd(asked_prompt, expected)
    most = model.cost_usd(most_prompt, longest)
    extra = model.usd_per_request * max(0, asked - 1)
    return ArmPlan(
        name,
        asked,
        len(tokens) - n,
        asked_prompt,
        expected,
        None if math.isnan(prices) else usd + extra,
        None if math.isnan(prices) else most + extra,
        None if took_s is None else asked * took_s / options.at_once,
        calls,
    )


def _answer_limit(model: Model, body: Mapping[str, object]) -> float:
    """Most tokens of an answer of an arm."""
    fields = arm_fields(model, body)
    sent = fields if model.parameters is None else model.parameters.merged(fields)
    limits = [float(it) for name in ANSWER_LIMITS if isinstance(it := sent.get(name), int)]
    return limits[0] if limits else math.inf


def too_long(requests: RequestFile, catalogue: Catalogue) -> dict[str, int]:
    """How many requests are longer than the context window of each model, where any are.

    Args:
        requests: of the collection.
        catalogue: the models that are asked.
    """
    windows = {
        name: window
        for name, model in catalogue.models.items()
        if (window := model.prompt_window) is not None
    }
    counts = dict.fromkeys(windows, 0)
    shortest = min(windows.values(), default=math.inf)
    for row in np.flatnonzero(requests.sizes > shortest):  # no more tokens than bytes
        tokens = estimated_tokens(requests[int(row)].messages)
        for name, window in windows.items():
            counts[name] += tokens > window
    return {name: n for name, n in counts.items() if n}
