"""Files of a gateway that cannot be: every problem is told, with its place and the way out."""

from __future__ import annotations

import re

import pytest
from serve_world import listed, saved

from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.errors import ConfigError, RoutelabError
from routelab.policies import Conditional, Fixed, Match, Rule
from routelab.serve import EventLog, ServeConfig, Service, new_key, read_config
from routelab.serve.keys import key_hash, read_keys

HERE = Catalogue(
    {name: Model(deployments=(Deployment("http://127.0.0.1:9/v1", name),)) for name in "ab"}
)


def problems_of(path, text, read=read_config):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read(path)
    return refused.value.problems


def test_every_mistake_in_the_settings_is_told_at_once(tmp_path):
    found = problems_of(
        tmp_path / "serve.toml",
        """
        timeout_s = 0
        modls = ["a"]
        transport = "carrier pigeon"
        budget_store = "spent.sqlite"
        [aliases]
        a = "a"
        [callers]
        tenant_header = "x-tenant"
        trusted = ["10.0.0.0/99"]
        [limits]
        body_depth = 0
        [limits.tenants.north]
        at_once = 0
        burst = 3
        """,
    )
    said = "\n".join(found)
    for why in (
        "timeout_s is 0.*above 0", "no field 'modls'", "transport", "budget_store keeps",
        "'a' stands for itself", "10.0.0.0/99", "body_depth is 0",
        "limits.tenants.north: at_once is 0", "burst needs requests_per_minute",
    ):  # fmt: skip
        assert re.search(why, said), why
    assert all(it.startswith("serve.toml: ") for it in found)


def test_headers_are_believed_of_a_proxy_alone(tmp_path):
    (only,) = problems_of(tmp_path / "serve.toml", '[callers]\ntenant_header = "x-tenant"')
    assert "believed of anybody" in only


def test_paths_are_relative_to_the_file_and_must_be_there(tmp_path):
    (only,) = problems_of(tmp_path / "serve.toml", '[callers]\nkeys = "keys.toml"')
    assert str(tmp_path / "keys.toml") in only
    (tmp_path / "serve.toml").write_text('log = "decisions"', encoding="utf-8")
    assert read_config(tmp_path / "serve.toml").log == str(tmp_path / "decisions")


def test_a_file_of_keys_shows_no_key_that_was_put_into_it(tmp_path):
    found = problems_of(
        tmp_path / "keys.toml",
        f"""
        [keys.a]
        sha256 = ["rl-the-key-itself"]
        [keys.b]
        sha256 = ["{key_hash("x")}"]
        expires = "soon"
        [keys.c]
        sha256 = ["{key_hash("x")}"]
        [keys.d]
        sha256 = []
        [keys.e]
        sha256 = "rl-the-key-itself"
        """,
        read_keys,
    )
    said = "\n".join(found)
    assert "the-key-itself" not in said
    for why in ("keys.a: sha256\\[0\\] is no SHA-256", "expires", "same key as keys.b",
                "keys.d: sha256 is empty", "keys.e: sha256"):  # fmt: skip
        assert re.search(why, said), (why, said)


def test_a_new_key_is_known_by_its_line_alone(tmp_path):
    key, table = new_key("ann", "north")
    assert key not in table
    (tmp_path / "keys.toml").write_text(table, encoding="utf-8")
    name, known = read_keys(tmp_path / "keys.toml").find(key)
    assert (name, known.tenant) == ("ann", "north")
    assert read_keys(tmp_path / "keys.toml").find(key + "x") is None


def opened(policies, catalogue, config=None):
    written = []
    return Service(policies, catalogue, config, events=EventLog(write=written.append)), written


def test_a_start_that_fails_names_every_missing_key_and_file(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    monkeypatch.delenv("NEITHER_THIS", raising=False)
    url = "http://127.0.0.1:9/v1"
    wanting = Catalogue(
        {
            "a": Model(deployments=(Deployment(url, "a", api_key_env="NO_SUCH_KEY"),)),
            "b": Model(deployments=(Deployment(url, "b", api_key_env="NEITHER_THIS"),)),
        }
    )
    policies = [saved(tmp_path / f"{it}.policy", Fixed(it), wanting) for it in "ab"]
    catalogue = listed(tmp_path / "models.toml", wanting)
    with pytest.raises(RoutelabError) as refused:
        opened(policies, catalogue)
    assert len(refused.value.problems) == 2
    assert "NEITHER_THIS is not set, which holds the key of b" in str(refused.value)
    assert "NO_SUCH_KEY is not set, which holds the key of a" in str(refused.value)
    with pytest.raises(RoutelabError) as refused:
        opened([*policies, policies[0], tmp_path / "none.policy"], tmp_path / "none.toml")
    assert len(refused.value.problems) == 3, refused.value


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (ServeConfig(default="best"), "default: no policy 'best'"),
        (ServeConfig(models=("c",)), "models: no model 'c'"),
        (ServeConfig(aliases={"x": "routelab/b"}), "aliases: 'x': no policy or model"),
        (ServeConfig(signals={"sure": "agreement:3"}), "signals: no signal 'sure'"),
    ],
)
def test_names_of_the_settings_are_looked_for(tmp_path, config, why):
    policy = saved(tmp_path / "a.policy", Fixed("a"), HERE)
    with pytest.raises(RoutelabError, match=re.escape(why)):
        opened([policy], listed(tmp_path / "models.toml", HERE), config)


def test_a_policy_that_reads_a_tenant_nobody_has_is_warned_of(tmp_path):
    rule = Rule(when=Match(tenant=("north",)), policy=Fixed("a"))
    by_tenant = Conditional(rules=(rule,), otherwise=Fixed("b"))
    policy = saved(tmp_path / "m.policy", by_tenant, HERE)
    service, _ = opened([policy], listed(tmp_path / "models.toml", HERE))
    (only,) = service.warnings
    assert "'m' decides by a request's tenant" in only
