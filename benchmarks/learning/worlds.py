"""The logs: public ones that lie beside the checkout, and invented ones whose truth is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import deferral_world
from routelab import logs, synthetic
from routelab.core import SignalSpec
from routelab.logs import Log

DATA = Path(os.environ.get("ROUTELAB_DATA", Path(__file__).parents[3] / "shared" / "data"))
LEAST_ROWS = (100, 200, 365, 1000)
"""Rows given to `tune` beside half a log, where it has twice as many."""
LARGE = 10_000
"""Requests from which a log is cut three times, not ten."""


class World(NamedTuple):
    """A log and what is asked of it.

    Attributes:
        name: in the table.
        log: as a user reads it.
        models: candidates; None for every model with a cost.
        gain: (n,) true expected gain of the second of two models over the first, once that has
            answered; None where nobody knows.
    """

    name: str
    log: Log
    models: tuple[str, ...] | None = None
    gain: np.ndarray | None = None

    @property
    def splits(self) -> int:
        """How often it is cut."""
        return 10 if len(self.log) < LARGE else 3

    def take(self, rows: np.ndarray) -> World:
        gain = None if self.gain is None else self.gain[rows]
        return self._replace(log=self.log.take(rows), gain=gain)


def public(name: str, signal: str | None = None, models: tuple[str, ...] | None = None) -> World:
    """A public log.

    Raises:
        FileNotFoundError: it is not at hand.
    """
    path = DATA / f"{name}.parquet"
    if not path.exists():
        raise FileNotFoundError(f"no {path}; set ROUTELAB_DATA to the folder of the logs")
    signals = {} if signal is None else {signal: SignalSpec(multiplier=3.0)}
    log = logs.read(path, signals=signals)
    assert isinstance(log, Log)
    return World(name if signal is None else f"{name}, {signal}:3", log, models)


def _drawn(specialist: bool, n: int = 4000) -> World:
    it = deferral_world.draw(n, specialist=specialist, seed=0)
    name = "invented, specialist" if specialist else "invented, benign"
    return World(name, it.log, None, it.gain)


GYM = ("llama-3.3-70b-instruct", "llama-4-maverick", "claude-sonnet-4")

WORLDS: Mapping[str, Callable[[], World]] = {
    "mtbench": lambda: public("routellm_mtbench"),
    "routerbench": lambda: public("routerbench_365"),
    "gym3": lambda: public("reasoning_gym_easy", "confidence", GYM),
    "gym7": lambda: public("reasoning_gym_easy"),
    "benign": lambda: _drawn(False),
    "specialist": lambda: _drawn(True),
    "sample": lambda: World("embedded", synthetic.sample()),
    "routellm": lambda: public("routellm_gsm8k_mmlu"),
    "mmlu_pro": lambda: public("mmlu_pro"),
}
"""By what the command calls them, the quickest first."""
