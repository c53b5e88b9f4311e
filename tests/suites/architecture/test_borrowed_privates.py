"""Private parts of other libraries that routelab leans on are still there, and do what they did.

Each failure says in a sentence what changed, and which module of routelab leans on it. An upper
bound in `pyproject.toml` keeps users away from versions that nobody tried; raise it when these
tests pass with the new one.
"""

from __future__ import annotations

import ast
import asyncio
import heapq
import inspect
import io
import logging
import pickle
import re
import sys
import tomllib
from asyncio import events
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, NamedTuple

import httpcore
import httpcore2
import httpx
import numpy as np
import pytest
from packaging.requirements import Requirement
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from routelab.errors import LearningError, SimulationError
from routelab.learning.learners import trees
from routelab.runtime.transport import leaks, sender
from routelab.simulate import virtual

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "routelab"

PYTHON = f"asyncio of Python {sys.version_info.major}.{sys.version_info.minor}"
VIRTUAL, ORPHANS, SENDER, POOLS, RESETS = (
    "simulate/virtual.py",
    "runtime/transport/leaks.py",
    "runtime/transport/sender.py",
    "runtime/transport/host_pools.py",
    "runtime/transport/http2.py",
)
TREES, PICKLES = "learning/learners/trees.py", "logs/importers/published/routerbench.py"

LEANED_ON = {
    VIRTUAL: {"timer._scheduled"},  # and of its own base class: `_scheduled`, `_clock_resolution`
    ORPHANS: {
        "pool._assign_requests_to_connections",
        "pool._close_connections",
        "pool._connections",
        "pool._requests",
    },
    POOLS: {"opened._transport_for_url"},
    RESETS: {"connection._h2_state", "connection._write_outgoing_data"},
    TREES: {"ensemble._baseline_prediction", "ensemble._predictors"},
    PICKLES: {"pickle._Unpickler"},
}
"""Every private part of an object that is not routelab's own, by module."""

ASKED_FOR = {
    ORPHANS: {"_max_connections", "_pool", "_requests"},
    SENDER: {"_mounts", "_transport", "_transport_for_url"},
    RESETS: {"_connection", "_h2_state", "_http2", "_pool", "_requests"},
}
"""What is asked for by name, in `getattr` and `hasattr`."""

OURS = ("_replace", "_asdict", "_fields", "_exit")  # public, of named tuples and of `os`


def still(holds: bool, changed: str, leaning: str) -> None:
    assert holds, f"{changed}, on which src/routelab/{leaning} leans"


# asyncio


@pytest.fixture
def loop():
    made = asyncio.SelectorEventLoop()
    yield made
    made.close()


def test_a_loop_keeps_its_timers_in_a_heap(loop):
    timers = [loop.call_at(loop.time() + wait_s, print) for wait_s in (30, 10, 20)]
    kept = getattr(loop, "_scheduled", None)
    changed = f"{PYTHON} keeps no heap of timers in BaseEventLoop._scheduled any more"
    still(isinstance(kept, list), changed, VIRTUAL)
    still(
        [heapq.heappop(kept).when() for _ in timers] == sorted(it.when() for it in timers),
        changed,
        VIRTUAL,
    )


def test_a_timer_says_whether_it_is_in_the_heap(loop):
    changed = (
        f"{PYTHON} no longer says in TimerHandle._scheduled that a timer is in the loop's heap"
    )
    timer = events.TimerHandle(1.0, print, (), loop)
    still(getattr(timer, "_scheduled", None) is False, changed, VIRTUAL)
    still(getattr(loop.call_at(1e9, print), "_scheduled", None) is True, changed, VIRTUAL)


def test_cancelled_timers_leave_the_heap():
    """The loop counts them by `TimerHandle._scheduled`; with many it makes a new heap."""

    async def run():
        loop = asyncio.get_running_loop()
        for timer in [loop.call_later(5.0, print) for _ in range(500)]:
            timer.cancel()
        await asyncio.sleep(1.0)
        return len(loop._scheduled)

    changed = f"{PYTHON} no longer drops cancelled timers from BaseEventLoop._scheduled"
    still(virtual.run(run()) == 0, changed, VIRTUAL)


