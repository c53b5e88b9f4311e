"""The page of a simulated day says what the day was like, in both its forms."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from routelab.policy_file import load
from routelab.reports import forms
from routelab.reports.day import render_day
from routelab.reports.plots.timeline import binned
from routelab.simulate import SimulationOptions, arrivals, latency, scenario, simulate, slo

STORM = scenario.parse(
    'name = "<b>storm</b>"\n[[faults]]\nkind = "outage"\nfrom_s = 10\nto_s = 25\n', "storm.toml"
)


@pytest.fixture(scope="module")
def day(tuned, sample_log):
    chosen = load(tuned.policy)
    log = sample_log.with_specs(chosen.document.signals)
    coming = arrivals(log, "poisson:6", requests=300)
    return simulate(
        chosen, log, coming, latency(log, "logged"), options=SimulationOptions(scenario=STORM)
    )


@pytest.fixture(scope="module")
def checks(day):
    return slo.check(slo.parse("error_rate = 0.001\nquality = 0.1\n", "slo"), day, "slo")


def test_the_page_tells_what_was_missed_and_which_requests_were_lost(day, checks):
    page = render_day([day], [checks], STORM, "sample.parquet")
    html = page.html.decode()
    lost = int((~day.answered).sum())
    assert lost > 0
    assert "1 of 2 objectives missed" in html
    assert f"{lost} without an answer" in html
    assert "<b>storm" not in html
    for it in day.failures[:3]:
        assert it.request_id in html
    assert html.count("<svg") == 2
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert "1 of 2 objectives missed" in page.markdown.decode()
    assert render_day([day], [checks], STORM, "sample.parquet") == page


def test_several_policies_stand_side_by_side(day, checks):
    other = replace(day, policy="other")
    html = render_day([day, other], [checks, checks], STORM, "log").html.decode()
    assert "0 of 2 policies hold" in html
    assert "Over time: other" in html
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_bins_hold_every_request_once(day):
    found = binned(day, 12)
    width = day.arrived_s[-1] / 12
    assert found.per_s.sum() * width == pytest.approx(len(day))
    sizes = found.per_s * width
    assert np.nansum(found.failed * sizes) == pytest.approx((~day.answered).sum())
    assert np.nansum(found.usd_per_1k * sizes) == pytest.approx(1000 * day.cost_usd.sum())
    assert np.all((found.p50 <= found.p95) | np.isnan(found.p95))


def test_the_slowest_are_the_slowest(day):
    told = [it.latency_s for it in day.slowest]
    slowest = np.sort(day.latency_s[day.answered])[::-1][: len(told)]
    assert told == slowest.tolist()


def test_a_day_without_latencies_or_objectives_is_told_too(day):
    html = render_day([replace(day, latency_known=False)], [], STORM, "log").html.decode()
    assert "No objectives" in html
    assert "not observed" in html


def test_a_long_message_ends_after_a_whole_word():
    said = "the budget of all for 2026-03-01 has no room: 4.9128 of 5 USD are spent"
    for limit in range(1, len(said)):
        kept = forms.clipped(said, limit)
        assert len(kept) <= limit + 2
        assert kept.endswith(" …")
        whole = kept.removesuffix(" …")
        assert said.startswith(whole)
        assert said[len(whole)] == " " or limit < len("the ")
    assert forms.clipped(said, len(said)) == said
