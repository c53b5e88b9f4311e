"""The embedded data set, as `datasets/sample.parquet` holds it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from routelab.logs.model import Log, of_values
from routelab.synthetic.chance import Chance
from routelab.synthetic.draw import draw
from routelab.synthetic.texts import write_texts

N_REQUESTS = 4_000
SEED = 0


def sample(n: int = N_REQUESTS, seed: int = SEED) -> Log:
    """Requests over 30 days, of which the last tenth comes after the drift.

    The same arguments give the same log, texts included.
    """
    chance = Chance(seed, "sample")
    world = draw(n, chance)
    return replace(world.log, texts=write_texts(world, chance))


def content_sha256(log: Log) -> str:
    """SHA-256 of a log's values and texts, however and wherever they are stored.

    Unlike a file's, it does not change with the program that wrote the file.
    """
    rows = np.arange(len(log), dtype=np.int64)
    numbers = {
        "quality": log.quality,
        "cost_usd": log.cost_usd,
        "latency_s": log.latency_s,
        "prompt_tokens": log.prompt_tokens,
        "completion_tokens": log.completion_tokens,
        "error": log.error,
        **{f"signal {name}": values for name, values in log.signals.items()},
    }
    texts = log.texts and {
        "prompts": log.texts.prompts(rows),
        "responses": {model: log.texts.responses(rows, model) for model in log.models},
    }
    return of_values({"models": log.models, **vars(log.requests), **numbers, "texts": texts})
