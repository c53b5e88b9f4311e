"""Names of columns: which are likely signals, and which cannot be known before delivery.

The one list of them; `docs/logs.md` shows it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

REVERSED = "reversed:"
"""Before the name of a column, or of a source, whose higher values mean less sure."""

_SURE = re.compile(
    r"confidence(_.*)?|(.*_)?confidence|conf|certainty|sureness"
    r"|(.*_)?log_?probs?(_.*)?|(.*_)?(margin|consistency|agreement)(_score)?"
    r"|verifier(_.*)?|prm(_.*)?|(p|prob)_?(correct|true|right|yes)|max_prob|mean_prob|min_prob"
)
_UNSURE = re.compile(
    r"(.*_)?entropy(_.*)?|(.*_)?perplexity|ppl|(.*_)?uncertainty|nll|p_?(wrong|false)|disagreement"
)
_OF_GRADED = (
    "rating ratings rated thumb thumbs thumbsup thumbsdown vote votes voted upvote upvotes downvote"
    " downvotes like likes dislikes score scores scored grade grades graded grading label labels"
    " labeled labelled correct correctness incorrect wrong feedback star stars win wins won winner"
    " loss lost tie preference preferred judge judged judges judgement judgment verdict accuracy"
    " acc accepted gold truth ground human reward rewards pass passed success successful solved"
    " quality satisfaction csat nps elo bleu rouge f1 em target outcome result"
    " evaluation eval"
)
_OF_GRADERS = (
    "rating ratings thumb thumbs vote votes upvotes downvotes feedback judge judges judgement"
    " judgment human stars graded label grader"
)
_OF_COUNTED = (
    "tokens id ids uuid guid index idx seed annotator annotators worker rater raters timestamp"
    " timestamps created updated date datetime epoch cost costs usd price prices latency latencies"
    " duration elapsed runtime ms seconds secs ttft count counts num number row rank temperature"
    " attempt retries port version"
)
_OF_LAST = "tokens id ids usd cost ms seconds at latency index"
_GRADED, _GRADERS, _COUNTED, _LAST = (
    frozenset(words.split()) for words in (_OF_GRADED, _OF_GRADERS, _OF_COUNTED, _OF_LAST)
)
_UNITS = frozenset({"ms", "s", "sec", "seconds", "usd"})


def column_of(signal: str) -> str:
    """The column that a signal's values stand in: its name without `reversed:`."""
    return signal.removeprefix(REVERSED)


def proposal(column: str) -> str | None:
    """The signal that a column of this name most likely is; None where the name says nothing.

    >>> proposal("mean_logprob"), proposal("token_entropy"), proposal("rating")
    ('mean_logprob', 'reversed:token_entropy', None)
    """
    name = "_".join(_words(column))
    if refusal(column) is not None:
        return None
    if _UNSURE.fullmatch(name):
        return f"{REVERSED}{column}"
    return column if _SURE.fullmatch(name) else None


def proposals(columns: Iterable[str], taken: Collection[str] = ()) -> tuple[str, ...]:
    """The likely signals among columns that nobody named.

    Args:
        columns: of the file.
        taken: signals that are in use.
    """
    there = {column_of(name) for name in taken}
    found = (proposal(name) for name in columns if name not in there)
    return tuple(name for name in found if name is not None)


def refusal(column: str) -> str | None:
    """Why a column of this name is no signal unless somebody vouches for it; None if it may be one.

    >>> refusal("thumbs_up")
    'by its name it is known only after an answer was graded'
    >>> refusal("total_tokens")
    'by its name it counts, numbers, times or prices something and tells no confidence'
    """
    words = _words(column)
    if not words:  # in another script, or blank
        return None if column.strip() else _NOT_A_MEASURE
    if _GRADERS & set(words):
        return _TOO_LATE
    sure = _SURE.fullmatch("_".join(words)) or _UNSURE.fullmatch("_".join(words))
    if words[-1] in _LAST or (not sure and _counted(words)):
        return _NOT_A_MEASURE
    return _TOO_LATE if not sure and _GRADED & set(words) else None


def is_grade(column: str) -> bool:
    """Whether a column of this name tells what an answer was worth."""
    return refusal(column) == _TOO_LATE


_TOO_LATE = "by its name it is known only after an answer was graded"
_NOT_A_MEASURE = "by its name it counts, numbers, times or prices something and tells no confidence"


def _counted(words: list[str]) -> bool:
    return bool(_COUNTED & set(words)) or words[0] in ("n", "unnamed") or words[-1] in _UNITS


def _words(column: str) -> list[str]:
    """The words of a name such as `thumbsUp`, `thumbs-up` or `Thumbs Up`, in small letters."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return re.findall(r"[a-z]+[0-9]*|[0-9]+", parted.lower())
