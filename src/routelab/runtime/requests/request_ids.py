"""Ids of requests whose caller gave none."""

from __future__ import annotations

import os

_BYTES, _BLOCK = 16, 64
"""Of an id; and how many are drawn at a time, as asking the system takes longer than all else."""

_drawn: list[str] = []


def new_request_id() -> str:
    """32 hexadecimal digits that nobody can guess, never twice the same."""
    try:
        return _drawn.pop()  # of one step, so that threads share the list
    except IndexError:
        text = os.urandom(_BYTES * _BLOCK).hex()
        first, *rest = (text[at : at + 2 * _BYTES] for at in range(0, len(text), 2 * _BYTES))
        _drawn.extend(rest)
        return first


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drawn.clear)  # or both processes would give the same ids
