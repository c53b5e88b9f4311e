"""How many words answer and reference share."""

from __future__ import annotations

from collections import Counter

from routelab.graders.grader import Grader, after_mark
from routelab.graders.kinds.normalised_match import normalised_text


class TokenF1(Grader, frozen=True, tag="token-f1"):
    """Harmonic mean of the shares of the answer's and of the reference's words that they share.

    Words are those of `normalised_text`. Where one of them has none, both must have none, as in
    SQuAD 2.0 (a question without an answer).

    Attributes:
        after: only what follows the last such mark of the answer is looked at.

    Source: SQuAD's evaluate-v2.0.py, Rajpurkar et al. 2018, arXiv 1806.03822.
    """

    after: str = ""

    def compare(self, answer: str, reference: str) -> float:
        said = normalised_text(after_mark(answer, self.after)).split()
        right = normalised_text(reference).split()
        if not said or not right:
            return float(said == right)
        shared = (Counter(said) & Counter(right)).total()
        return 2.0 * shared / (len(said) + len(right))
