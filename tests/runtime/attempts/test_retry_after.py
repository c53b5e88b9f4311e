"""When an endpoint may be asked again, in every form in which it says so."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from routelab.runtime.attempts.retry_after import retry_after_s

ASCTIME = "Tue Nov 14 22:15:20 2023"  # NOW + 120
NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": formatdate(NOW + 90, usegmt=True)}, 90.0),
        ({"retry-after": formatdate(NOW - 90, usegmt=True)}, 0.0),
        ({"retry-after": ASCTIME}, 120.0),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "-7"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 99 Nov 99999 00:00:00 GMT"}, None),
    ],
)
def test_seconds_dates_and_milliseconds_are_read(headers, expected):
    assert retry_after_s(headers, NOW) == expected


def test_a_date_without_a_zone_is_utc_wherever_the_service_runs(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert retry_after_s({"retry-after": ASCTIME}, NOW) == 120.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_date_is_read_against_the_endpoints_own_clock():
    theirs = NOW + 3600
    headers = {
        "date": formatdate(theirs, usegmt=True),
        "retry-after": formatdate(theirs + 20, usegmt=True),
    }
    assert retry_after_s(headers, NOW) == 20.0
