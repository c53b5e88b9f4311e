"""Latency models: how long a deployment works on an answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

from routelab.core import Floats
from routelab.core.messages import unknown_name
from routelab.errors import SimulationError
from routelab.logs.model import Log

How: TypeAlias = Literal["logged", "fitted", "none"]
HOWS: tuple[How, ...] = ("logged", "fitted", "none")


class Work(NamedTuple):
    """What an answer takes at a deployment with nothing else to do.

    Attributes:
        first_token_s: until its first token.
        between_tokens_s: from one token to the next.
    """

    first_token_s: float
    between_tokens_s: float


class LatencyModel(Protocol):
    """Tells how long answers take.

    Attributes:
        usual_s: (n, m) what they take with nothing else to do, as far as known.
    """

    usual_s: Floats

    def work(self, row: int, column: int, tokens: float, draw: Callable[[str], float]) -> Work:
        """Of one attempt.

        Args:
            tokens: length of the answer, 1 or more.
            draw: a uniform number in [0, 1) for a name.
        """
        ...


@dataclass(frozen=True)
class LatencyFit:
    """Latency of one model as a straight line in the length of its answers.

    Attributes:
        first_token_s: seconds for no tokens at all; 0 or more.
        per_token_s: 0 or more.
        spread: standard deviation of the logarithm of what is observed over what the line says.
    """

    first_token_s: float
    per_token_s: float
    spread: float


def fit(latency_s: Floats, tokens: Floats) -> LatencyFit:
    """The line of least squares with no negative part, over observed answers (k,).

    Raises:
        ValueError: fewer than two answers.
    """
    if len(latency_s) < 2:
        raise ValueError(f"{len(latency_s)} observed answers; a line needs two")
    centred = tokens - tokens.mean()
    spread = float(centred @ centred)
    slope = float(centred @ latency_s) / spread if spread > 0.0 else 0.0
    slope = max(0.0, slope)
    start = float(latency_s.mean() - slope * tokens.mean())
    if start < 0.0:
        start, slope = 0.0, float(latency_s @ tokens) / float(tokens @ tokens)
    line = start + slope * tokens
    there = (line > 0.0) & (latency_s > 0.0)
    off = np.log(latency_s[there] / line[there])
    return LatencyFit(start, slope, float(off.std()) if len(off) > 1 else 0.0)


class LoggedLatency:
    """Each answer takes what it took, split into first token and the rest as the fit has it.

    An answer whose latency was not observed takes what the fit says.
    """

    def __init__(self, usual_s: Floats, fits: list[LatencyFit]) -> None:
        self.usual_s = usual_s
        self._fitted = FittedLatency(usual_s, fits)

    def work(self, row: int, column: int, tokens: float, draw: Callable[[str], float]) -> Work:
        guess = self._fitted.work(row, column, tokens, draw)
        took_s = float(self.usual_s[row, column])
        if math.isnan(took_s):
            return guess
        whole_s = guess.first_token_s + guess.between_tokens_s * (tokens - 1.0)
        if whole_s <= 0.0:
            return Work(took_s, 0.0)
        if tokens <= 1.0:
            return Work(took_s, 0.0)
        first_s = took_s * guess.first_token_s / whole_s
        return Work(first_s, (took_s - first_s) / (tokens - 1.0))


class FittedLatency:
    """Each answer takes what its length says, times a log-normal factor.

    Source: the factor's mean is 1, so that the mean latency is that of the line.
    """

    def __init__(self, usual_s: Floats, fits: list[LatencyFit]) -> None:
        self.usual_s = usual_s
        self._fits = fits
        self._normal = NormalDist()

    def work(self, row: int, column: int, tokens: float, draw: Callable[[str], float]) -> Work:
        line = self._fits[column]
        factor = 1.0
        if line.spread:
            unit = min(max(draw("latency"), 1e-12), 1.0 - 1e-12)
            z = self._normal.inv_cdf(unit)
            factor = math.exp(line.spread * z - line.spread**2 / 2.0)
        first_s = line.first_token_s + line.per_token_s
        return Work(first_s * factor, line.per_token_s * factor)


class InstantLatency:
    """Answers take no time: for logs without latencies."""

    def __init__(self, log: Log) -> None:
        self.usual_s = np.zeros_like(log.latency_s)

    def work(self, row: int, column: int, tokens: float, draw: Callable[[str], float]) -> Work:
        return Work(0.0, 0.0)


def latency(log: Log, how: How, scale: float = 1.0) -> LatencyModel:
    """A model of latency from a log.

    Args:
        log: with latencies in seconds.
        how: "logged", "fitted" (a line in the length of answers) or "none".
        scale: answers take so many times as long.
    Raises:
        SimulationError: some model of the log has no observed latency; it says which. Or there
            is no such model of latency, or the scale is out of range.
    """
    if how not in HOWS:
        raise SimulationError(unknown_name("latency model", how, HOWS))
    if not 0.0 <= scale < math.inf:
        raise SimulationError(f"latency scale {scale:g}: must be 0 or more")
    if how == "none":
        return InstantLatency(log)
    usual_s = scale * log.latency_s
    fits, missing = [], []
    for column, name in enumerate(log.models):
        seen = np.flatnonzero(~np.isnan(log.latency_s[:, column]) & ~log.error[:, column])
        tokens = np.nan_to_num(log.completion_tokens[seen, column], nan=1.0)
        if len(seen) < 2:
            missing.append(name)
            continue
        fits.append(fit(usual_s[seen, column], np.maximum(1.0, tokens)))
    if missing:
        raise SimulationError(
            f"{log.name}: no latency of {', '.join(missing)} was observed; give a latency_s"
            " column, or `latency='none'` to have answers take no time"
        )
    return LoggedLatency(usual_s, fits) if how == "logged" else FittedLatency(usual_s, fits)
