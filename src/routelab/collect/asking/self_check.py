"""The self-check: a model is asked how likely it is that the answer it gave is right.

Source: Tian et al. 2023, arXiv 2305.14975: stated probabilities, asked for after the answer.
"""

from __future__ import annotations

import re

from routelab.core import Message

_QUESTION = (
    "How likely is it, in percent, that your answer above is correct? Reply with one whole number"
    " from 0 to 100 and nothing else."
)
_NUMBER = re.compile(r"(?<![\d.,-])(\d{1,3}(?:\.\d+)?)(?![\d.]*\d)\s*%?")


def check_messages(messages: tuple[Message, ...], answer: str) -> tuple[Message, ...]:
    """The request, the answer, and the question about it.

    Args:
        messages: of the request.
        answer: that the model gave.
    """
    said = {"role": "assistant", "content": answer}
    return (*messages, said, {"role": "user", "content": _QUESTION})


def stated_confidence(text: str | None) -> float | None:
    """The probability that a reply states, in [0, 1]; None where it states none, or several.

    Args:
        text: of the reply.
    """
    found = {float(it) for it in _NUMBER.findall(text or "")}
    if len(found) != 1:
        return None
    (percent,) = found
    return percent / 100.0 if percent <= 100.0 else None
