"""Where the pieces of a streamed answer go."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext


class Sink:
    """Keeps the pieces that it is given."""

    def __init__(self):
        self.pieces = []
        self.completed = False

    @property
    def taken_s(self):
        """As of a caller who takes all the time that is waited for the sink."""
        return asyncio.get_running_loop().time()

    async def __call__(self, piece):
        self.pieces.append(piece)

    def complete(self):
        self.completed = True

    def stopping(self, stop):
        return nullcontext()
