"""Files that somebody made to hurt: how they are mutated, and what reads them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import pickle
import shutil
import struct
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import traffic_world as traffic

from routelab.core.catalogue import catalogue_file, tables_text
from routelab.errors import RoutelabError
from routelab.gates import Function
from routelab.logs import price_lists, read
from routelab.logs.describe import describe
from routelab.logs.importers import IMPORTERS, convert
from routelab.policy_file import load, policy_card
from routelab.runtime import AsyncRouter, Reply, RouterConfig
from routelab.runtime.budgets import read as read_budgets
from routelab.simulate import scenario

POLICIES = Path(__file__).parents[3] / "policies"
FILES = ("policy.json", "weights.safetensors", "golden.jsonl", "card.md")

Files = dict[str, bytes]
"""Name to content; where there are several, they are one thing."""


class Kind(NamedTuple):
    """Files of a sort.

    Attributes:
        seeds: good ones.
        mutated: a seed, made worse.
        use: reads what was written to a folder, as far as it goes.
    """

    seeds: Callable[[], list[Files]]
    mutated: Callable[[Random, Files], Files]
    use: Callable[[Path], object]


HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, -0.0, 1e308, -1e308, 5e-324, 2**31, 2**63, 2**64, -(2**63)),
    *("", "x", " ", "\0", "\x1b[31mred", "\u202eturned", "\u2028", "a" * 5_000, "[/]", "<script>"),
    *("nan", "1e999", "../../etc/passwd", "/dev/zero", "file:///etc/passwd", "http://[", "fixed"),
    *(
        [],
        {},
        [None],
        [[]],
        [[[[]]]],
        {"a": 1},
        {"": {}},
        ["x"] * 50,
        [1e308] * 3,
        [{}],
        "agreement:3",
    ),
    *(
        {"kind": "fixed"},
        {"kind": "fixed", "model": "small"},
        {"kind": "pattern", "regex": "(a+)+$"},
    ),
)
"""Values that stand where another one should."""

WORDS = (
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b",",
        b":",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
    ),
    *(b"[" * 400, b'{"a":' * 400, b"9" * 500, b"1e999", b"NaN", b"-Infinity", b"null", b"\\ud800"),
    *(
        b"\xed\xa0\x80",
        b"=",
        b".",
        b"a." * 90,
        b"'''",
        b"#",
        b"\t",
        b";",
        b"\x80",
        b"\x93",
        b"\x94",
    ),
)
"""Bytes that readers trip over."""


def places(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in JSON data, by keys from its root."""
    inside = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in inside:
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))


def worse_json(rng: Random, data: Any) -> Any:
    """JSON data with a few values exchanged, taken out, or put in twice."""
    made = json.loads(json.dumps(data))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        found = list(places(made))
        if not found:
            return deepcopy(rng.choice(HOSTILE))
        *before, last = rng.choice(found)
        holder = made
        for key in before:
            holder = holder[key]
        match rng.randrange(5):
            case 0:
                del holder[last]
            case 1 if isinstance(holder, list):
                holder.insert(last, holder[last])
            case 1:
                holder[str(rng.choice(HOSTILE))[:60]] = holder[last]
            case 2:
                other = rng.choice(found)
                value: Any = made
                try:
                    for key in other:
                        value = value[key]
                    holder[last] = json.loads(json.dumps(value))
                except (KeyError, IndexError, TypeError):
                    holder[last] = None
            case _:
                holder[last] = deepcopy(rng.choice(HOSTILE))
    return made


