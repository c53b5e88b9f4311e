"""What is sent to a server is the study's own: a marker or a link leads nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tracking_world import copied

from routelab import tracking
from routelab.errors import TrackingError
from routelab.tracking import bundle
from routelab.tracking.pending_studies import MARKER


@pytest.fixture
def study(tuned: Any, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return copied(tuned.policy, home).with_name("sample.study")


def marked(study: Path, **fields: str) -> Path:
    (study / MARKER).write_text(json.dumps({"policy": "sample.policy", **fields}))
    return study


@pytest.mark.parametrize("report", ["../secret.html", "/etc/hostname", "link.html"])
def test_a_marker_names_no_file_outside(study: Path, report: str) -> None:
    (study.parents[1] / "secret.html").write_text("secret")
    (study.parent / "link.html").symlink_to("../secret.html")
    with pytest.raises(TrackingError, match=r"leads out of the folder, and is not sent"):
        bundle.read(marked(study, report=report))


def test_a_marker_names_no_other_kind_of_file(study: Path) -> None:
    (study.parent / "keys.env").write_text("KEY=secret")
    with pytest.raises(TrackingError, match=r"'keys\.env' as its report, which is no \.html"):
        bundle.read(marked(study, report="keys.env"))


def test_no_file_of_a_study_leads_out_of_it(study: Path) -> None:
    (study / "trials.parquet").unlink()
    (study / "trials.parquet").symlink_to("/etc/hostname")
    with pytest.raises(TrackingError, match="leads out of the folder"):
        bundle.read(marked(study))


def test_a_report_that_lies_elsewhere_is_copied_into_the_study(study: Path) -> None:
    elsewhere = study.parents[1] / "my.html"
    elsewhere.write_text("<p>mine")
    tracking.mark(study, study.with_name("sample.policy"), elsewhere)
    found = bundle.read(study)
    assert found.report is not None
    assert found.report.resolve().is_relative_to(study.resolve())
    assert found.report.read_text() == "<p>mine"


def test_only_the_files_of_a_policy_are_its_files(study: Path) -> None:
    (study.with_name("sample.policy") / ".env").write_text("KEY=secret")
    names = {it.name for it in bundle.read(marked(study)).policy.files}
    assert names == {"policy.json", "weights.safetensors", "golden.jsonl", "card.md"}