def test_a_timer_is_due_within_the_resolution_of_the_clock(loop):
    changed = f"{PYTHON} has no BaseEventLoop._clock_resolution in seconds any more"
    still(isinstance(getattr(loop, "_clock_resolution", None), float), changed, VIRTUAL)

    async def run():
        ran: list[int] = []
        loop = asyncio.get_running_loop()
        loop.call_at(1.0, ran.append, 1)
        loop.call_at(1.0 + 0.5e-9, ran.append, 2)  # within the nanosecond
        loop.call_at(1.0 + 2e-9, ran.append, 3)
        await asyncio.sleep(1.0)
        return ran

    changed = f"{PYTHON} no longer fires timers up to BaseEventLoop._clock_resolution ahead of time"
    still(virtual.run(run()) == [1, 2], changed, VIRTUAL)


def test_a_loop_waits_in_its_selector_until_the_first_timer():
    waits: list[float | None] = []

    class Told(virtual.VirtualLoop):
        def _jump(self, wait_s):
            waits.append(wait_s)
            super()._jump(wait_s)

    async def run():
        await asyncio.sleep(2.5)

    with asyncio.Runner(loop_factory=Told) as runner:
        runner.run(run())
    changed = f"{PYTHON} no longer asks its selector to wait just until the first timer"
    still(2.5 in waits and None not in waits, changed, VIRTUAL)


def test_another_asyncio_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setattr(virtual.events, "TimerHandle", SimpleNamespace())

    async def run():
        return 1

    main = run()
    with pytest.raises(SimulationError, match=r"no TimerHandle\._scheduled any more.*3\.11 to 3"):
        virtual.run(main)
    main.close()


# httpx and httpcore


def test_a_transport_of_httpx_has_a_pool_of_httpcore():
    pool = getattr(httpx.AsyncHTTPTransport(), "_pool", None)
    changed = (
        f"httpx {httpx.__version__} keeps no httpcore pool in AsyncHTTPTransport._pool any more"
    )
    still(isinstance(pool, httpcore.AsyncConnectionPool), changed, ORPHANS)
    by_proxy = getattr(httpx.AsyncHTTPTransport(proxy="http://127.0.0.1:9"), "_pool", None)
    still(isinstance(by_proxy, httpcore.AsyncConnectionPool), changed, ORPHANS)


def test_a_pool_has_lists_of_requests_and_connections():
    pool = httpcore.AsyncConnectionPool()
    for name in ("_requests", "_connections"):
        changed = f"httpcore {httpcore.__version__} has no list AsyncConnectionPool.{name} any more"
        still(getattr(pool, name, None) == [], changed, ORPHANS)


def test_a_pool_assigns_and_closes_as_it_did():
    of = f"httpcore {httpcore.__version__}"
    assign = getattr(httpcore.AsyncConnectionPool, "_assign_requests_to_connections", None)
    close = getattr(httpcore.AsyncConnectionPool, "_close_connections", None)
    changed = (
        f"{of} has no plain method AsyncConnectionPool._assign_requests_to_connections() any more"
    )
    still(callable(assign) and not inspect.iscoroutinefunction(assign), changed, ORPHANS)
    still([*inspect.signature(assign).parameters] == ["self"], changed, ORPHANS)
    changed = f"{of} has no `await AsyncConnectionPool._close_connections(connections)` any more"
    still(inspect.iscoroutinefunction(close), changed, ORPHANS)
    still(len(inspect.signature(close).parameters) == 2, changed, ORPHANS)
    pool = httpcore.AsyncConnectionPool()
    still(assign(pool) == [], f"{of} returns no list of connections to close any more", ORPHANS)
    asyncio.run(close(pool, []))


def test_a_request_in_the_pool_names_its_connection():
    """While it is sent, `_requests` holds it and `_connections` its connection."""
    seen = []

    class Stalled(httpcore.AsyncMockBackend):
        async def connect_tcp(self, *args, **options):
            seen.extend((*pool._requests, *pool._connections))
            return await super().connect_tcp(*args, **options)

    reply = [b"HTTP/1.1 200 OK\r\n", b"Content-Length: 0\r\n", b"\r\n"]
    pool = httpcore.AsyncConnectionPool(network_backend=Stalled(reply))

    async def run():
        async with pool:
            await pool.request("GET", "http://127.0.0.1/")
            return list(pool._connections), list(pool._requests)

    connections, requests = asyncio.run(run())
    of = f"httpcore {httpcore.__version__}"
    changed = f"{of} no longer names in `connection` what a request of the pool holds"
    still(len(seen) == 2 and getattr(seen[0], "connection", None) is seen[1], changed, ORPHANS)
    changed = f"{of} no longer lets go of a request, or keeps its idle connection, when it is over"
    still((connections, requests) == ([seen[1]], []), changed, ORPHANS)


