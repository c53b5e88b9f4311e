"""The plan of one attempt at a deployment: faults change it, the upstream carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class AttemptPlan:
    """One attempt at one deployment.

    Attributes:
        now_s: virtual seconds since the first arrival, when the attempt reaches the deployment.
        deployment: its `base_url`, which names it among those of its model.
        tokens: length of the answer.
        first_token_s, between_tokens_s: of a streamed answer, without waiting for a free place.
        draw: a uniform number in [0, 1) for a name; the same attempt draws the same again.
        refused: the connection is refused at once.
        silent_after: tokens after which nothing more comes, 0 for no reply at all; None for never.
        cut_after: tokens after which the connection breaks; None for never.
        malformed: the answer cannot be read.
        status: of HTTP; anything but 200 is no answer.
        retry_after_s: seconds, sent with such a status.
        price, quality: factors on what the log says of the answer.
    """

    now_s: float
    deployment: str
    tokens: float
    first_token_s: float
    between_tokens_s: float
    draw: Callable[[str], float]
    refused: bool = False
    silent_after: float | None = None
    cut_after: float | None = None
    malformed: bool = False
    status: int = 200
    retry_after_s: float | None = None
    price: float = 1.0
    quality: float = 1.0

    @property
    def whole_s(self) -> float:
        """Until the answer is complete."""
        return self.after_s(self.tokens)

    def after_s(self, tokens: float) -> float:
        """Until so many tokens have come."""
        return self.first_token_s + self.between_tokens_s * max(0.0, tokens - 1.0)