def worse_bytes(rng: Random, content: bytes) -> bytes:
    """Bytes with a few of them exchanged, put in, taken out or repeated."""
    made = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at, end = sorted(rng.randrange(len(made) + 1) for _ in range(2))
        end = min(end, at + 200)
        match rng.randrange(5):
            case 0:
                made[at:at] = rng.choice(WORDS)
            case 1:
                made[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                del made[at:end]
            case 3:
                made[at:at] = made[at:end] * rng.choice((1, 3))
            case _:
                made = made[: rng.randrange(len(made) + 1)]
    return bytes(made)


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, which is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


# Policies


def policy_seeds() -> list[Files]:
    return [
        {name: (path / name).read_bytes() for name in FILES}
        for path in sorted(POLICIES.glob("*.policy"))
    ]


def signed(files: Files, document: Any) -> Files:
    """With digests that fit, so that what is behind them is reached."""
    if isinstance(document, dict):
        others = {name: hashlib.sha256(files[name]).hexdigest() for name in FILES[1:]}
        document = {**document, "files": others}
    return {**files, FILES[0]: json.dumps(document).encode()}


def worse_policy(rng: Random, files: Files) -> Files:
    document, made = json.loads(files[FILES[0]]), dict(files)
    what = rng.randrange(10)
    if what < 5:
        return signed(made, worse_json(rng, document))
    if what == 5:
        made["golden.jsonl"] = worse_bytes(rng, made["golden.jsonl"])
    elif what == 6:
        lines = made["golden.jsonl"].splitlines()
        at = rng.randrange(len(lines)) if lines else 0
        lines[at : at + 1] = [
            json.dumps(worse_json(rng, json.loads(it))).encode() for it in lines[at : at + 1]
        ]
        made["golden.jsonl"] = b"\n".join(lines) + b"\n"
    elif what == 7:
        made["weights.safetensors"] = worse_bytes(rng, made["weights.safetensors"])
    elif what == 8:
        made["weights.safetensors"] = worse_tensors(rng, made["weights.safetensors"])
    else:
        return {**made, FILES[0]: worse_bytes(rng, made[FILES[0]])}
    return signed(made, document)


def worse_tensors(rng: Random, content: bytes) -> bytes:
    """Tensors whose header says something else, or whose numbers are others."""
    size = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + size]), bytearray(content[8 + size :])
    if rng.random() < 0.5 and data:
        at = rng.randrange(0, len(data) // 8 * 8 + 1, 8)
        data[at : at + 8] = struct.pack("<d", rng.choice((float("nan"), 1e308, -1.0, 5e-324, 1e18)))
        new = header
    else:
        new = worse_json(rng, header)
    text = json.dumps(new).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data)


class Told:
    """An upstream that answers at once."""

    async def send(self, outgoing: Any) -> Reply:
        message = {"role": "assistant", "content": "hello"}
        usage = {"prompt_tokens": 5, "completion_tokens": 7}
        sure = {"signals": {"confidence": 0.5, "agreement": 0.5}}
        return Reply(200, {"choices": [{"message": message}], "usage": usage, "routelab": sure})

    def hide(self, deployment: Any, text: str) -> str:
        return text


def use_policy(folder: Path) -> None:
    """Load a policy, ask all that is asked of one, and route by it."""
    found = load(folder)
    repr(found), found.verify(), found.edited, found.metadata_used, found.reads_text
    with suppress(RoutelabError):
        policy_card(found.document)

    named = {it.function for it in found.policy.gates_used if isinstance(it, Function)}
    functions = dict.fromkeys(named, lambda request, text: None)

    async def routed() -> None:
        config = RouterConfig(upstream=Told(), quiet=True, gate_functions=functions)
        async with AsyncRouter(found, config=config) as router:
            for task in ("", "maths"):
                try:
                    await asyncio.wait_for(router.route("hello", task=task, max_tokens=10), 10.0)
                except RoutelabError as error:
                    str(error)
            await router.snapshot()

    asyncio.run(routed())
    with suppress(RoutelabError):  # as the catalogue of somebody who trusts it
        AsyncRouter(found, found.document.catalogue, RouterConfig(gate_functions=functions))


# Logs


def rows() -> list[dict[str, Any]]:
    return [
        {
            "request_id": f"r{at}", "model": model, "quality": (at + fit) % 3 / 2,
            "cost_usd": 0.001 * fit, "latency_s": 0.5, "task": ("maths", "law")[at % 2],
            "prompt": f"What is {at}?", "confidence": at / 9, "prompt_tokens": 5,
            "completion_tokens": 7, "error": "", "timestamp": f"2026-01-0{at % 8 + 1}T00:00:00Z",
            "user": f"u{at % 3}", "messages": [{"role": "user", "content": f"What is {at}?"}],
        }
        for at in range(8)
        for fit, model in enumerate(("small", "large"), 1)
    ]  # fmt: skip


SIDECAR = b"""quality_scale = "0:1"
ignore = ["latency_s"]
[signals.confidence]
multiplier = 2.0
[columns]
task = "task"
"""


