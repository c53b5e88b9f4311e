"""Ctrl-C and SIGTERM, which long work sees its calls through for."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Protocol


class Stoppable(Protocol):
    """Work that ends once what is under way is over."""

    def stop(self, why: str) -> None:
        """Begin nothing more."""
        ...


def stop_on_signals(going: Stoppable) -> None:
    """Once, see through what is under way; twice, end."""
    if sys.platform == "win32":
        return
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):

        def stopped(stop: signal.Signals = stop) -> None:
            going.stop(f"{stop.name} stopped it")
            loop.remove_signal_handler(stop)

        loop.add_signal_handler(stop, stopped)
