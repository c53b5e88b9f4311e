"""Reasons that a caller reads when nothing answered."""

from __future__ import annotations

from routelab.runtime.calls.caller import _counted


def test_a_reason_that_came_several_times_is_told_once_with_how_often():
    assert _counted(["a: down", "b: slow", "a: down"]) == ["a: down (2 times)", "b: slow"]
    assert _counted([]) == []
