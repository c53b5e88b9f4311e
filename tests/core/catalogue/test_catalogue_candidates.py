"""Candidates: what they have from their base, what they add to a request, what is refused."""

from __future__ import annotations

import pytest

from routelab.core.catalogue import Model, Parameters, candidate, catalogue_file
from routelab.errors import CatalogueError

HEAD = """
[models.gpt-x]
input_usd_per_mtok = 1.0
output_usd_per_mtok = 4.0
usd_per_request = 0.5
context_window = 1000
capabilities = ["reasoning"]
deployments = [{ base_url = "http://a/v1", model = "x-1" }]
"""


def parse(text):
    return catalogue_file.parse(HEAD + text, "models.toml").models


def test_a_candidate_has_from_its_base_what_it_does_not_say():
    found = parse(
        '[models."gpt-x@high"]\nbase = "gpt-x"\nusd_per_request = 0.0\ncontext_window = 500\n'
        'parameters = { reasoning_effort = "high" }\n'
    )
    base, high = found["gpt-x"], found["gpt-x@high"]
    assert high == candidate(
        "gpt-x",
        base,
        Parameters(reasoning_effort="high"),
        usd_per_request=0.0,
        context_window=500,
    )
    assert high.cost_usd(1e6, 1e6) == 5.0  # a price of 0 that is said is not the base's
    assert high.deployments == base.deployments


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("parameters = { temperature = 1.0 }", "say of which model: base"),
        ('base = "gpt-y"\nparameters = { temperature = 1.0 }', "'gpt-y' is not listed"),
        ('base = "c"\nparameters = { temperature = 1.0 }', "it is its own base"),
        ('base = "gpt-x"', "it has no parameters, so it is its base"),
        ('base = "gpt-x"\nparameters = { temperature = -1.0 }', "temperature is -1.0; it lies"),
        ('base = "gpt-x"\nparameters = { top_p = 2.0 }', "top_p is 2.0; it lies in [0, 1]"),
        ('base = "gpt-x"\nparameters = { max_tokens = 0 }', "max_tokens is 0; it is at least 1"),
        ('base = "gpt-x"\nparameters = { max_tokens = 1001 }', "does not fit its context_window"),
        (
            f'base = "gpt-x"\nparameters = {{ prompt_prefix = "{"four" * 1000}" }}',
            "prompt_prefix has about 1000 tokens, and its context_window is 1000: no request fits",
        ),
        (
            'base = "gpt-x"\nparameters = { max_tokens = 5, max_completion_tokens = 5 }',
            "keep the one of the endpoint",
        ),
        ('base = "gpt-x"\nparameters = { reasoning_effort = "hihg" }', "write 'high'"),
        ('base = "gpt-x"\nparameters = { effort = "high" }', "no field 'effort'"),
        ('base = "gpt-x"\nparameters = { temperature = "hot" }', "write a number"),
        ('base = "dull"\nparameters = { reasoning_effort = "high" }', "lack 'reasoning'"),
        ('base = "d"\nparameters = { temperature = 1.0 }', "is a candidate too"),
        ('base = "gpt-x"\nparameters = { temperature = 0.5 }', "the parameters of 'd'"),
    ],
)
def test_what_is_no_candidate_is_refused_by_name(text, said):
    others = (
        '[models.dull]\ncapabilities = ["tools"]\n'
        '[models.d]\nbase = "gpt-x"\nparameters = { temperature = 0.5 }\n'
    )
    with pytest.raises(CatalogueError) as caught:
        parse(f"{others}[models.c]\n{text}\n")
    assert any(it.startswith("models.toml: models.c: ") for it in caught.value.problems)
    assert said in str(caught.value)


HIGH = Parameters(reasoning_effort="high", max_completion_tokens=100, prompt_prefix="Be brief.")


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({}, {"max_completion_tokens": 100}),
        ({"max_completion_tokens": None}, {"max_completion_tokens": 100}),
        ({"max_completion_tokens": 50}, {"max_completion_tokens": 50}),
        ({"max_tokens": 50}, {"max_tokens": 50}),  # by the name that the request has
        ({"max_tokens": 500}, {"max_tokens": 100}),
    ],
)
def test_of_two_limits_the_smaller_holds(given, limits):
    sent = HIGH.merged({"messages": (), **given})
    assert {name: it for name, it in sent.items() if "max" in name} == limits
    assert sent["reasoning_effort"] == "high"


@pytest.mark.parametrize(
    "messages",
    [
        ({"role": "user", "content": "hi"},),
        ({"role": "system", "content": "Sys."}, {"role": "user", "content": "hi"}),
        ({"role": "developer", "content": [{"type": "text", "text": "Sys."}]},),
    ],
)
def test_a_prefix_stands_before_the_messages_and_comes_off_again(messages):
    sent = HIGH.merged({"messages": messages})["messages"]
    assert sent[0]["role"] in ("system", "developer")
    assert "Be brief." in str(sent[0]["content"])
    assert HIGH.without_prefix(sent) == list(messages)
    assert HIGH.without_prefix(list(messages)) is None


def test_a_request_that_fixes_a_parameter_otherwise_conflicts():
    assert list(HIGH.conflicts({"reasoning_effort": "low", "max_tokens": 1})) == [
        ("reasoning_effort", "low", "high")
    ]
    assert not list(HIGH.conflicts({"reasoning_effort": "high", "temperature": 0}))
    assert list(HIGH.conflicts({"reasoning": {"effort": "low"}})) == [
        ("reasoning.effort", "low", "high")
    ]
    assert not list(HIGH.conflicts({"reasoning": {"effort": "high"}}))
    assert not list(HIGH.conflicts({"reasoning": "low"}))
    assert Model().parameters is None


def test_a_base_may_fall_back_on_its_candidate_which_then_has_the_other_fallbacks():
    found = catalogue_file.parse(
        '[models.a]\nfallbacks = ["a@low", "b"]\n[models.b]\n'
        '[models."a@low"]\nbase = "a"\nparameters = { reasoning_effort = "low" }\n',
        "models.toml",
    ).models
    assert (found["a"].fallbacks, found["a@low"].fallbacks) == (("a@low", "b"), ("b",))
