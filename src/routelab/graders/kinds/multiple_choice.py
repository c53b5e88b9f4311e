"""The answer chooses the right letter."""

from __future__ import annotations

import re

from routelab.errors import GradingError
from routelab.graders.grader import Grader

_ENDING = 2_000
"""Characters of the end of an answer in which a letter in brackets is looked for."""


class MultipleChoice(Grader, frozen=True, tag="multiple-choice"):
    """The answer chooses the letter of the reference.

    The choice is, in this order: all of the answer; what is boxed (`\\boxed{C}`); the last one
    named as the answer (`the answer is (C)`, `Answer: C`, small where its line ends); a letter
    that opens the answer (`C.`, `(C)`, `C)`, or all of its first line); the last letter in
    brackets or in bold. An answer without any chooses nothing.

    Attributes:
        letters: of the choices, in their order.
    """

    letters: str = "ABCDEFGHIJ"

    def __post_init__(self) -> None:
        if not self.letters.isalpha() or len(set(self.letters.upper())) < len(self.letters):
            raise GradingError(
                f"multiple-choice: letters are {self.letters!r}; give each choice a letter, such as"
                " 'ABCD'"
            )

    def compare(self, answer: str, reference: str) -> float:
        right = reference.strip().strip("().:").strip().upper()
        if right not in [*self.letters.upper()]:
            raise GradingError(
                f"multiple-choice: the reference {reference[:40]!r} is none of the letters"
                f" {self.letters}"
            )
        return float(self.choice(answer) == right)

    def choice(self, answer: str) -> str | None:
        """The letter that an answer chooses; None if it chooses none."""
        one = f"[{re.escape(self.letters.upper())}]"
        any_case = f"[{re.escape(self.letters.upper() + self.letters.lower())}]"
        wrapped = rf"[\s*_`(\[{{]*({any_case})"
        if found := re.fullmatch(rf"{wrapped}[\s*_`)\]}}.:]*", answer[:40]):
            return found[1].upper()
        named_as = r"(?i:answer|choice|option)(?i:\s+is|\s*:|\s+would\s+be)[\s:*_`]*(?i:option\s+)?"
        ways = (
            rf"\\boxed\{{(?:\\text\{{)?\(?({any_case})\)?\}}",
            rf"{named_as}[(\[*_`]{{0,3}}({one})(?![\w'])",
            rf"{named_as}[(\[*_`]{{0,3}}({any_case})[)\]*_`.]{{0,3}}[ \t]*(?:\n|\Z)",
        )
        for way in ways:
            if named := re.findall(way, answer[-10 * _ENDING :]):
                return str(named[-1]).upper()
        if found := re.match(
            rf"\s*[(\[*]{{0,3}}({one})(?:[)\].:*]{{1,3}}(?!\w)|[ \t]*\r?\n)", answer[:40]
        ):
            return found[1]
        ends = re.findall(rf"[(\[]({one})[)\]]|\*\*({one})\*\*", answer[-_ENDING:])
        return (ends[-1][0] or ends[-1][1]) if ends else None
