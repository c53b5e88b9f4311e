"""What an endpoint wants otherwise in a request, as the catalogue says it."""

from __future__ import annotations

import pytest

from routelab.core.catalogue import Deployment, Quirks, catalogue_file, known_quirks
from routelab.errors import CatalogueError

FILE = """
[models.a]
[[models.a.deployments]]
base_url = "https://north.example/v1"
model = "a-1"
quirks = {{ {quirks} }}
"""


def read(quirks):
    catalogue = catalogue_file.parse(FILE.format(quirks=quirks), "models.toml")
    return catalogue.models["a"].deployments[0]


def test_a_file_says_them():
    one = read('drop = ["logprobs"], rename = { seed = "random_seed" }, add = { safe = true }')
    assert one.quirks == Quirks(("logprobs",), {"seed": "random_seed"}, {"safe": True})
    assert one.quirks.shaped({"seed": 1, "logprobs": True, "n": 2}) == {
        "random_seed": 1,
        "n": 2,
        "safe": True,
    }
    assert hash(one) == hash(
        read('drop = ["logprobs"], rename = {seed="random_seed"}, add = {safe=true}')
    )


def test_what_a_request_says_goes_before_what_is_added():
    assert Quirks(add={"safe": True}).shaped({"safe": False}) == {"safe": False}


@pytest.mark.parametrize(
    ("quirks", "problem"),
    [
        ('drop = ["messages"]', "quirks.drop has 'messages', which every request needs"),
        ('rename = { seed = "model" }', "quirks.rename makes 'seed' 'model'"),
        ('rename = { seed = "" }', "quirks.rename makes 'seed' ''"),
        ('drop = ["seed"], rename = { seed = "s" }', "both have 'seed'; keep one of the two"),
        ("add = { stream = true }", "quirks.add has 'stream'"),
        ('drop = [""]', "quirks.drop has an empty name"),
        ('drops = ["x"]', "drops"),
        ("drop = 3", "drop"),
    ],
)
def test_what_cannot_be_is_refused(quirks, problem):
    with pytest.raises(CatalogueError) as told:
        read(quirks)
    assert problem in str(told.value)


def test_some_providers_are_known():
    assert "stream_options" in known_quirks("https://api.mistral.ai/v1").drop
    assert known_quirks("https://api.mistral.ai/v1").rename["seed"] == "random_seed"
    assert "logprobs" in known_quirks("https://api.groq.com/openai/v1").drop
    for url in (
        "https://api.openai.com/v1",
        "http://[::1",
        "api.groq.com",
        "https://xapi.groq.com",
    ):
        assert known_quirks(url) == Quirks()


def test_a_deployment_without_them_is_written_as_before():
    assert Deployment("http://a/v1", "m") == Deployment("http://a/v1", "m", quirks=None)