def test_a_client_has_transports_by_address():
    of = f"httpx {httpx.__version__}"
    own, other = (httpx.MockTransport(lambda _: httpx.Response(200)) for _ in range(2))
    mounts = {"all://one.test": other, "all://two.test": None}
    client = httpx.AsyncClient(transport=own, mounts=mounts)
    changed = f"{of} keeps a client's transport no longer in AsyncClient._transport"
    still(getattr(client, "_transport", None) is own, changed, SENDER)
    changed = f"{of} keeps a client's other transports no longer in the mapping AsyncClient._mounts"
    still([*getattr(client, "_mounts", {}).values()] == [other, None], changed, SENDER)
    changed = f"{of} has no AsyncClient._transport_for_url(url) any more"
    still(hasattr(client, "_transport_for_url"), changed, SENDER)
    towards = [client._transport_for_url(httpx.URL(f"http://{at}.test")) for at in ("one", "two")]
    still(towards == [other, own], changed, SENDER)


def test_a_pool_of_another_kind_is_left_alone_with_one_warning(monkeypatch, caplog):
    monkeypatch.delattr(httpcore.AsyncConnectionPool, "_close_connections")
    leaks._warn.cache_clear()

    async def run():
        async with httpx.AsyncHTTPTransport() as one, httpx.AsyncHTTPTransport() as two:
            await leaks.close_leaked([one, two])
            await leaks.close_leaked([one])
            monkeypatch.undo()

    with caplog.at_level(logging.WARNING, "routelab"):
        asyncio.run(run())
    leaks._warn.cache_clear()
    (message,) = caplog.messages
    assert "no AsyncConnectionPool._close_connections any more" in message
    assert "'httpcore>=1.0.9,<1.1'" in message


def test_a_transport_without_a_pool_is_left_alone_with_a_warning(caplog):
    class Other(httpx.AsyncHTTPTransport):
        def __init__(self) -> None:
            pass

    leaks._warn.cache_clear()
    with caplog.at_level(logging.WARNING, "routelab"):
        asyncio.run(leaks.close_leaked([Other(), None]))
    leaks._warn.cache_clear()
    assert "no AsyncHTTPTransport._pool any more" in caplog.text


def test_a_client_of_another_kind_still_goes_by_the_proxies_of_the_environment(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert isinstance(sender.own(None), sender.HostPools)
    monkeypatch.delattr(httpx.AsyncClient, "_transport_for_url")
    assert isinstance(sender.own(None), sender.ClientSender)
    assert [*sender._transports(SimpleNamespace())] == [None]


@pytest.mark.parametrize("library", [httpcore, httpcore2])
def test_a_connection_of_http2_can_reset_a_stream(library):
    of = f"{library.__name__} {library.__version__}"
    pool = library.AsyncConnectionPool(http2=True)
    still(getattr(pool, "_http2", None) is True, f"{of} says no more `_http2`", RESETS)
    over = library.AsyncHTTP2Connection(b"http://a", None)
    state = getattr(over, "_h2_state", None)
    still(hasattr(state, "reset_stream"), f"{of} keeps no state of h2 in `_h2_state`", RESETS)
    write = getattr(over, "_write_outgoing_data", None)
    changed = f"{of} has no `await AsyncHTTP2Connection._write_outgoing_data(request)` any more"
    still(inspect.iscoroutinefunction(write), changed, RESETS)
    one = library.AsyncHTTPConnection(library.Origin(b"http", b"a", 80))
    still(hasattr(one, "_connection"), f"{of} has no AsyncHTTPConnection._connection", RESETS)


# scikit-learn and pickle


@pytest.mark.parametrize("kind", [HistGradientBoostingRegressor, HistGradientBoostingClassifier])
def test_boosted_trees_are_tables_of_nodes(kind):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(200, 3))
    matrix[::7, 1] = np.nan
    labels = np.where(matrix[:, 0] + 0.1 * matrix[:, 2] > 0.2, 1, 0)
    ensemble = kind(max_iter=5, early_stopping=False).fit(matrix, labels)
    of = f"scikit-learn {version('scikit-learn')}"
    changed = f"{of} keeps no list of one tree an iteration in {kind.__name__}._predictors any more"
    grown = getattr(ensemble, "_predictors", [])
    still([len(trees) for trees in grown] == [1] * 5, changed, TREES)
    changed = f"{of} has no single number in {kind.__name__}._baseline_prediction any more"
    still(np.size(getattr(ensemble, "_baseline_prediction", ())) == 1, changed, TREES)
    total = np.full(len(matrix), np.ravel(ensemble._baseline_prediction)[0])
    for (tree,) in grown:
        total += [_leaf(tree.nodes, row) for row in matrix]
    known = (
        ensemble.predict if kind is HistGradientBoostingRegressor else ensemble.decision_function
    )
    changed = f"{of} no longer predicts the baseline plus the leaf of each tree's `nodes`"
    still(np.allclose(total, known(matrix), atol=1e-12), changed, TREES)


