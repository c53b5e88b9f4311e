"""The page tells what was certified, what it rests on, and what other seeds came to."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from routelab.logs import Log
from routelab.policy_file import load
from routelab.reports import render
from routelab.tuning import Options, tune
from routelab.tuning.certify import CertificateDemand
from routelab.tuning.study.export import as_json, save
from routelab.tuning.study.seeds import spread_over_seeds


def page_of(log: Log, tmp_path, *, bound: float, seeds: int = 1):
    """The Markdown twin and the card of a small study."""
    options = Options(
        name="c", trials=5, certify=(CertificateDemand("regret", bound),), policy="cascade"
    )
    study = tune(log, options)
    if seeds > 1:
        study = replace(study, seeds=spread_over_seeds(study, log, options, seeds))
    save(study, tmp_path / "c.policy")
    data = json.loads((tmp_path / "c.study" / "study.json").read_text())
    report = render(data)
    assert render(data) == report
    card = (tmp_path / "c.policy" / "card.md").read_text()
    return report.markdown.decode(), report.html.decode(), card, study


@pytest.fixture(scope="module")
def small(sample_log):
    return sample_log.take(np.arange(0, len(sample_log), 3))


def test_a_certificate_has_a_chapter_and_is_on_the_card(small, tmp_path):
    page, html, card, study = page_of(small, tmp_path, bound=0.25, seeds=2)
    chapter = page.split("## What is certified")[1].split("\n## ")[0]
    assert "holds with probability 90% or more" in chapter
    assert "Regret to the best model ≤ 0.2500" in chapter
    for text in study.certificate.assumptions:
        assert text.split(":")[0] in chapter
        assert text in card
    assert 'id="certificate"' in html
    assert "## Certificate" in card
    assert study.certificate.text[1:] in card.replace("\\[", "[").replace("\\]", "]")
    seeds = page.split("## Other seeds")[1].split("\n## ")[0]
    assert "The exported policy is that of the first seed" in seeds
    assert "| 1 |" in seeds
    assert "--certify regret=0.25 --delta 0.1" in page
    assert "--seeds 2" in page


def test_what_was_not_proved_says_how_many_requests_would_do(small, tmp_path):
    page, _, card, study = page_of(small, tmp_path, bound=0.005)
    chapter = page.split("## What is certified")[1].split("\n## ")[0]
    assert not study.certificate.holds
    assert "Nothing was proved" in chapter
    needed = study.certificate.requests_needed or study.certificate.safest_needed
    assert f"about {needed:,} calibrate requests would do" in chapter
    assert "Not certified on" in card


def test_without_one_there_is_no_chapter(tuned):
    page = render(as_json(tuned.study)).markdown.decode()
    assert "What is certified" not in page
    assert "Other seeds" not in page
    assert "## Certificate" not in (tuned.policy / "card.md").read_text()
    assert load(tuned.policy).document.certificate is None
