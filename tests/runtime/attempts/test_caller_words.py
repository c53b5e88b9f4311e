"""What whoever asked reads of a failure: no address, no deployment, no key."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.core.catalogue import Deployment
from routelab.runtime import Reply
from routelab.runtime.attempts.caller_words import caller_words, without_addresses
from routelab.runtime.attempts.classify import classify, failed
from routelab.runtime.attempts.failures import BY_CODE

AT = Deployment(
    "https://user:open-sesame@gpu-7.internal.example:8443/v1",
    "secret-deployment-7",
    provider="north",
    api_key_env="NORTH_KEY",
)
SECRETS = (
    "gpu-7.internal.example",
    "8443",
    "open-sesame",
    "secret-deployment-7",
    "NORTH_KEY",
    "10.1.2.3",
    "fd00::7",
    "hidden.example",
    "sk-proj-abcdef123456",
)
SAID = (
    "the model `secret-deployment-7` at https://gpu-7.internal.example:8443/v1/chat/completions",
    "SECRET-DEPLOYMENT-7 is not loaded on gpu-7.internal.example:8443, see 10.1.2.3:80",
    "Incorrect API key provided: sk-proj-abcdef123456; set NORTH_KEY",
    "cannot connect to host [fd00::7]:8443 (http:\\/\\/hidden.example\\/x)",
    "redis://hidden.example:6379/0 timed out; Bearer sk-proj-abcdef123456",
)


@pytest.mark.parametrize("failure", BY_CODE, ids=[it.name for it in BY_CODE])
@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_endpoint_that_says_where_it_is_says_so_to_operators_alone(failure, said, status):
    error = {"error": {"message": said, "code": min(failure.codes)}}
    result = classify(AT, Reply(status, json.dumps(error).encode()), 0.0)
    told = caller_words(AT, result)
    assert told
    assert not [it for it in SECRETS if it.lower() in told.lower()]
    assert said.split()[0] in (result.error or "")


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("kind", ["connect", "cut", "key", "malformed"])
def test_so_does_a_connection_that_fails(kind, said):
    told = caller_words(AT, failed(AT, said, kind))
    assert told
    assert not [it for it in SECRETS if it in told]


def test_what_a_caller_can_mend_is_told_in_the_endpoints_words():
    said = "secret-deployment-7: maximum context length is 8192 tokens, you asked for 9000"
    error = {"error": {"message": said, "code": "context_length_exceeded"}}
    result = classify(AT, Reply(400, json.dumps(error).encode()), 0.0)
    assert caller_words(AT, result) == (
        "answered 400: the model: maximum context length is 8192 tokens, you asked for 9000"
    )


def test_what_is_the_routers_own_word_is_told_as_it_is():
    assert caller_words(AT, failed(AT, "no answer in 3 s", "timeout")) == "no answer in 3 s"


@given(st.text(max_size=80), st.sampled_from([AT.model, AT.public_url, AT.base_url]), st.text())
@settings(max_examples=60)
def test_no_words_around_a_name_keep_it(before, name, after):
    told = without_addresses(AT, f"{before} {name} {after}")
    assert f" {name} " not in told


@pytest.mark.parametrize("base_url", ["", "http://[", "not an address", "http://h"])
def test_an_address_that_is_none_does_no_harm(base_url):
    at = Deployment(base_url, "m")
    assert without_addresses(at, "I am a model that met 3 errors") == (
        "I am a model that met 3 errors"
    )
