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
        ({"retry-after": "30, 60"}, 30.0),
        ({"retry-after": "30;"}, 30.0),
        ({"retry-after": "30 seconds"}, 30.0),
        ({"retry-after": "2 minutes"}, 120.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "500ms"}, 0.5),
        ({"retry-after": "1d"}, 3600.0),
        ({"retry-after": "PT1M30S"}, 90.0),
        ({"retry-after": "2023-11-14T22:15:20Z"}, 120.0),
        ({"retry-after": f"{NOW + 20:.0f}"}, 20.0),
        ({"retry-after": f"{NOW * 1e3 + 20_000:.0f}"}, 20.0),
        ({"retry-after": f"{NOW * 1e6 + 20_000_000:.0f}"}, 20.0),
        ({"retry-after": f"{NOW - 20:.0f}"}, 0.0),
        ({"retry-after": "1e400"}, 3600.0),
        ({"retry-after": "0", "retry-after-ms": "0"}, 0.0),
        ({"retry-after": "30", "retry-after-ms": "0"}, 30.0),
        ({"retry-after": "30", "retry-after-ms": "-5"}, 30.0),
        ({"x-ratelimit-reset": "30"}, 30.0),
        ({"x-ratelimit-reset": f"{NOW + 20:.0f}"}, 20.0),
        ({"x-ratelimit-reset": f"{NOW * 1e3 + 20_000:.0f}"}, 20.0),
        ({"ratelimit-reset": "20"}, 20.0),
        ({"ratelimit": "limit=10, remaining=0, reset=20"}, 20.0),
        ({"ratelimit": '"default";r=0;t=20'}, 20.0),
        ({"x-ratelimit-reset-requests": "6s", "x-ratelimit-remaining-requests": "0"}, 6.0),
        ({"x-ratelimit-reset-requests": "6s", "x-ratelimit-remaining-requests": "7"}, None),
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "0",
            },
            360.0,
        ),
        (
            {
                "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:40Z",
                "anthropic-ratelimit-requests-remaining": "0",
            },
            20.0,
        ),
        ({"retry-after": "7", "x-ratelimit-reset": "30"}, 7.0),
    ],
)
def test_seconds_dates_and_milliseconds_are_read(headers, expected):
    assert retry_after_s(headers, NOW) == expected


def inside(**error):
    return {"error": {"message": "slow down", **error}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (inside(message="Please try again in 7.66s. Visit https://x.test"), 7.66),
        (inside(message="Rate limit reached. Please try again in 1m2.5s."), 62.5),
        (inside(message="Please retry in 11.665902715s."), 11.665902715),
        (inside(message="Please retry after 5 seconds."), 5.0),
        (inside(message="Try again in 250ms"), 0.25),
        (inside(message="try again in 9h"), 120.0),  # it may be a caller's word
        (inside(message="you used 5 seconds"), None),
        ({"message": "wait 3 seconds"}, 3.0),
        (inside(details=[{"retryDelay": "11.5s"}]), 11.5),
        (inside(details=[{"retryDelay": {"seconds": 11, "nanos": 500_000_000}}]), 11.5),
        ([inside(details=[{"retryDelay": "11.5s"}])], 11.5),
        (inside(metadata={"retry_after_seconds": 18}), 18.0),
        (inside(metadata={"headers": {"Retry-After": "20"}}), 20.0),
        (inside(metadata={"headers": {"X-RateLimit-Reset": f"{NOW * 1e3 + 20_000:.0f}"}}), 20.0),
        ({"error": "loading", "estimated_time": 20.0}, 20.0),
        ({"retry_after_ms": 1500}, 1.5),
        (inside(retryAfterMs="1500"), 1.5),
        (inside(retry_after=1e308), 3600.0),
        (inside(retry_after=-5), None),
        (inside(retry_after="soon"), None),
        ({"parameters": {"retry_after": 3}}, 3.0),
    ],
)
def test_what_a_body_says_is_read_too(body, expected):
    assert retry_after_s({}, NOW, body) == (expected and pytest.approx(expected, abs=1e-6))


def test_limits_and_sentences_are_of_refusals_for_limits_alone():
    headers = {"x-ratelimit-reset": "30"}
    body = inside(message="try again in 5 seconds")
    assert retry_after_s(headers, NOW, body, limited=False) is None
    assert retry_after_s({"retry-after": "7"}, NOW, body, limited=False) == 7.0


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
