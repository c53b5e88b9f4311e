"""The page on security lists the limits that hold."""

from __future__ import annotations

import re
from pathlib import Path

from routelab.core.storage import Limits

PROJECT = Path(__file__).parents[2]


def test_every_limit_is_listed_with_its_number():
    page = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", page, re.MULTILINE))
    usual = Limits()
    assert listed == {name: f"{getattr(usual, name):,}" for name in Limits.__struct_fields__}


def test_the_policy_says_where_to_report():
    text = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")
    assert "Report a vulnerability" in text
    assert "@" not in text  # no address that nobody reads
