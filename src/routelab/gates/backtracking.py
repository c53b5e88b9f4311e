"""Which regular expressions may take exponential time on some text.

Python's `re` tries one way after the other to match. Where a part that repeats can match the same
text in two ways, as in `(a+)+`, the ways double with every letter. Such a pattern is known by its
automaton: some state is reached again from itself by one text on two paths.

Source: Weideman et al. 2016, Analyzing Matching Time Behavior of Backtracking Regular Expression
Matchers by Using Ambiguity of NFA (CIAA); positions as of Glushkov 1961.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from re import _parser  # type: ignore[attr-defined]  # the one reader of what `re` reads
from typing import Any, NamedTuple, TypeVar

from routelab.gates.effort import Effort, TooLargeError

_Node = TypeVar("_Node")

_MANY = 8
"""Repetitions, at most so many, of which the ways are few enough to be tried."""

_LETTERS = 400
"""Different letters of a pattern, which are looked at one by one."""

_PATTERN = 500
"""Steps that looking at any pattern takes."""

_POSITIONS, _PAIRS = 3_000, 100_000
"""Letters of a pattern, and pairs of them that text may reach at once, that are looked at."""

_SAMPLE = [*map(chr, range(128)), "\x85", "\xa0", "é", "É", "ß", "д", "中", "٣", "€"]
"""Letters that stand for all others where a class is held against a class."""

_BUT_NEWLINE = re.compile(".")
_CATEGORIES = {
    "CATEGORY_DIGIT": re.compile(r"\d"),
    "CATEGORY_NOT_DIGIT": re.compile(r"\D"),
    "CATEGORY_SPACE": re.compile(r"\s"),
    "CATEGORY_NOT_SPACE": re.compile(r"\S"),
    "CATEGORY_WORD": re.compile(r"\w"),
    "CATEGORY_NOT_WORD": re.compile(r"\W"),
}


class _Part(NamedTuple):
    """A part of a pattern.

    Attributes:
        empty: ways to match no text.
        first, last: positions that a match may begin and end with, and in how many ways.
    """

    empty: int
    first: Counter[int]
    last: Counter[int]


_NOTHING = _Part(1, Counter(), Counter())
_END = _Part(0, Counter(), Counter())
_ENDS = ("AT_BEGINNING", "AT_BEGINNING_STRING", "AT_END", "AT_END_STRING")
"""Anchors that nothing is repeated beyond, but for those of lines."""


def is_explosive(regex: str) -> bool:
    """Whether a pattern may take time that doubles with every letter of a text.

    Args:
        regex: that `re.compile` takes.
    Raises:
        TooLargeError: it is too large to tell.
    """
    found = _Automaton(regex)
    for component in _components(found.follow):
        if any(
            found.follow[p][q] > 1 for p in component for q in found.follow[p] if q in component
        ):
            return True
        if _two_paths(component, found):
            return True
    return False


class _Automaton:
    """Positions of a pattern, what text each takes, and which may follow which.

    Attributes:
        follow: position to those that may come next, and in how many ways.
        takes: for each position a set of letters of the sample, as bits.
    """

    def __init__(self, regex: str) -> None:
        self.effort = Effort.here()
        self.effort.spend(_PATTERN)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets that a later Python may read otherwise
            parsed = _parser.parse(regex)
        self._flags = parsed.state.flags
        letters = {chr(it) for it in _literals(parsed)}
        letters |= {it.swapcase() for it in letters if len(it.swapcase()) == 1}
        if len(letters) > _LETTERS:
            raise TooLargeError(
                f"more than {_LETTERS} different letters, ends of ranges among them"
            )
        self._letters = [*dict.fromkeys([*_SAMPLE, *sorted(letters)])]
        self._literals: dict[int, int] = {}
        self.follow: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.takes: list[int] = []
        self._sequence(parsed)

    def _sequence(self, items: Iterable[Any]) -> _Part:
        whole = _NOTHING
        for item in items:
            whole = self._after(whole, self._part(item))
        return whole

    def _after(self, one: _Part, other: _Part) -> _Part:
        self._link(one.last, other.first)
        first = one.first + _times(other.first, one.empty)
        last = other.last + _times(one.last, other.empty)
        return _Part(min(2, one.empty * other.empty), first, last)

    def _part(self, item: Any) -> _Part:
        name, value = str(item[0]), item[1]
        if name == "BRANCH":
            return self._either([self._sequence(it) for it in value[1]])
        if name == "SUBPATTERN":
            return self._sequence(value[3])
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            return self._repeated(*value)
        if name in ("ATOMIC_GROUP", "POSSESSIVE_REPEAT"):
            return self._atom(self._sequence(value if name == "ATOMIC_GROUP" else value[2]))
        if name in ("ASSERT", "ASSERT_NOT"):
            self._sequence(value[1])
            return _NOTHING
        if name == "GROUPREF_EXISTS":
            return self._either([self._sequence(it) for it in value[1:] if it is not None])
        if name == "AT" and str(value) in _ENDS and not self._flags & re.MULTILINE:
            return _END
        letters = self._class(name, value)
        return _NOTHING if letters is None else self._position(letters)

    def _position(self, letters: int) -> _Part:
        if len(self.takes) >= _POSITIONS:
            raise TooLargeError(f"more than {_POSITIONS:,} letters and classes")
        self.takes.append(letters)
        here = Counter({len(self.takes) - 1: 1})
        return _Part(0, here, here)

    def _atom(self, part: _Part) -> _Part:
        """What is never matched in another way counts as one letter."""
        letters = 0
        for it in part.first:
            letters |= self.takes[it]
        return self._position(letters)._replace(empty=min(1, part.empty))

    def _either(self, parts: list[_Part]) -> _Part:
        first, last = Counter[int](), Counter[int]()
        for part in parts:
            first, last = first + part.first, last + part.last
        return _Part(min(2, sum(it.empty for it in parts)), first, last)

    def _repeated(self, least: int, most: int, items: Iterable[Any]) -> _Part:
        part = self._sequence(items)
        if most > _MANY:
            self._link(part.last, part.first)
            if part.empty and least > 1:  # any of the repetitions may be the empty one
                self._link(part.last, part.first)
        return part._replace(empty=min(2, part.empty + 1)) if least == 0 else part

    def _link(self, last: Counter[int], first: Counter[int]) -> None:
        self.effort.spend(len(last) * len(first))
        for p, ways in last.items():
            follow = self.follow[p]
            for q, more in first.items():
                follow[q] = min(2, follow[q] + ways * more)

    def _class(self, name: str, value: Any) -> int | None:
        """Which letters of the sample are taken; None for what takes none."""
        if name == "LITERAL":
            return self._literal(value)
        if name == "NOT_LITERAL":
            return self._bits(lambda it: it != chr(value))
        if name == "ANY":
            every = self._flags & re.DOTALL
            return self._bits(lambda it: bool(every or _BUT_NEWLINE.match(it)))
        if name == "IN":
            return self._set(value)
        return None  # an anchor, or what a group matched

    def _set(self, items: Any) -> int:
        bits, negated = 0, False
        for kind, value in dict.fromkeys(items):
            name = str(kind)
            if name == "NEGATE":
                negated = True
            elif name == "LITERAL":
                bits |= self._literal(value)
            elif name == "RANGE":
                low, high = value
                bits |= self._bits(lambda it, low=low, high=high: low <= ord(it) <= high)
            else:
                category = _CATEGORIES[str(value)]
                bits |= self._bits(lambda it, category=category: bool(category.match(it)))
        return bits ^ ((1 << len(self._letters)) - 1) if negated else bits

    def _literal(self, point: int) -> int:
        if point not in self._literals:
            self._literals[point] = self._bits(lambda it: it == chr(point))
        return self._literals[point]

    def _bits(self, takes: Any) -> int:
        self.effort.spend(len(self._letters))
        fold = self._flags & re.IGNORECASE
        found = 0
        for at, letter in enumerate(self._letters):
            if takes(letter) or (fold and (takes(letter.lower()) or takes(letter.upper()[:1]))):
                found |= 1 << at
        return found


def _literals(items: Any) -> Iterator[int]:
    """Code points that a parsed pattern names, ends of ranges included."""
    waiting: list[Any] = [items]
    while waiting:
        value = waiting.pop()
        if isinstance(value, tuple) and len(value) == 2 and str(value[0]) in _NAMING:
            points = value[1] if isinstance(value[1], tuple) else (value[1],)
            yield from (it for it in points if isinstance(it, int))
        elif isinstance(value, tuple | list | _parser.SubPattern):
            waiting += list(value)


_NAMING = ("LITERAL", "NOT_LITERAL", "RANGE")


def _times(counts: Counter[int], ways: int) -> Counter[int]:
    return Counter({it: min(2, n * ways) for it, n in counts.items()}) if ways else Counter()


def _components(follow: Mapping[_Node, Counter[_Node]]) -> Iterator[frozenset[_Node]]:
    """Positions that are reached again from one another (Tarjan, without recursion)."""
    number: dict[_Node, int] = {}
    low: dict[_Node, int] = {}
    path: list[_Node] = []
    for root in [*follow]:
        work = [(root, iter([*follow[root]]))] if root not in number else []
        if work:
            number[root] = low[root] = len(number)
            path.append(root)
        while work:
            here, ahead = work[-1]
            for there in ahead:
                if there not in number:
                    number[there] = low[there] = len(number)
                    path.append(there)
                    work.append((there, iter([*follow.get(there, ())])))
                    break
                if there in low:
                    low[here] = min(low[here], number[there])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[here])
                if low[here] == number[here]:
                    found = path[path.index(here) :]
                    del path[len(path) - len(found) :]
                    for it in found:
                        del low[it]
                    if len(found) > 1 or here in follow.get(here, ()):
                        yield frozenset(found)


def _two_paths(component: frozenset[int], found: _Automaton) -> bool:
    """Whether one text leads from a position back to it on two paths.

    Pairs of positions are followed that one text reaches at once. A pair of two positions that is
    reached from a pair of one position twice, and leads back to such a pair, is the sign.
    """
    takes = found.takes
    ahead = {p: [q for q in found.follow[p] if q in component] for p in component}
    after: defaultdict[tuple[int, int], set[tuple[int, int]]] = defaultdict(set)
    waiting, seen = [(p, p) for p in component], {(p, p) for p in component}
    while waiting:
        here = p, q = waiting.pop()
        found.effort.spend(len(ahead[p]) * len(ahead[q]))
        for one in ahead[p]:
            for other in ahead[q]:
                if takes[one] & takes[other]:
                    there = (one, other) if one <= other else (other, one)
                    after[here].add(there)
                    if there not in seen:
                        if len(seen) > _PAIRS:
                            raise TooLargeError("too many letters in what repeats")
                        seen.add(there)
                        waiting.append(there)
    for part in _components({pair: Counter(there) for pair, there in after.items()}):
        if len({pair[0] == pair[1] for pair in part}) == 2:
            return True
    return False
