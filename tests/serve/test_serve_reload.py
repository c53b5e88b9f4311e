"""Files that change while requests are under way."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from serve_world import MODELS, asking, listed, prompt, running, saved

from routelab.core.catalogue import pointed_at
from routelab.policies import Fixed
from routelab.replay_server import background
from routelab.runtime.transport import HttpUpstream
from routelab.serve import ServeConfig


class Held(HttpUpstream):
    """Sends once it is let go."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()

    async def send(self, outgoing):
        while not self.go.is_set():
            await asyncio.sleep(0.01)
        return await super().send(outgoing)


def test_a_request_ends_by_the_policy_that_it_began_with(sample_log, tmp_path):
    upstream = Held()
    with background(sample_log) as url:
        known = pointed_at(url, MODELS, sample_log.catalogue)
        policy = saved(tmp_path / "p.policy", Fixed("small-8b"), known)
        catalogue = listed(tmp_path / "models.toml", known)
        with running([policy], catalogue, ServeConfig(reload_s=0.0), upstream=upstream) as gateway:
            service = gateway.service
            old = service.gateway.roster.policies["p"]
            body = asking(prompt(sample_log, 0))
            with ThreadPoolExecutor(1) as thread:
                asked = thread.submit(gateway.chat, body)
                while not service.gateway.under_way:
                    time.sleep(0.005)
                saved(policy, Fixed("frontier"), known)
                assert gateway.reload()
                assert old.users == 1
                upstream.go.set()
                assert asked.result().headers["x-routelab-model"] == "small-8b"
            assert gateway.chat(body).headers["x-routelab-model"] == "frontier"
            assert not old.users
            assert old._closing is not None
            assert service.metrics.snapshot().requests.count == 2
            asyncio.run_coroutine_threadsafe(upstream.aclose(), gateway.loop).result(30.0)


def test_a_catalogue_that_cannot_work_is_refused_with_every_reason(world, tmp_path, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    catalogue = tmp_path / "models.toml"
    text = world.catalogue.read_text(encoding="utf-8")
    catalogue.write_text(text, encoding="utf-8")
    policies = [world.policies["small"], world.policies["large"]]
    body = asking(prompt(world.log, 0), model="routelab/large")
    with running(policies, catalogue, ServeConfig(reload_s=0.0)) as gateway:
        keyed = text.replace(
            'provider = "replay"', 'provider = "replay"\napi_key_env = "NO_SUCH_KEY"'
        )
        for broken, why in (
            (keyed, "NO_SUCH_KEY is not set"),
            ("[models.other]\ninput_usd_per_mtok = -1", "input_usd_per_mtok"),
            ("", "no models"),
        ):
            catalogue.write_text(broken, encoding="utf-8")
            assert not gateway.reload()
            assert why in str(gateway.events[-1]["problems"])
            assert gateway.chat(body).status_code == 200
        catalogue.unlink()
        assert not gateway.reload()
        catalogue.write_text(text, encoding="utf-8")
        assert gateway.reload()
        assert gateway.chat(body).status_code == 200
        metrics = gateway.client.get("/metrics").text
    assert 'routelab_gateway_reloads_total{result="refused"} 4' in metrics
    assert 'routelab_gateway_reloads_total{result="taken"} 1' in metrics


def test_two_looks_at_once_take_a_change_over_once(world, tmp_path):
    known = pointed_at("http://127.0.0.1:9/v1", MODELS, world.log.catalogue)
    policy = saved(tmp_path / "p.policy", Fixed("small-8b"), known)
    catalogue = listed(tmp_path / "models.toml", known)
    with running([policy], catalogue, ServeConfig(reload_s=0.0)) as gateway:
        saved(policy, Fixed("frontier"), known)
        taken = []
        looks = [threading.Thread(target=lambda: taken.append(gateway.reload())) for _ in range(4)]
        for it in looks:
            it.start()
        for it in looks:
            it.join()
    assert sorted(taken) == [False, False, False, True]


def test_a_link_that_leads_to_another_release_keeps_its_name(sample_log, tmp_path):
    with background(sample_log) as url:
        known = pointed_at(url, MODELS, sample_log.catalogue)
        for name, model in (("mine-1", "small-8b"), ("mine-2", "frontier")):
            saved(tmp_path / f"{name}.policy", Fixed(model), known)
        catalogue = listed(tmp_path / "models.toml", known)
        link = tmp_path / "mine.policy"
        link.symlink_to("mine-1.policy")
        body = asking(prompt(sample_log, 0), model="routelab/mine")
        with running([link], catalogue, ServeConfig(reload_s=0.0)) as gateway:
            assert gateway.chat(body).headers["x-routelab-model"] == "small-8b"
            (tmp_path / "next").symlink_to("mine-2.policy")
            (tmp_path / "next").replace(link)
            assert gateway.reload()
            assert gateway.chat(body).headers["x-routelab-model"] == "frontier"
