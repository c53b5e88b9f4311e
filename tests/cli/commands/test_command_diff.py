"""`routelab diff`, as a reviewer runs it."""

from __future__ import annotations

import pytest
from msgspec import structs

from routelab.policies import to_wire
from routelab.policy_file import load, write


@pytest.fixture
def new(tuned, tmp_path):
    """The study's policy with lower thresholds."""
    it = load(tuned.policy)
    lower = structs.replace(it.policy, thresholds=tuple(t - 0.1 for t in it.policy.thresholds))
    document = structs.replace(it.document, name="[b]new[/b]", policy=to_wire(lower))
    return write(tmp_path / "new.policy", document, "# x\n").path


def test_what_changes_is_printed_and_the_same_as_json(run, tuned, new, sample_file):
    asked = ("diff", tuned.policy, new, "--log", sample_file)
    text, data = run.ok(*asked).out, run.ok(*asked, "--json").data
    for words in ("Settings that differ", "thresholds[", "answered by another model", "By task"):
        assert words in text
    assert "[b]new[/b]" in text
    assert f"{data['changed']:.1%} of {data['n_requests']:,} requests" in text
    assert data["old"]["quality"] == tuned.study.figures.quality
    for it in data["examples"]:
        assert it["id"] in text


def test_a_policy_against_itself_differs_in_nothing(run, tuned, sample_file):
    text = run.ok("diff", tuned.policy, tuned.policy, "--log", sample_file).out
    assert "No setting differs" in text
    assert "0.0% of" in text


def test_the_page_and_its_twin_are_the_same_each_time(run, tuned, new, sample_file, tmp_path):
    asked = ("diff", tuned.policy, new, "--log", sample_file, "--report")
    assert "report: page.html" in run.ok(*asked, "page.html").out
    run.ok(*asked, "again.html", "--json")
    page = (tmp_path / "page.html").read_bytes()
    assert page == (tmp_path / "again.html").read_bytes()
    assert b"<script>" in page
    assert b"[b]new[/b]" in page
    twin = (tmp_path / "page.md").read_text()
    for chapter in ("What changes", "Who answers instead", "Settings"):
        assert f"## {chapter}" in twin
    run.ok("diff", new, new, "--log", sample_file, "--report", "same.html")
    assert "The same decisions" in (tmp_path / "same.md").read_text()


def test_what_cannot_be_compared_is_refused(run, tuned, new, sample_file):
    said = run.refused("diff", tuned.policy, new, "--log", sample_file, "--split", "half")
    assert "unknown part" in said
    wrong = ("diff", tuned.policy, new, "--log", sample_file, "--report", "page.md")
    assert "NAME.html" in run.refused(*wrong)


def test_a_log_that_lacks_what_a_policy_needs_is_refused_by_its_name(run, tuned, tmp_path):
    log = tmp_path / "other.csv"
    rows = "".join(f"r{i},{m},1,0.1,0.5\n" for i in range(40) for m in ("a", "b"))
    log.write_text(f"request_id,model,quality,cost_usd,sure\n{rows}")
    says = run.refused("diff", tuned.policy, tuned.policy, "--log", log, "--split", "all")
    assert f"policy {tuned.policy.name.removesuffix('.policy')!r} needs what the log lacks" in says
    assert "no outcome of small-8b" in says
    assert "(it has a, b)" in says
    assert "no values of signal confidence (it has sure)" in says
