"""The answer must be an answer, and not an apology for giving none."""

from __future__ import annotations

import re
from functools import lru_cache

from routelab.core import Gate

OPENING = 300
"""Characters in which a refusal shows; later on such words may be part of an answer."""

_CANNOT = r"(?:can(?:'t|not|\s+not)|won't|will\s+not|(?:am|'m)\s+(?:unable|not\s+able)\s+to)"
_DO = (
    r"(?:help|assist|comply|provide|answer|fulfil|create|write|share|support|discuss"
    r"|do\s+(?:that|this))"
)
_REFUSES = rf"""\bi(?:'m|\s+am)\s+(?:(?:really|very|so)\s+)?(?:sorry|afraid)\b.{{0,60}}?\b{_CANNOT}
    |\bi\s*{_CANNOT}\s+{_DO}
    |\bi\s+(?:must|have\s+to)\s+decline
    |\bas\s+an\s+ai\b.{{0,60}}?\b(?:{_CANNOT}|don't|do\s+not)
    |\b(?:this|that|your)\s+request\s+(?:violates|goes\s+against|is\s+against)"""


class Refusal(Gate, frozen=True, tag="refusal"):
    """The answer does not open with a refusal, in English, or with one of your own phrases.

    Attributes:
        phrases: of refusals in your language or product, matched without regard to case.
    """

    phrases: tuple[str, ...] = ()

    def problem(self, text: str) -> str | None:
        opening = text[:OPENING].replace("\u2019", "'")
        folded = opening.casefold()
        refused = _refuses().search(opening) is not None or any(
            phrase.casefold() in folded for phrase in self.phrases
        )
        return "the answer is a refusal" if refused else None


@lru_cache(maxsize=1)
def _refuses() -> re.Pattern[str]:
    """Compiled by the first gate that asks: most programs have none."""
    return re.compile(_REFUSES, re.IGNORECASE | re.VERBOSE | re.DOTALL)
