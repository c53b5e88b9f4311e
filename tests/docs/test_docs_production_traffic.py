"""Every command of the page on production traffic runs, and every value holds the truth."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from production_world import COSTS, write_all
from test_docs_examples import commands

from routelab.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "production-traffic.md"
KINDS = {
    "litellm", "otlp", "mlflow", "langfuse", "phoenix", "helicone", "openai", "calls", "promptfoo",
}  # fmt: skip


def test_each_kind_of_log_ends_at_a_number_that_holds_the_truth(tmp_path, monkeypatch, capsys):
    truth = write_all(tmp_path)
    monkeypatch.chdir(tmp_path)
    valued, imported = list[str](), set[str]()
    for line in commands(PAGE):
        words = shlex.split(line)[1:]
        capsys.readouterr()
        assert main([*words, "--json"]) == 0, line
        printed = json.loads(capsys.readouterr().out)
        if words[0] == "import":
            imported.add(words[1])
        if words[0] == "value":
            valued.append(words[words.index("--log") + 1])
            (found,) = printed
            low, high = found["estimates"]["quality"]["ci"]
            assert low <= truth <= high, line
            assert high - low < 0.2, line
            paid = found["estimates"]["cost_usd"]["value"]
            assert paid == pytest.approx(COSTS["large"]), line
    assert imported == KINDS
    assert len(valued) == 9
