"""Prompts made for the purpose: short and long, in several scripts, with code, maths and lists."""

from __future__ import annotations

from routelab.core import uniform

_OPENINGS = (
    "What is {noun}?",
    "Explain step by step why {noun} and {noun} differ, and prove it.",
    "Solve for x: {number} * x^2 + {number} * x = {number}. Show every step.",
    "Write a Python function:\n```python\ndef solve(values):\n    return sum(values)\n```\n{noun}",
    "Summarise:\n- {noun}\n- {noun}\n- {noun}\n1. {number}\n2. {number}",
    "| {noun} | {noun} |\n|---|---|\n| {number} | {number} |\nWhich row is larger?",
    "Qu'est-ce que {noun} ? Répondez en français, s'il vous plaît.",
    "请用三句话解释{noun}。",
    "Докажите, что {number} не является простым числом: {noun}.",
    "{noun} を説明してください。",
    "اشرح {noun} باختصار.",
    "Return JSON with the keys {noun} and {noun}. Never add other text!",
    "",
)
_NOUNS = (
    "gravity",
    "a mortgage",
    "the French Revolution",
    "photosynthesis",
    "a hash table",
    "inflation",
    "quantum entanglement",
    "sourdough",
)


def prompt(seed: int, key: str, index: int) -> str:
    """A prompt that depends only on its arguments; every fifth is long."""
    text = _filled(_OPENINGS[index % len(_OPENINGS)], seed, key)
    if index % 5 != 4:
        return text
    lines = [_filled("{noun} {number} {noun}; ", seed, f"{key}/{line}") for line in range(40)]
    return text + "\n" + "".join(lines)


def _filled(text: str, seed: int, key: str) -> str:
    """Every blank filled by a draw of its own."""
    nouns = [_drawn(seed, key, f"noun/{at}", len(_NOUNS)) for at in range(text.count("{noun}"))]
    for at in nouns:
        text = text.replace("{noun}", _NOUNS[at], 1)
    for at in range(text.count("{number}")):
        text = text.replace("{number}", str(_drawn(seed, key, f"number/{at}", 997)), 1)
    return text


def _drawn(seed: int, key: str, name: str, below: int) -> int:
    return int(uniform(seed, key, name) * below)
