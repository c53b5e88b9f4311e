"""Calls at hand become a log, whole or not at all, with few of them in memory."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from routelab.errors import LogError
from routelab.logs.importers.calls import LoggedCall, call_log, write_calls


def called(n: int, prompt: str = "Why?"):
    for at in range(n):
        messages = [{"role": "user", "content": prompt}]
        yield LoggedCall(request_id=f"q{at}", model="small", messages=messages, response="so")


def test_what_breaks_off_leaves_the_log_as_it_was_and_nothing_beside_it(tmp_path, monkeypatch):
    out = tmp_path / "log.parquet"
    assert write_calls(called(3), out) == 3
    monkeypatch.setattr(call_log, "_BYTES", 10)  # so that parts are written

    def broken():
        yield from called(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_calls(broken(), out)
    with pytest.raises(LogError, match="there are no calls to write"):
        write_calls([], out)
    assert [it.name for it in tmp_path.iterdir()] == ["log.parquet"]
    assert pq.read_metadata(out).num_rows == 3


def test_long_prompts_are_not_held_many_at_a_time(tmp_path, monkeypatch):
    held = []
    add = call_log.CallStore.add

    def counted(self, calls, *given):
        held.append(len(calls))
        add(self, calls, *given)

    monkeypatch.setattr(call_log.CallStore, "add", counted)
    monkeypatch.setattr(call_log, "_BYTES", 10_000)
    assert write_calls(called(6, "y" * 6_000), tmp_path / "log.parquet") == 6
    assert max(held) == 2
