"""The answer holds the reference."""

from __future__ import annotations

from routelab.errors import GradingError
from routelab.graders.grader import Grader


class Substring(Grader, frozen=True, tag="contains"):
    """The reference stands somewhere in the answer; blanks of any kind and number are one.

    Attributes:
        case: small and capital letters differ.
        whole_words: not inside a longer word or number: `5` is not in `15`.
    """

    case: bool = False
    whole_words: bool = True

    def compare(self, answer: str, reference: str) -> float:
        said, wanted = self._plain(answer), self._plain(reference)
        if not wanted:
            raise GradingError("contains: the reference is empty, and every answer holds it")
        at = said.find(wanted)
        while at >= 0:
            if not self.whole_words or _stands_alone(said, at, at + len(wanted)):
                return 1.0
            at = said.find(wanted, at + 1)
        return 0.0

    def _plain(self, text: str) -> str:
        return " ".join((text if self.case else text.casefold()).split())


def _stands_alone(text: str, begin: int, end: int) -> bool:
    """Whether no word goes on over an end of a part of a text."""
    before = begin > 0 and text[begin - 1].isalnum() and text[begin].isalnum()
    after = end < len(text) and text[end - 1].isalnum() and text[end].isalnum()
    return not before and not after
