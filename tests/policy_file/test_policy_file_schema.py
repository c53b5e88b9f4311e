"""The published JSON Schema is the one of the types, and accepts what they accept."""

from __future__ import annotations

import json

import pytest
from reference_world import POLICIES, REFERENCES

from routelab.policies import KINDS
from routelab.policy_file import schema

PUBLISHED = POLICIES.parent / "docs" / "policy.schema.json"


def test_the_published_schema_is_current():
    told = "out of date: python -m routelab.policy_file.schema > docs/policy.schema.json"
    assert PUBLISHED.read_text(encoding="utf-8") == schema.text(), told


def test_every_reference_in_the_schema_leads_somewhere():
    made = schema.json_schema()
    names = {part.split('"')[0] for part in json.dumps(made).split('"#/$defs/')[1:]}
    assert names <= set(made["$defs"])
    assert {kind.__name__ for kind in KINDS} <= names


@pytest.fixture(scope="module")
def validator():
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    return jsonschema.Draft202012Validator(schema.json_schema())


def read(name):
    return json.loads((POLICIES / f"reference-{name}.policy" / "policy.json").read_text())


@pytest.mark.parametrize("name", REFERENCES)
def test_released_directories_fulfil_the_schema(validator, name):
    assert list(validator.iter_errors(read(name))) == []


HARMS = {
    "an unknown field": lambda p: p.update(colour="blue"),
    "an unknown kind": lambda p: p["policy"].update(kind="guess"),
    "an unknown kind inside": lambda p: p["policy"]["rules"][1]["policy"].update(kind="guess"),
    "a field of another kind inside": lambda p: p["policy"]["otherwise"].update(epsilon=0.5),
    "a wrong type in a rule": lambda p: p["policy"]["rules"][0]["when"].update(task="maths"),
    "an unknown scorer": lambda p: p["scorers"]["quality"].update(kind="oracle"),
    "a lacking field of features": lambda p: p["features"]["answer"].pop("models"),
    "no candidates": lambda p: p.pop("candidates"),
}


@pytest.mark.parametrize("what", HARMS)
def test_a_harmed_policy_does_not(validator, what):
    policy = read("conditional")
    HARMS[what](policy)
    assert list(validator.iter_errors(policy)) != []
