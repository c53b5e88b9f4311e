"""What a release kept, unpacked; and the same questions asked of it then and now.

Everything here goes through doors that stay: commands, `routelab.policy_file.load`,
`routelab.logs.read`, `routelab.runtime.AsyncRouter` and MLflow's `load_model`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import math
import random
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import httpx

HERE = Path(__file__).parent
FIGURES = "figures.json"
LOG = "log.parquet"
STUDIES, TRIALS, MLFLOW = "studies.tar.xz", "trials.tar.xz", "mlflow.tar.xz"
DECISIONS, COMPACTED = "decisions", "decisions.parquet"
BUDGETS, SPENT = "budgets.toml", "budgets.sqlite"

UNANSWERED = "no"
"""What every endpoint fails on."""

PROMPTS = (
    ("chat", "Hello, how do I say good evening in Italian?"),
    ("maths", "Compute 17 * 23 - 4 and show every step of it."),
    ("maths", "Solve x^2 - 5x + 6 = 0, then integrate x^2 from 0 to 3. " * 4),
    (
        "code",
        "Write a Python function that merges two sorted lists.\n```python\ndef merge(a, b):\n",
    ),
    ("code", "Fix this SQL: SELECT name FROM users WHERE id = 3 ORDER name;"),
    ("summary", "Summarise: the harbour was rebuilt twice, and then it was sold. " * 6),
    ("extraction", "List every date in: 3 May 1999, 4 June 2001, and the day after."),
    ("never seen", "Qual è la differenza tra clima e tempo? Rispondi in una frase."),
    ("chat", "Why is the sky blue, and why are sunsets red? Explain as to a child, please."),
    ("", UNANSWERED),
)
"""Tasks and prompts of the requests that are routed."""


def releases() -> list[Path]:
    """A folder for each release, oldest first."""
    return sorted(path.parent for path in HERE.glob(f"*/{FIGURES}"))


def figures(release: Path) -> Any:
    """What was measured when a release was kept."""
    return json.loads((release / FIGURES).read_text(encoding="utf-8"))


def unpacked(archive: Path, folder: Path) -> Path:
    """The folder, with an archive's files in it."""
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder


def command(*arguments: object, status: int = 0) -> Any:
    """What `routelab ARGUMENTS --json` prints, run in this process."""
    found, out, err = _run(*arguments)
    assert found == status, f"{arguments}: status {found}: {err}"
    return json.loads(out)


def refused(*arguments: object) -> str:
    """What a command complains of that must fail as a user's mistake does."""
    found, _, err = _run(*arguments)
    assert found == 2, f"{arguments}: status {found}: {err}"
    return err


def _run(*arguments: object) -> tuple[int, str, str]:
    from routelab.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([*map(str, arguments), "--json"])
    return status, out.getvalue(), err.getvalue()


WORDS = ("apgr_reason",)
"""Sentences, which a later release may word otherwise."""


BASELINES_SINCE = ("ridge", "task_ridge", "knn")
"""Baselines that came after 0.1.0."""
LEARNS_MORE = "task_mean"
"""The baseline that learns from every row outside test since, where it did from one part."""