def log_seeds() -> list[Files]:
    made, table = rows(), pa.Table.from_pylist(rows())
    plain = table.drop_columns(["messages"])
    packed = pa.BufferOutputStream()
    pq.write_table(table, packed, row_group_size=5)
    bare = pa.BufferOutputStream()
    pq.write_table(plain, bare, compression="none", store_schema=False)
    text = plain.to_pandas().to_csv(index=False).encode()
    return [
        {"log.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in made)},
        {"log.json": json.dumps(made).encode()},
        {"log.csv": text, "log.log.toml": SIDECAR},
        {"log.tsv": text.replace(b",", b"\t")},
        {"log.parquet": packed.getvalue().to_pybytes(), "log.log.toml": SIDECAR},
        {"log.parquet": bare.getvalue().to_pybytes()},
    ]


def worse_log(rng: Random, files: Files) -> Files:
    made = dict(files)
    name = rng.choice(list(made))
    if name.endswith((".jsonl", ".json")) and rng.random() < 0.6:
        found = rows()
        for _ in range(rng.choice((1, 3))):
            at = rng.randrange(len(found))
            changed = worse_json(rng, found[at])
            found[at] = changed if isinstance(changed, dict) else {"x": changed}
        one = name.endswith(".json")
        text = json.dumps(found) if one else "\n".join(map(json.dumps, found))
        made[name] = text.encode()
    elif name.endswith(".parquet") and rng.random() < 0.5:
        made[name] = odd_parquet(rng)
    else:
        made[name] = worse_bytes(rng, made[name])
    return made


def odd_parquet(rng: Random) -> bytes:
    """A good file of columns of other types than a log has."""
    table = pa.Table.from_pylist(rows())
    for _ in range(rng.choice((1, 2))):
        at, n = rng.randrange(table.num_columns), table.num_rows
        column: Any = rng.choice(
            (
                pa.array([[["a"]]] * n), pa.array([{"a": {"b": 1}}] * n), pa.nulls(n),
                pa.array([b"\xff\xfe"] * n), pa.array([1e308] * n), pa.array([True] * n),
                pa.array([2**63 - 1] * n), pa.array([10**30] * n, pa.decimal128(38)),
                pa.array([""] * n), pa.array(range(n), pa.timestamp("ns")),
                pa.array(["\x1b[2J[/]"] * n).dictionary_encode(), pa.array([float("nan")] * n),
                pa.array([5] * n, pa.duration("us")), pa.array([-1] * n, pa.date64()),
            )
        )  # fmt: skip
        table = table.set_column(at, table.column_names[at], column)
    out = pa.BufferOutputStream()
    pq.write_table(table, out)
    return out.getvalue().to_pybytes()


def use_log(folder: Path) -> None:
    (path,) = (it for it in folder.iterdir() if it.suffix != ".toml")
    for graded in (True, False):
        try:
            found = read(path, graded=graded)
        except RoutelabError:
            if not graded:
                raise
            continue
        describe(found)
        repr(found), found.sha256
        if found.texts is not None:
            found.texts.messages(pd.RangeIndex(len(found)).to_numpy()[:3])


# Tables of configuration, price lists, and others' layouts

CATALOGUE = b"""[models.small]
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.2
capabilities = ["json"]
tiers = [{ above_tokens = 1000, input_usd_per_mtok = 0.2 }]
services.batch = { input_usd_per_mtok = 0.05 }
[[models.small.deployments]]
base_url = "http://127.0.0.1:1/v1"
model = "small"
api_key_env = "SOME_KEY"
weight = 2.0
requests_per_minute = 60
timeouts = { total_s = 20.0 }
quirks = { drop = ["seed"], rename = { a = "b" } }
[models.large]
context_window = 8192
fallbacks = ["small"]
[[models.large.dated]]
from = 2026-02-01
input_usd_per_mtok = 1.0
[engine]
balancing = "in_order"
retry = { most = 1 }
"""
BUDGETS = b"""[all]
limit_usd = 5.0
period = "day"
[tenant]
limit_usd = 1.0
"""
SCENARIO = b"""name = "an outage"
[[faults]]
kind = "outage"
provider = "north"
from_s = 10
to_s = 20
[[surges]]
from_s = 1
to_s = 2
factor = 3.0
"""


def worse_text(rng: Random, files: Files) -> Files:
    name = rng.choice(list(files))
    return {**files, name: worse_bytes(rng, files[name])}


def worse_tables(rng: Random, files: Files) -> Files:
    """Tables with other values, or other bytes."""
    ((name, content),) = files.items()
    if rng.random() < 0.7:
        data = json.loads(json.dumps(tomllib.loads(content.decode()), default=str))
        with suppress(AttributeError, TypeError, ValueError):  # what TOML has not
            try:
                text = tables_text(worse_json(rng, data))
            except RecursionError:  # which this writer reaches before a reader would
                text = "x = " + "[" * 600 + "]" * 600
            return {name: text.encode("utf-8", "surrogatepass")}
    return worse_text(rng, files)


def use_catalogue(folder: Path) -> None:
    catalogue_file.read(folder / "models.toml")


def use_budgets(folder: Path) -> None:
    read_budgets(folder / "budgets.toml")


def use_scenario(folder: Path) -> None:
    scenario.parse((folder / "day.toml").read_bytes().decode("utf-8", "replace"), "day.toml")


LITELLM = {"small": {"input_cost_per_token": 1e-7, "output_cost_per_token": 2e-7, "mode": "chat"}}
PRICES = b"model,usd_per_1m_input,usd_per_1m_output,from\nsmall,0.1,0.2,2026-01-01\nlarge,1,2,\n"


def price_seeds() -> list[Files]:
    return [{"prices.json": json.dumps(LITELLM).encode()}, {"prices.csv": PRICES}]


def worse_prices(rng: Random, files: Files) -> Files:
    if "prices.json" in files and rng.random() < 0.6:
        return {"prices.json": json.dumps(worse_json(rng, LITELLM)).encode()}
    return worse_text(rng, files)


def use_prices(folder: Path) -> None:
    (path,) = folder.iterdir()
    price_lists.read(path)


def routerbench_seeds() -> list[Files]:
    made: dict[str, list[Any]] = {
        "sample_id": ["a", "b"],
        "prompt": ["['x']", "y"],
        "eval_name": ["m", "m"],
        "gpt": [1.0, 0.5],
        "gpt|total_cost": [0.1, 0.2],
        "gpt|model_response": ["p", "q"],
        "mix": [0.0, 1.0],
        "mix|total_cost": [0.1, 0.2],
        "mix|model_response": ["p", "q"],
    }
    frame = pd.DataFrame(made)
    forms = [pickle.dumps(frame, protocol=protocol) for protocol in (2, 4, 5)]
    text = frame.to_csv(index=False).encode()
    return [*({"routerbench_0shot.pkl": it} for it in forms), {"routerbench_0shot.csv": text}]


def use_routerbench(folder: Path) -> None:
    (path,) = folder.iterdir()
    convert({it.name: it for it in IMPORTERS}["routerbench"], path, folder / "log.parquet")


def decision_seeds() -> list[Files]:
    """What a router writes down."""
    released = Path(__file__).parents[1] / "released" / "0.1.0" / "decisions"
    return [{"log.jsonl": it.read_bytes()} for it in sorted(released.glob("*.jsonl"))]


def worse_decisions(rng: Random, files: Files) -> Files:
    lines = files["log.jsonl"].splitlines()
    if rng.random() < 0.3:
        return worse_text(rng, files)
    at = rng.randrange(len(lines))
    lines[at] = json.dumps(worse_json(rng, json.loads(lines[at]))).encode()
    return {"log.jsonl": b"\n".join(lines) + b"\n"}


KINDS: Mapping[str, Kind] = {
    "policy": Kind(policy_seeds, worse_policy, use_policy),
    "log": Kind(log_seeds, worse_log, use_log),
    "decisions": Kind(decision_seeds, worse_decisions, use_log),
    "catalogue": Kind(lambda: [{"models.toml": CATALOGUE}], worse_tables, use_catalogue),
    "budgets": Kind(lambda: [{"budgets.toml": BUDGETS}], worse_tables, use_budgets),
    "scenario": Kind(lambda: [{"day.toml": SCENARIO}], worse_tables, use_scenario),
    "prices": Kind(price_seeds, worse_prices, use_prices),
    "routerbench": Kind(routerbench_seeds, worse_text, use_routerbench),
    "reply": Kind(
        traffic.reply_seeds,
        partial(traffic.worse_reply, worse_json=worse_json, worse_bytes=worse_bytes),
        traffic.use_reply,
    ),
    "request": Kind(
        traffic.request_seeds,
        partial(traffic.worse_request, worse_json=worse_json, worse_bytes=worse_bytes),
        traffic.use_request,
    ),
}


def case(kind: str, seed: int) -> Files:
    """The case of a seed; the same seed gives the same bytes."""
    rng = Random(f"{kind}/{seed}")
    it = KINDS[kind]
    return it.mutated(rng, rng.choice(it.seeds()))


def outcome(kind: str, folder: Path) -> str:
    """ "ok", "refused", or what went wrong and where, of the files in a folder."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            KINDS[kind].use(folder)
    except RoutelabError as error:
        str(error), repr(error)
        return "refused"
    except Exception as error:  # noqa: BLE001  (any is one too many)
        return f"{type(error).__name__} in {_where(error)}: {str(error)[:100]!a}"
    finally:
        logging.disable(logging.NOTSET)
    return "ok"


def _where(error: BaseException) -> str:
    at, found = error.__traceback__, "?"
    while at is not None:
        file = at.tb_frame.f_code.co_filename
        if f"{os.sep}routelab{os.sep}" in file:
            found = f"{file.rpartition(f'{os.sep}routelab{os.sep}')[2]}:{at.tb_lineno}"
        at = at.tb_next
    return found
