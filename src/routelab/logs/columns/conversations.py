"""Messages and sessions of a log's requests: refused where they cannot be, noted where odd."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from routelab.core import Floats, Ints
from routelab.core.conversation import checked_messages, conversation, looks_like_one, oddities
from routelab.core.messages import counted, foreign
from routelab.logs.columns.frame import Frame
from routelab.logs.columns.rows import LogRows, place_of
from routelab.logs.formats import FileTexts, RowSource, arrow
from routelab.logs.model import SHOWN, Problems

_TRIED = 256
"""Prompts that tell whether a column of prompts holds conversations."""


def check_conversations(
    source: RowSource, frame: Frame, rows: LogRows, problems: Problems
) -> tuple[str, ...]:
    """Look at every request's messages, a block at a time.

    A column of prompts is looked at only where one of its first is a conversation: the others are
    read when they are asked for.

    Args:
        source: the file.
        frame: its rows, of which requests are told apart in `rows`.
        problems: takes messages that are none.
    Returns:
        Notes on what is unusual and harmless.
    """
    found = _Findings(frame, problems)
    if frame.messages is not None or _holds_conversations(source, frame, rows):
        texts = FileTexts(source, frame.prompt, rows.first, said_in=frame.messages)
        first = np.unique(rows.first % frame.file_rows)
        for at, prompts, messages in texts.cells(first):
            for row, prompt, said in zip(at.tolist(), prompts, messages, strict=True):
                found.add(row, prompt, said)
    return (*found.notes(), *_turns(frame, rows, problems, alone=found.alone))


def _holds_conversations(source: RowSource, frame: Frame, rows: LogRows) -> bool:
    if frame.prompt is None:
        return False
    first = np.unique(rows.first % frame.file_rows)[:_TRIED]
    pieces = (texts for _, texts in source.strings(frame.prompt, first))
    return any(looks_like_one(text) for texts in pieces for text in texts if text)


class _Findings:
    """What is wrong or odd, with the rows where it is so."""

    def __init__(self, frame: Frame, problems: Problems) -> None:
        self._frame = frame
        self._problems = problems
        self._wrong: list[str] = []
        self._n_wrong = 0
        self._odd: dict[str, list[int]] = {}
        self._in_json = self._plain = 0

    def add(self, row: int, prompt: str | None, messages: str | None) -> None:
        """One request's cells."""
        if messages is None or not messages.strip():
            self._in_prompt(row, prompt or "")
            return
        try:
            said = checked_messages(messages)
        except ValueError as error:
            self._n_wrong += 1
            if len(self._wrong) < SHOWN:
                where = place_of(self._frame, row)
                why = str(error) if str(error).startswith("message ") else f"the text {error}"
                self._wrong.append(f"{where}: messages {_short(messages)}: {why}")
            return
        if messages.lstrip()[:1] not in ("[", "{"):
            self._note(row, "are a plain text, which is read as a prompt")
        elif messages.lstrip().startswith(("[{'", "{'")):
            self._note(row, "are written as Python does it and not as JSON, yet are read")
        for oddity in oddities(said):
            self._note(row, oddity)

    def _in_prompt(self, row: int, prompt: str) -> None:
        said = conversation(prompt)
        if said is not None:
            self._in_json += 1
            for oddity in oddities(said):
                self._note(row, oddity)
            return
        self._plain += 1
        if self._frame.messages is not None and not prompt.strip():
            self._note(row, "are missing, without a prompt in their place")
        if looks_like_one(prompt) and prompt.lstrip().startswith(('[{"role', '{"messages"')):
            self._note(row, "are a prompt that begins like messages and is none: read as text")

    def _note(self, row: int, what: str) -> None:
        self._odd.setdefault(what, []).append(row)

    @property
    def alone(self) -> bool:
        """Whether every request is a prompt, without the turns before it."""
        return self._frame.messages is None and not self._in_json

    def notes(self) -> Iterator[str]:
        """In sentences; problems go where they belong."""
        self._problems.some(self._wrong, self._n_wrong)
        if self._n_wrong:
            roles = '[{"role": "user", "content": "..."}]'
            self._problems.add(
                f"messages are a list such as {roles}, in JSON or nested columns; mend the"
                f" {counted(self._n_wrong, 'row')}, or give the column another name to leave it out"
            )
        if self._in_json:
            column = foreign(repr(self._frame.prompt))
            text = f"column {column} holds conversations as JSON, which are read as messages"
            yield text + (f"; {self._plain:,} others are read as prompts" if self._plain else "")
        for what, at in self._odd.items():
            where = place_of(self._frame, at[0])
            yield f"requests whose messages {what}: {len(at):,}, the first in {where}"


