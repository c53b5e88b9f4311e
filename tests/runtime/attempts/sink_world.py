"""Where the pieces of a streamed answer go."""

from __future__ import annotations

from contextlib import nullcontext


class Sink:
    """Keeps the pieces that it is given."""

    def __init__(self):
        self.pieces = []
        self.completed = False

    async def __call__(self, piece):
        self.pieces.append(piece)

    def complete(self):
        self.completed = True

    def stopping(self, stop):
        return nullcontext()
