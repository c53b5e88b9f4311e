"""What an answer is worth, told by the answer and what it is held against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import msgspec

from routelab.errors import GradingError


class Case(NamedTuple):
    """An answer, and what it is graded by.

    Attributes:
        answer: its text.
        references: right answers, of which one is enough; empty where none is known.
        columns: further columns of its row in a log, by name.
    """

    answer: str
    references: tuple[str, ...] = ()
    columns: Mapping[str, Any] = {}


class Grader(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """A way to grade answers, as data: a pure function of the answer and its references.

    A kind that holds an answer against one reference defines `compare`; another defines `grade`.
    """

    needs_reference: ClassVar[bool] = True
    """Whether it cannot grade without a reference."""

    slow: ClassVar[bool] = False
    """Whether grades are waited for more than computed, so that several may be under way."""

    def grade(self, case: Case) -> float:
        """What the answer is worth, in [0, 1]; of several references the best one counts.

        Raises:
            GradingError: it cannot be told, such as for want of a reference; it is no grade of 0.
        """
        if not case.references:
            raise GradingError(f"{self.name}: there is no reference to hold the answer against")
        return max(self.compare(case.answer, it) for it in case.references)

    def compare(self, answer: str, reference: str) -> float:
        """What the answer is worth, in [0, 1], if this is the right one.

        Raises:
            GradingError: it cannot be told.
            TypeError: the kind defines neither this nor `grade`.
        """
        raise TypeError(f"{type(self).__name__} defines neither compare nor grade")

    @property
    def name(self) -> str:
        """Of its column of grades, without `grade_`."""
        return str(self.__struct_config__.tag).replace("-", "_")

    def ready(self) -> None:
        """Find out what is missing before the first answer comes.

        Raises:
            MissingExtraError: a package that it needs is not installed.
            GradingError: this machine, or what the grader was given, does not do.
        """


def after_mark(answer: str, mark: str) -> str:
    """What follows the last place of a mark, such as `####` or `Answer:`, in any case; all of the
    answer where the mark is not there, or is empty.
    """
    found = [it.end() for it in re.finditer(re.escape(mark), answer, re.IGNORECASE)]
    return answer[found[-1] :] if mark and found else answer


def code_in(answer: str, *languages: str) -> str:
    """The code of an answer: its longest fenced block of these languages, or of none named; all
    of the answer where there is no block.
    """
    blocks: list[str] = []
    block: list[str] | None = None
    for line in answer.splitlines():
        fence = line.strip()
        if block is None and fence.startswith("```"):
            named = fence[3:].strip().lower()
            block, wanted = [], not named or named in languages
        elif block is not None and fence == "```":
            blocks += ["\n".join(block)] if wanted else []
            block = None
        elif block is not None:
            block.append(line)
    if block is not None and wanted:  # an answer that was cut
        blocks.append("\n".join(block))
    return max(blocks, key=len) if blocks else answer