def _turns(frame: Frame, rows: LogRows, problems: Problems, *, alone: bool) -> Iterator[str]:
    """Numbers of turns, and sessions that a group tears apart.

    Args:
        alone: every request is a prompt, without the turns before it.
    """
    if "session_id" not in frame.columns:
        return
    named = arrow.coded(frame.columns["session_id"])
    session = named.codes[rows.first]
    alone_at = np.flatnonzero((named.values == "")[session])
    session = session.copy()
    session[alone_at] = len(named.values) + alone_at  # who has none is in none with others
    group = arrow.coded(frame.columns["group"]).codes[rows.first]
    torn = _torn(session, group)
    if torn:
        yield (
            f"{counted(torn, 'session')} lie in more than one group: the group is what is kept"
            " together in splits"
        )
    if alone and frame.prompt is not None and len(np.unique(session)) < len(session):
        yield (
            "requests of a session hold their own prompt alone, and those of production the turns"
            " before it too: tune with `reads='last_turn'`, or log their messages"
        )
    if "turn" not in frame.columns:
        return
    read = arrow.number_column(frame.columns["turn"], words={}, counts=True)  # a name may be "y"
    turn, bad = read.values[rows.first], read.bad[rows.first]
    if np.isnan(turn).all():
        yield "column 'turn' holds no number of a turn: it is left out"
        return
    first_turn = read.values[rows.first][rows.request]
    several = np.flatnonzero(~np.isnan(read.values) & (read.values != first_turn))
    if len(several):
        yield (
            f"{counted(len(several), 'row')} have another turn than the first row of their request,"
            f" such as {place_of(frame, int(several[0]))}: the first one counts"
        )
    bad |= (turn < 0) | (turn != np.floor(turn)) & ~np.isnan(turn)
    shown = arrow.plain(frame.columns["turn"])
    problems.each(bad, _misnumbered(frame, rows.first, shown))
    yield from _order(session, turn, rows)


def _misnumbered(frame: Frame, first: Ints, shown: Sequence[object]) -> Callable[[int], str]:
    def say(request: int) -> str:
        row = int(first[request])
        value = getattr(shown[row], "as_py", lambda: shown[row])()
        return (
            f"{place_of(frame, row)}: turn is {_short(value)}; turns of a session are counted 0, 1,"
            " 2, or give the column another name to leave it out"
        )

    return say


def _order(session: Ints, turn: Floats, rows: LogRows) -> Iterator[str]:
    known = ~np.isnan(turn)
    order = np.lexsort((turn, session))
    order = order[known[order]]
    same = np.diff(session[order]) == 0
    twice = int((same & (np.diff(turn[order]) == 0)).sum())
    if twice:
        yield f"{counted(twice, 'request')} have the session and turn of another one"
    times = rows.requests.timestamp_s
    if times is not None:
        back = same & (np.diff(times[order]) < 0)
        if back.any():
            at = str(rows.requests.id[order[1:][back][0]])
            yield (
                f"{counted(int(back.sum()), 'request')} are earlier than the turn before them, such"
                f" as {at!r}: turn numbers and timestamps disagree"
            )


def _torn(session: Ints, group: Ints) -> int:
    pairs = np.unique(np.stack([session, group]), axis=1)
    return int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())


def _short(value: object) -> str:
    text = repr(value)
    return foreign(text if len(text) <= 60 else f"{text[:57]}...")
