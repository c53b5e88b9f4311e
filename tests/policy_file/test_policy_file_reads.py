"""What of a request the decisions of a policy file depend on."""

from __future__ import annotations

import msgspec
from reference_world import POLICIES

from routelab.policy_file import load


def test_metadata_is_that_of_rules_and_of_scorers_that_other_scorers_ask():
    def used(kind):
        return load(POLICIES / f"reference-{kind}.policy").metadata_used

    for path in POLICIES.glob("reference-*.policy"):
        loaded = load(path)
        changed = {
            field
            for golden in loaded.golden
            for field in ("task", "tenant", "priority")
            for scorer in loaded.policy.scorers_used
            if not loaded.scoring.reads_answer(scorer)
            and loaded.scoring.score(scorer, golden.request)
            != loaded.scoring.score(
                scorer, msgspec.structs.replace(golden.request, **{field: "not known"})
            )
        }
        assert changed <= set(loaded.metadata_used), path.name
    assert used("cascade") == ()
    assert {"task"} <= set(used("conditional"))
