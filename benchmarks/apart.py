"""A benchmark in a process of its own, whose memory nothing else has used."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context

Row = tuple[str, float, str, bool]
"""Name, value, target, and whether the value is at target."""


def apart(module: str) -> list[Row]:
    """What `benchmarks.<module>` measures in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        return alone.submit(_measured, module).result()


def _measured(module: str) -> list[Row]:
    return list(import_module(f"benchmarks.{module}").run())
