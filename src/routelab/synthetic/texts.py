"""Prompts and answers of exactly so many words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

import numpy as np

from routelab.core import Bools
from routelab.logs.formats import TextsInMemory
from routelab.synthetic.chance import Chance, Picker
from routelab.synthetic.draw import SyntheticWorld
from routelab.synthetic.phrases import PHRASES, Phrases
from routelab.synthetic.scene import MODELS, SPREAD, TASKS
from routelab.synthetic.wording import CLOSERS, ENDINGS, SLOTS, STEADY


def write_texts(world: SyntheticWorld, chance: Chance) -> TextsInMemory:
    """Texts that have the world's lengths; a repeated prompt is the same text again."""
    demanding = _demanding(world, chance)
    prompts = [_prompt(world, chance, row, demanding=bool(demanding[row])) for row in world.origin]
    rows = range(len(prompts))
    return TextsInMemory(
        prompts, {model: [_answer(world, chance, row, model) for row in rows] for model in MODELS}
    )


def _demanding(world: SyntheticWorld, chance: Chance) -> Bools:
    """(n,) which prompts sound hard: more of the hard ones, but not all."""
    hardness = np.array([task.hardness for task in TASKS.values()])[world.task]
    noise = chance.normal("wording", len(world.task))
    return np.asarray((world.difficulty - hardness) / SPREAD + noise > 0.0)


def _prompt(world: SyntheticWorld, chance: Chance, row: int, *, demanding: bool) -> str:
    phrases = _phrases(world, row)
    picker = Picker(chance.key, "prompt", row)
    opening = picker.one(phrases.demanding if demanding else phrases.plain)
    words = int(world.prompt_words[row])
    pieces = _compose(picker, [opening], phrases.details, CLOSERS, words)
    return pieces.format_map(_Slots(picker, _topic(world, chance, row)))


def _answer(world: SyntheticWorld, chance: Chance, row: int, model: str) -> str | None:
    """None for a call that failed."""
    words = int(world.answer_words[row, world.log.column(model)])
    picker = Picker(chance.key, "answer", model, row)
    pieces = _compose(picker, [], _phrases(world, row).answers, ENDINGS, words)
    return pieces.format_map(_Slots(picker, _topic(world, chance, row))) if words else None


def _phrases(world: SyntheticWorld, row: int) -> Phrases:
    return PHRASES[list(TASKS)[world.task[row]]]


def _topic(world: SyntheticWorld, chance: Chance, row: int) -> str:
    return f"{chance.key}/topic/{world.origin[row]}"


def _compose(
    picker: Picker,
    sentences: list[str],
    middle: Sequence[str],
    last: Sequence[Sequence[str]],
    words: int,
) -> str:
    """Sentences of the middle while they fit, then last words that fill up the length."""
    order = cycle(picker.shuffled(middle))
    left = words - sum(len(sentence.split()) for sentence in sentences)
    while left > 0:
        sentence = next(order)
        if left <= len(last) or len(sentence.split()) > left:
            sentence = picker.one(last[min(left, len(last)) - 1])
        sentences.append(sentence)
        left -= len(sentence.split())
    return " ".join(sentences)


class _Slots:
    """A word for each slot of a text: the topic's own, or another one each time."""

    def __init__(self, picker: Picker, topic: str) -> None:
        self._picker = picker
        self._topic = topic
        self._decks: dict[str, Iterator[str]] = {}

    def __getitem__(self, slot: str) -> str:
        if slot == "n":
            return str(2 + self._picker.below(98))
        if slot == "ref":
            return f"{self._picker.one('ABCDEFGH')}-{1000 + self._picker.below(9000)}"
        if slot in STEADY:
            return Picker(self._topic, slot).one(SLOTS[slot])
        if slot not in self._decks:
            self._decks[slot] = cycle(self._picker.shuffled(SLOTS[slot]))
        return next(self._decks[slot])
