"""The answer is the reference, but for case, punctuation, articles and blanks."""

from __future__ import annotations

import re
import string
import unicodedata

from routelab.graders.grader import Grader, after_mark

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


class NormalisedMatch(Grader, frozen=True, tag="normalised"):
    """Answer and reference are the same words in the same order (`normalised_text`).

    Attributes:
        after: only what follows the last such mark of the answer is looked at.
    """

    after: str = ""

    def compare(self, answer: str, reference: str) -> float:
        return float(normalised_text(after_mark(answer, self.after)) == normalised_text(reference))


def normalised_text(text: str) -> str:
    """A text in small letters, without ASCII punctuation, English articles and further blanks.

    Letters that Unicode writes in two ways are one (NFC), as SQuAD's script, which saw ASCII
    alone, did not have to ask for.

    Source: SQuAD's evaluate-v1.1.py, Rajpurkar et al. 2016, arXiv 1606.05250.
    """
    plain = unicodedata.normalize("NFC", text).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())
