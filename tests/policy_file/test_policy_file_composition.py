"""Policies in one file: each keeps its scorers, and the whole has figures of its own or none."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from reference_world import POLICIES, document
from safetensors.numpy import load_file

from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.signal_spec import SignalSpec
from routelab.errors import PolicyError
from routelab.policies import Conditional, Explore, Fallback, Fixed, Match, Mixture, Rule, to_wire
from routelab.policy_file import compose, load, verify, write
from routelab.policy_file.card import policy_card

WEIGHTS = load_file(POLICIES / "reference-tiers.policy" / "weights.safetensors")
OTHERS = {
    name: -value[::-1] if value.dtype == np.float64 and value.ndim else value
    for name, value in WEIGHTS.items()
}
"""Scorers of the same names that predict something else."""

LEARNED = (
    "tiers",
    "utility",
    "neighbors",
    "gain-cascade",
    "cascade-routing",
    "conditional",
    "explore",
)
WHOLES = {
    "mixture": lambda a, b: Mixture(a, b, 0.5),
    "conditional": lambda a, b: Conditional((Rule(Match(task=("maths",)), a),), b),
    "fallback": lambda a, b: Fallback((a, b)),
    "nested": lambda a, b: Mixture(
        Explore(Conditional((Rule(Match(priority=("high",)), b),), Fixed("small")), 0.1, "try"),
        Fallback((a, b)),
        0.25,
        "outer",
    ),
}


def made(path, kind, weights=WEIGHTS, **changes):
    it = msgspec.structs.replace(document(kind), **changes)
    return write(path, it, policy_card(it), weights)


@pytest.fixture(name="parts")
def two_learned(tmp_path):
    return made(tmp_path / "a.policy", "utility"), made(tmp_path / "b.policy", "utility", OTHERS)


@pytest.mark.parametrize("kind", LEARNED)
@pytest.mark.parametrize("whole", WHOLES)
def test_two_learned_policies_keep_their_scorers(tmp_path, kind, whole):
    one = made(tmp_path / "a.policy", kind)
    other = made(tmp_path / "b.policy", kind, OTHERS)
    assert [it.calls for it in one.golden] != [it.calls for it in other.golden]
    kept = []

    def build(a, b):
        kept.extend((a, b))
        return WHOLES[whole](a, b)

    both = compose(tmp_path / "c.policy", build, one, other)
    assert both.policy == WHOLES[whole](*kept)
    assert both.verify() == []
    for part, policy in zip((one, other), kept, strict=True):
        assert verify(policy, part.document.seed, part.golden, both.scoring) == []
        for item in part.golden:
            for name, renamed in zip(part.policy.scorers_used, policy.scorers_used, strict=True):
                if item.text is not None and not part.scoring.reads_answer(name):
                    alone = part.scoring.score(name, item.request)
                    assert both.scoring.score(renamed, item.request) == alone


def test_three_policies_of_one_kind_in_one_file(tmp_path, parts):
    one, other = parts
    again = made(tmp_path / "d.policy", "cascade-routing", OTHERS)
    all_three = compose(
        tmp_path / "c.policy", lambda a, b, c: Mixture(a, Mixture(b, c, 0.5, "inner"), 0.3),
        one, other, again, name="three",
    )  # fmt: skip
    assert all_three.name == "three"
    assert {"quality", "2.quality", "3.quality"} <= set(all_three.document.scorers)
    assert all_three.verify() == []


def test_the_same_scorers_are_held_once(tmp_path):
    one, other = made(tmp_path / "a.policy", "utility"), made(tmp_path / "b.policy", "tiers")
    both = compose(tmp_path / "c.policy", lambda a, b: Mixture(a, b, 0.5), one, other)
    assert both.document.scorers.keys() == one.document.scorers.keys()


def test_figures_and_provenance_are_those_of_the_whole(tmp_path, parts):
    worth = {"verdict": "ship", "reasons": ["gains 3 points"], "test": {"baselines": []}}
    made_from = {"routelab": "0", "log": "a.csv", "log_sha256": "f" * 64, "options": {"seed": 7}}
    one = made(tmp_path / "d.policy", "utility", provenance=made_from)
    one_path = one.path / "policy.json"
    content = json.loads(one_path.read_text())
    one_path.write_text(json.dumps({**content, "evaluation": worth}))
    both = compose(
        tmp_path / "both.policy", lambda a, b: Mixture(a, b, 0.5), load(one.path), parts[1]
    )
    found = both.document
    assert found.name == "both"
    assert (found.evaluation, found.certificate) == ({}, None)
    assert "options" not in found.provenance
    first, second = found.provenance["composed_of"]
    assert (first["log"], first["log_sha256"]) == ("a.csv", "f" * 64)
    assert second["policy_sha256"] == parts[1].digest
    card = (both.path / "card.md").read_text()
    assert "Not evaluated." in card
    assert "ship" not in card


def test_what_the_parts_disagree_on_is_refused_at_once(tmp_path, parts):
    models = {**document("utility").catalogue.models, "small": Model(input_usd_per_mtok=9.0)}
    odd = made(
        tmp_path / "d.policy", "cascade", catalogue=Catalogue(models), seed=1234,
        signals={"confidence": SignalSpec(multiplier=9.0)},
    )  # fmt: skip
    plain = made(tmp_path / "e.policy", "cascade")
    with pytest.raises(PolicyError) as caught:
        compose(tmp_path / "c.policy", lambda a, b: Mixture(a, b, 0.5), plain, odd)
    told = str(caught.value)
    assert "signal 'confidence'" in told
    assert "model 'small'" in told
    assert "1234" in told
    assert not (tmp_path / "c.policy").exists()


def test_what_is_no_policy_file_or_no_policy_is_refused(tmp_path, parts):
    with pytest.raises(PolicyError, match=r"load\(PATH\)"):
        compose(tmp_path / "c.policy", lambda a: a, parts[0].policy)
    with pytest.raises(PolicyError, match="`parts`"):
        compose(tmp_path / "c.policy", lambda: Fixed("small"))
    with pytest.raises(PolicyError, match="`build` returned"):
        compose(tmp_path / "c.policy", lambda a: to_wire(a), parts[0])


def test_a_loaded_document_that_was_changed_leaves_its_figures_behind(tmp_path, parts):
    worth = {"verdict": "ship", "reasons": ["gains 3 points"], "bounds": []}
    one = made(tmp_path / "d.policy", "utility", evaluation=worth)
    assert one.document.evaluation == worth
    again = write(tmp_path / "e.policy", one.document, "# mine\n", one.tensors)
    assert again.document.evaluation == worth
    assert (again.path / "card.md").read_text() == "# mine\n"
    other = msgspec.structs.replace(one.document, policy=to_wire(Fixed("small")))
    changed = write(tmp_path / "e.policy", other, "**ship**\n", one.tensors)
    assert changed.document.evaluation == {}
    assert "ship" not in (changed.path / "card.md").read_text()


def test_parts_that_read_other_messages_are_refused_and_one_reading_is_kept(tmp_path):
    kinds = ("image", "system text")
    turns = {"reads": "user_turns"}
    one = made(tmp_path / "a.policy", "utility", message_kinds=kinds, **turns)
    other = made(tmp_path / "b.policy", "tiers", message_kinds=kinds[:1], **turns)
    last = made(tmp_path / "c.policy", "utility", OTHERS, reads="last_turn")
    old = made(tmp_path / "d.policy", "utility", OTHERS)
    for unlike, named in ((last, "last_turn, user_turns"), (old, "every message .*, user_turns")):
        with pytest.raises(PolicyError, match=f"read other messages of a request: {named}"):
            compose(tmp_path / "x.policy", WHOLES["mixture"], one, unlike)
    whole = compose(tmp_path / "x.policy", WHOLES["mixture"], one, other).document
    assert (whole.reads, whole.message_kinds) == ("user_turns", kinds[:1])
    with_none = compose(tmp_path / "y.policy", WHOLES["mixture"], one, made_of_models(tmp_path))
    assert with_none.document.reads == "user_turns"


def made_of_models(tmp_path):
    it = msgspec.structs.replace(document("utility"), policy=to_wire(Fixed("small")))
    it = msgspec.structs.replace(it, scorers={}, features={})
    return write(tmp_path / "plain.policy", it, policy_card(it), {})
