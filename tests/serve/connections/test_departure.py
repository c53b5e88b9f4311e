"""Who answers over a connection is told of its end, once, and not after it was forgotten."""

from __future__ import annotations

from routelab.serve.connections import Departure


def test_who_is_told_hears_of_the_end_and_reading_goes_on():
    heard, read = [], []
    departure = Departure(lambda: read.append("on"))

    def first() -> None:
        heard.append("first")

    def second() -> None:
        heard.append("second")

    departure.tell(first)
    departure.tell(second)
    departure.forget(first)
    departure.happened()
    assert heard == ["second"]
    assert read == ["on", "on"]


def test_who_comes_after_the_end_is_told_at_once():
    heard = []
    departure = Departure(lambda: None)
    departure.happened()
    departure.tell(lambda: heard.append("late"))
    assert heard == ["late"]