def by_name(baselines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Baselines by name, of which one that learns from other rows since is there by name alone."""
    return {it["name"]: {} if it["name"] == LEARNS_MORE else it for it in baselines}


_OF_INTERVALS = re.compile(
    r" \[[-+0-9., ]+\]|; (about )?[0-9,]+( or more)? test requests would settle it"
)
_SAID_SINCE = re.compile(
    rf"\b({'|'.join((*BASELINES_SINCE, LEARNS_MORE))})(, the best baseline at its cost)?: "
    "|may be worth it: |not shown to beat "
)
"""Reasons of a verdict that tell of such a baseline, of points beside the exported one, or of those
that are not beaten, which are told in one sentence since."""


def as_told_then(reasons: list[str]) -> list[str]:
    """Reasons of a verdict without intervals, and without those that are given since."""
    return [_OF_INTERVALS.sub("", it) for it in reasons if not _SAID_SINCE.search(it)]


def differences(then: Any, now: Any, place: str = "") -> Iterator[str]:
    """Where something recorded then is lacking or other now; what came since may be there."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key, value in then.items():
            if key in WORDS:
                continue
            if key in now:
                yield from differences(value, now[key], f"{place}.{key}")
            else:
                yield f"{place}.{key}: is gone"
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for index, pair in enumerate(zip(then, now, strict=True)):
            yield from differences(*pair, f"{place}[{index}]")
    elif type(then) is not type(now) or then != now:
        yield f"{place}: was {then!r}, and is {now!r}"


def plain(value: Any) -> Any:
    """As JSON holds it: NaN is null, sequences are lists."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {str(key): plain(it) for key, it in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(it) for it in value]
    return value


def confidence(model: str, prompt: str) -> float:
    """Between 0 and 1, the same everywhere."""
    return crc32(f"{model}/{prompt}".encode()) % 1000 / 1000


def _answer(request: httpx.Request) -> httpx.Response:
    """An endpoint that is sure of itself by chance; of two providers one fails now and then."""
    body = json.loads(request.content)
    model, prompt = body["model"], body["messages"][-1]["content"]
    now_and_then = request.url.port == 8801 and crc32(f"{prompt}/{model}".encode()) % 7 == 0
    if now_and_then or prompt == UNANSWERED:
        return httpx.Response(503, json={"error": {"message": "out of order"}})
    message = {"role": "assistant", "content": f"{model} says so"}
    signals = {"confidence": confidence(model, prompt), "verbosity": 0.5}
    return httpx.Response(
        200,
        json={
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": len(prompt), "completion_tokens": 40, "cost": 0.001},
            "routelab": {"signals": signals},
        },
    )


def routed(policy: Path, **options: Any) -> list[Any]:
    """Of each of `PROMPTS`: the models asked, the one that answered, the cost; None if none did."""
    from routelab.errors import RouteError
    from routelab.policy_file import load
    from routelab.runtime import AsyncRouter, RouterConfig

    transport = httpx.MockTransport(_answer)

    async def run() -> list[Any]:
        found: list[Any] = []
        loaded = load(policy)
        async with AsyncRouter(
            loaded,
            loaded.document.catalogue,
            RouterConfig(transport=transport, rng=random.Random(0), sleep=_at_once, **options),
        ) as router:
            for number, (task, prompt) in enumerate(PROMPTS):
                try:
                    done = await router.route(prompt, id=f"r{number}", task=task, tenant="acme")
                except RouteError:
                    found.append(None)
                    continue
                found.append([list(done.decision.models), done.model, done.cost_usd])
                if number % 2:
                    router.feedback(f"r{number}", 0.5)
        return found

    return asyncio.run(run())


async def _at_once(seconds: float) -> None:
    """Pauses before a retry take no time."""


def spent(policy: Path, budgets: Path, store: Path) -> list[Any]:
    """What a file of budgets says is spent of every account."""
    from routelab.policy_file import load
    from routelab.runtime import AsyncRouter, RouterConfig
    from routelab.runtime.budgets import SqliteStore

    async def run() -> list[Any]:
        loaded = load(policy)
        config = RouterConfig(budgets=budgets, budget_store=SqliteStore(store))
        async with AsyncRouter(loaded, loaded.document.catalogue, config) as router:
            snapshot = await router.snapshot()
        return sorted([it.account, it.spent_usd] for it in snapshot.budgets)

    return asyncio.run(run())


def decided(folder: Path) -> list[Any]:
    """The rows of a decision log, as `routelab.logs.read` gives them."""
    from routelab.logs import read

    log: Any = read(folder)
    columns = (log.step, log.propensity, log.quality, log.cost_usd, log.latency_s, log.error)
    rows = zip(log.request, log.model, *columns, strict=True)
    found = [
        [str(log.requests.id[request]), log.models[model], *(it.item() for it in values)]
        for request, model, *values in rows
    ]
    return [plain(row) for row in found]


def predicted(model: Path) -> list[Any]:
    """What a model stored by MLflow decides about `PROMPTS`."""
    import mlflow
    import pandas as pd

    loaded = mlflow.pyfunc.load_model(str(model))
    asked = [it["name"] for it in loaded.metadata.get_input_schema().to_dict()]
    of_models = [name for name in asked if name.endswith(".confidence")]
    requests = pd.DataFrame(
        [
            {
                "request_id": f"r{number}",
                "prompt": prompt,
                "task": task,
                **{name: confidence(name.rsplit(".", 1)[0], prompt) for name in of_models},
            }
            for number, (task, prompt) in enumerate(PROMPTS)
        ]
    )
    return [plain(row) for row in loaded.predict(requests).to_dict("records")]


def stored_models(store: Path) -> dict[str, Path]:
    """The models in the artifacts of an MLflow store, by the policy they hold."""
    found = sorted(store.rglob("MLmodel"))
    return {next((it.parent / "artifacts").iterdir()).stem: it.parent for it in found}


def versions() -> dict[str, str]:
    """Of what decides bytes."""
    from importlib.metadata import version

    import routelab

    others = {name: version(name) for name in ("mlflow", "numpy", "optuna", "pyarrow")}
    return {"routelab": routelab.__version__, **others}
