"""The router without `await`, and what the runtime needs to be imported."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from runtime_world import Endpoint, catalogue, logged, model, policy_file

from routelab.errors import RouteError
from routelab.policies import Cascade, Fixed
from routelab.replay_server import background, pointed_at
from routelab.runtime import Router, RouterConfig
from routelab.runtime.background import BackgroundLoop

FIXED = Fixed(model="first")


def threads():
    """Those of routers; a test of crashes elsewhere may leave a thread of another kind."""
    return [thread.name for thread in threading.enumerate() if "routelab-router" in thread.name]


def test_routes_inside_a_running_loop(tmp_path):
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("good")))

    async def cell():
        with Router.load(
            chosen.path, chosen.document.catalogue, RouterConfig(transport=Endpoint().transport)
        ) as router:
            return router.route("hello", id="r1").answer, router.route("again").answer

    assert asyncio.run(cell()) == ("hello", "again")
    assert threads() == []


def test_constructing_starts_nothing_and_closing_twice_is_fine(tmp_path):
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("good")))
    router = Router(chosen, chosen.document.catalogue)
    assert threads() == []
    router.close()
    router.close()


def test_errors_reach_the_caller(tmp_path):
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("broken")))
    with (
        Router(
            chosen, chosen.document.catalogue, config=RouterConfig(transport=Endpoint().transport)
        ) as router,
        pytest.raises(RouteError, match="boiler on fire"),
    ):
        router.route("hello")


def test_many_threads_share_a_router_over_real_http(tmp_path):
    log = logged(60)
    policy = Cascade(models=log.models, thresholds=(0.5, 0.5), signal="confidence")
    with background(log) as base_url:
        chosen = policy_file(tmp_path, policy, pointed_at(base_url, log.models))
        with Router(chosen, chosen.document.catalogue) as router, ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda row: router.route("?", id=f"r{row}"), range(60)))
    assert [one.answer for one in answers] == [
        f"{one.model} on {i}" for i, one in enumerate(answers)
    ]
    assert threads() == []


def test_importing_the_runtime_imports_only_the_base_installation():
    heavy = ["pyarrow", "pandas", "sklearn", "optuna", "mlflow", "starlette", "uvicorn", "httpx"]
    code = f"import sys, routelab.runtime; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_forked_process_starts_a_loop_of_its_own():
    loop = BackgroundLoop()

    async def answer():
        return 42

    assert loop.run(answer()) == 42
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads, on purpose
        child = os.fork()
    if child == 0:
        os._exit(0 if loop.run(answer()) == 42 else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    loop.close()


def test_a_loop_that_cannot_start_says_so(monkeypatch):
    def refuse(coroutine):
        coroutine.close()
        raise OSError(24, "Too many open files")

    async def answer():
        return 42

    loop = BackgroundLoop()
    monkeypatch.setattr("routelab.runtime.background.asyncio.run", refuse)
    asked = answer()
    with pytest.raises(OSError, match="Too many open files"):
        loop.run(asked)
    asked.close()
    assert not loop.started