def _leaf(nodes, row) -> float:
    node = nodes[0]
    while not node["is_leaf"]:
        value = row[node["feature_idx"]]
        left = node["missing_go_to_left"] if np.isnan(value) else value <= node["num_threshold"]
        node = nodes[node["left"] if left else node["right"]]
    return float(node["value"])


def test_trees_of_another_kind_are_an_error_that_says_so():
    with pytest.raises(LearningError, match=r"_predictors.*install 'scikit-learn>=1\.6,<1\.10'"):
        trees._scaled(SimpleNamespace(), 1.0)


def test_pickle_has_a_machine_in_python():
    """Of which one step is replaced; the others are looked up by opcode."""
    machine = getattr(pickle, "_Unpickler", None)
    of = f"pickle of Python {sys.version_info.major}.{sys.version_info.minor}"
    still(inspect.isclass(machine), f"{of} has no _Unpickler any more", PICKLES)
    table = getattr(machine, "dispatch", {})
    changed = f"{of} no longer has its steps by opcode in _Unpickler.dispatch"
    still(callable(table.get(pickle.BYTEARRAY8[0])), changed, PICKLES)

    class Told(machine):
        dispatch: ClassVar = dict(machine.dispatch)

        def load_bytearray(self):
            self.append(self.read(int.from_bytes(self.read(8), "little")))

        dispatch[pickle.BYTEARRAY8[0]] = load_bytearray

        def find_class(self, module, name):
            return lambda *_: f"{module}.{name}"

    data = pickle.dumps([bytearray(b"abc"), Path("x")], protocol=5)
    made, named = Told(io.BytesIO(data)).load()
    changed = f"{of} no longer reads with `append` and `read`, or names no class to `find_class`"
    still(made == b"abc" and "pathlib" in named, changed, PICKLES)


# All of them


class Use(NamedTuple):
    module: str
    what: str


def uses() -> set[Use]:
    """Private names that the library reads of objects it did not make."""
    return {
        Use(path.relative_to(SOURCE).as_posix(), found)
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (found := _foreign(node))
    }


def _foreign(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Attribute) or not re.match(r"_[a-z]", node.attr, re.IGNORECASE):
        return None
    owner = ast.unparse(node.value)
    own = owner in ("self", "cls", "other", "super()") or owner[0].isupper()
    return None if own or node.attr in OURS else f"{owner}.{node.attr}"


def test_no_other_private_part_is_leaned_on():
    listed = {Use(module, what) for module, found in LEANED_ON.items() for what in found}
    assert uses() == listed


def test_no_other_private_part_is_asked_for_by_name():
    asked = re.compile(r"(?:get|has|set)attr\([^()]*?,\s*\"(_[a-z]\w*)\"")
    found = {
        path.relative_to(SOURCE).as_posix(): names
        for path in SOURCE.rglob("*.py")
        if (names := set(asked.findall(path.read_text(encoding="utf-8"))))
    }
    assert found == ASKED_FOR


def _bounded(name: str) -> Callable[[str], bool]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    (found,) = (it for line in lines if (it := Requirement(line)).name == name)
    assert "<" in str(found.specifier), f"{name} has no upper bound in pyproject.toml"
    return found.specifier.contains


@pytest.mark.parametrize("name", ["httpcore", "httpx", "scikit-learn"])
def test_what_is_leaned_on_is_bounded_and_tried(name):
    assert _bounded(name)(version(name)), f"{name} {version(name)} is out of bounds"


# re


def test_the_parser_of_patterns_names_its_parts():
    parser = re._parser
    changed = "re._parser.parse no longer gives pairs of a name and a value, named as they were"
    parsed = parser.parse(r"(?:a|bc)*[^x-z\d].$(?>d)(?=e)(f)?(?(1)g|h)i{2}+")
    names = {str(name) for name, _ in parsed}
    wanted = {"MAX_REPEAT", "IN", "ANY", "AT", "ATOMIC_GROUP", "ASSERT", "GROUPREF_EXISTS"}
    still(wanted <= names | {"POSSESSIVE_REPEAT"}, changed, "gates/backtracking.py")
    still(isinstance(parsed.state.flags, int), changed, "gates/backtracking.py")
