"""What an endpoint says of hosts, accounts and keys stays here; what helps is passed on."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.runtime.attempts.public_text import HIDDEN, public_text

HELPFUL = (
    "This model's maximum context length is 8192 tokens, however you requested 10240 tokens",
    "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
    "Invalid value for 'messages[0].content': expected a string, got null",
    "max_tokens must be at least 1, got -186.",
    "`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8000 `inputs` tokens",
    "image/png is not supported (e.g. use image/jpeg, at most 20MB)",
    "temperature=2.5 is out of range 0-2",
    "messages.0.content must be non-empty",
    "ValidationException: Input is too long",
)

SECRET = (
    "gpu-7.prod.internal:8443",
    "gpu-7.prod.internal.corp",
    "fd00::12:8000",
    "10.0.3.7",
    "http%3A%2F%2F10.0.0.5%2Fv1",
    "org_01abcXYZ",
    "org-abcdef",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/x",
    "123456789012",
    "projects/my-secret-project/locations/us",
    "my-secret-project",
    "/home/ops/models/secret.gguf",
    "C:\\models\\secret.gguf",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.abcdefghij",
    "hf_abcdefghijklmnop",
    "AKIAIOSFODNN7EXAMPLE",
    "abcd1234SE*****key",
    "0123456789abcdef0123456789abcdef",
    "6d2c8b8e-7f3a-4a7e-9d7a-1b2c3d4e5f60",
    "req_011CQabc",
    "ops@corp.example",
    "key=topsecret",
    "QWxhZGRpbjpvcGVuc2VzYW1l==",
    "vllm-7f9c6d-x2x4z",
)
AROUND = ("at {}", "'{}' failed", "({})", "worker {}.", "[{}]", "error {}: bad", "`{}`, sorry")


@pytest.mark.parametrize("text", HELPFUL)
def test_what_a_caller_can_mend_is_passed_on_word_by_word(text):
    assert public_text(text) == text


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("secret", SECRET)
def test_names_of_machines_accounts_and_keys_are_not(secret, around):
    told = public_text(around.format(secret))
    assert HIDDEN in told
    assert secret not in told


@pytest.mark.parametrize("label", ["organization", "project", "Account", "tenant:", "worker"])
def test_a_plain_word_after_such_a_label_is_a_name(label):
    assert "acme" not in public_text(f"Request refused for {label} `acme` in us")


def _mixed(text):
    return any(map(str.isdigit, text)) and sum(map(str.isalpha, text)) > 2


@given(
    st.text("abcdefghij" + string.digits + "_-./:", min_size=12, max_size=40).filter(_mixed),
    st.sampled_from(AROUND),
)
def test_no_long_mix_of_letters_and_digits_comes_through(secret, around):
    told = public_text(around.format(secret))
    assert secret.strip("._-/:") not in told


@given(st.text(max_size=120))
def test_any_text_is_read_and_reading_twice_changes_nothing(text):
    once = public_text(text)
    assert public_text(once) == once
