"""Webhooks: signed as the standard says, never inward, never along a redirect."""

from __future__ import annotations

import asyncio
import base64
import socket

import pytest
from receiver_world import SECRET, receiving

from routelab.serve.delivery import PublicBackend, UndeliverableError, WebhookSender, signature
from routelab.serve.settings import DestinationRule

KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
HERE = ("127.0.0.0/8",)


def posted(url, allow=HERE, keys=(KEY,), **more):
    async def post():
        sender = WebhookSender(allow, 10.0, **more)
        try:
            await sender.post(url, b'{"a": 1}', "msg_1", keys)
        finally:
            await sender.aclose()

    return asyncio.run(post())


def refused(url, **more):
    with pytest.raises(UndeliverableError) as error:
        posted(url, **more)
    return error.value


def test_the_signature_is_that_of_the_standards_own_example():
    made = signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}', [KEY])
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_post_is_signed_with_each_secret_over_what_arrives():
    with receiving() as found:
        posted(found.url, keys=(KEY, b"x" * 24), wall_clock=lambda: 1_700_000_000.9)
    (post,) = found.posts
    assert post.headers["content-type"] == "application/json"
    assert post.headers["host"] == f"127.0.0.1:{found.port}"
    marks = [signature("msg_1", "1700000000", post.content, [key]) for key in (KEY, b"x" * 24)]
    assert post.headers["webhook-signature"].split() == marks
    assert (post.headers["webhook-id"], post.headers["webhook-timestamp"]) == (
        "msg_1", "1700000000",
    )  # fmt: skip


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status):
    with receiving() as inner, receiving((status, {"location": inner.url})) as outer:
        error = refused(outer.url)
    assert error.final
    assert "redirect" in error.reason
    assert len(outer.posts) == 1
    assert inner.posts == []


@pytest.mark.parametrize(
    ("status", "final", "wait_s"),
    [
        (410, True, None),
        (500, False, None),
        (404, False, None),
        (429, False, 7.0),
        (503, False, 7.0),
    ],
)
def test_what_is_not_taken_is_told(status, final, wait_s):
    with receiving((status, {"retry-after": "7"} if wait_s else {})) as found:
        error = refused(found.url)
    assert str(status) in error.reason
    assert (error.final, error.wait_s) == (final, wait_s)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%eth0"],
)  # fmt: skip
def test_no_address_inside_is_reached_by_whatever_name(address):
    async def stands_for(host, port):
        return [address]

    error = refused("https://example.com/hook", allow=(), resolve=stands_for)
    assert error.final
    assert "example.com is inside" in error.reason
    assert "delivery.allow" in error.reason


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"])
def test_addresses_outside_may_be_reached(address):
    assert PublicBackend(()).may_reach(address)


def test_a_network_that_is_allowed_is_reached_and_no_other():
    backend = PublicBackend(("10.0.0.0/8",))
    assert backend.may_reach("10.1.2.3")
    assert backend.may_reach("::ffff:10.1.2.3")
    assert not backend.may_reach("192.168.0.1")


def test_a_name_is_resolved_once_and_what_was_checked_is_reached():
    """A name that stands for this machine the second time, and for what is allowed the first."""
    asked = []

    async def turns(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with receiving() as found:
        posted(f"http://somewhere.example:{found.port}/hook", allow=("127.0.0.1",), resolve=turns)
    assert asked == ["somewhere.example"]
    assert found.posts[0].headers["host"] == f"somewhere.example:{found.port}"


def test_an_inward_address_beside_an_outer_one_is_passed_over():
    async def both(host, port):
        return ["127.0.0.2", "127.0.0.1"]

    with receiving() as found:
        posted(f"http://two.example:{found.port}/", allow=("127.0.0.1/32",), resolve=both)
    assert len(found.posts) == 1


def test_who_is_not_there_or_says_nothing_is_told():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"

        async def post():
            sender = WebhookSender(HERE, 0.2)
            with pytest.raises(UndeliverableError, match=r"more than 0\.2 s"):
                await sender.post(url, b"{}", "m", (KEY,))
            await sender.aclose()

        asyncio.run(post())
    assert not refused(url).final

    async def nobody(host, port):
        raise socket.gaierror("not known")

    assert "no address of" in refused("https://nobody.example/", resolve=nobody).reason


def test_secrets_are_read_from_a_variable_and_never_shown(monkeypatch):
    rule = DestinationRule(webhook="https://example.com", secret_env="HOOK")
    monkeypatch.delenv("HOOK", raising=False)
    with pytest.raises(ValueError, match="HOOK is not set"):
        _ = rule.secrets
    for wrong in ("hunter2hunter2", "whsec_aHVudGVyMg==", f"{SECRET} whsec_???"):
        monkeypatch.setenv("HOOK", wrong)
        with pytest.raises(ValueError, match="HOOK holds no secret") as error:
            _ = rule.secrets
        assert "unter" not in str(error.value)
        assert wrong not in str(error.value)
    monkeypatch.setenv("HOOK", f"{SECRET} whsec_{base64.b64encode(b'x' * 32).decode()}")
    assert rule.secrets == (KEY, b"x" * 32)
