"""Neither too short nor too long."""

from __future__ import annotations

from routelab.core import Gate
from routelab.errors import PolicyError


class Length(Gate, frozen=True, tag="length"):
    """The answer has at least and at most so many characters.

    Attributes:
        most: None for no limit.
    """

    least: int = 0
    most: int | None = None

    def __post_init__(self) -> None:
        if self.least < 0 or (self.most is not None and self.most < max(1, self.least)):
            raise PolicyError(
                f"a length gate from {self.least} to {self.most} characters lets nothing through;"
                " `least` is 0 or more, and `most` not below it"
            )

    def problem(self, text: str) -> str | None:
        if len(text) < self.least:
            return f"the answer has {len(text)} characters; at least {self.least} are needed"
        if self.most is not None and len(text) > self.most:
            return f"the answer has {len(text)} characters; {self.most} are allowed"
        return None
