"""Words that fill the slots of phrases, and last words that fill up a length."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SLOTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "who": _words("Ada Bruno Chidi Dana Elif Farid Greta Hana Ivo Jana Kofi Lena"),
        "city": _words("Aarhus Bergen Cusco Dakar Essen Fukuoka Galway Hobart Izmir Lyon"),
        "thing": _words("kettle lamp bicycle printer heater camera tent drill radio scale"),
        "firm": _words("Alderwood Brightwater Corvane Dunmere Eastlake Fennimore"),
        "subject": _words("gardening chess sleep pottery cycling baking astronomy sailing"),
        "mood": _words("calm worried curious tired cheerful impatient hopeful"),
        "day": _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
        "month": _words("January March April June August October December"),
        "language": _words("French German Spanish Turkish Polish Dutch Swedish"),
        "type": _words("list queue graph matrix string stream table cache"),
        "code": _words("Python Rust Go Java TypeScript Kotlin SQL"),
        "clause": _words("termination warranty indemnity renewal liability notice"),
        "law": _words("tenancy employment supply licence insurance partnership"),
        "shape": _words("triangle circle cylinder cone hexagon trapezium"),
    }
)

STEADY = frozenset(("code", "language", "law", "shape", "subject", "thing", "type", "clause"))
"""Slots that are the same word all through a prompt and its answers."""

CLOSERS = (
    ("Thanks.", "Please.", "Regards."),
    ("Thank you.", "Be brief.", "Many thanks."),
    ("Thank you kindly.", "Keep it short.", "Plain words, please."),
    ("Take your time, please.", "Thank you in advance.", "Short sentences are best."),
    ("I will check it myself.", "Thank you for your help.", "Say so if unsure, please."),
    ("Tell me if anything is unclear.", "A short answer is quite enough."),
    ("Please check the result before you answer.", "I need it by {day} at noon."),
    ("Please say which part you are unsure about.", "{who} will read it too, so be polite."),
)
"""Last words of a prompt: those of k words at index k - 1."""

ENDINGS = (
    ("Done.", "Agreed.", "Yes."),
    ("That's all.", "Hope so.", "All set."),
    ("That is all.", "Hope this helps.", "Ask for more."),
    ("That is the answer.", "Ask if in doubt.", "The rest is unchanged."),
    ("That should settle the question.", "Nothing else has to change."),
    ("Tell me if you need more.", "I checked it once more myself."),
    ("Tell me if another form suits better.", "The result holds for {n} as well."),
    ("I can give more detail if that helps.", "Compare it with what {who} has seen, please."),
)
"""Last words of an answer: those of k words at index k - 1."""
