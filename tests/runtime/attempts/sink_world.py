"""Where the pieces of a streamed answer go."""

from __future__ import annotations

from contextlib import nullcontext


class Sink:
    """Keeps the pieces that it is given."""

    def __init__(self):
        self.pieces = []

    async def __call__(self, piece):
        self.pieces.append(piece)

    def stopping(self, stop):
        return nullcontext()
