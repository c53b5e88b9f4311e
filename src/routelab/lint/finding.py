"""What a check found, with what it does to a study and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import msgspec

from routelab.lint.evidence import LogEvidence

Severity: TypeAlias = Literal["error", "warning", "note"]


class LintFinding(msgspec.Struct, frozen=True):
    """A defect of a log.

    Attributes:
        check: the name of the check.
        severity: "error" makes figures wrong, "warning" likely does, "note" is only to be known.
        what: what is wrong, in a sentence.
        rows: answers or requests that have it; 0 where it is of a whole column or model.
        effect: what it does to a study, in a sentence.
        mend: what to do, in a sentence.
        examples: ids of a few requests that have it.
    """

    check: str
    severity: Severity
    what: str
    rows: int
    effect: str
    mend: str
    examples: tuple[str, ...] = ()


Check: TypeAlias = Callable[[LogEvidence], Iterator[LintFinding]]
"""Looks for one kind of defect, and needs no more than the evidence."""
