"""The nastiest files, each in a process with limits on memory and time."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_world import FILES, policy_seeds, put, signed

GROWTH_MB, LONGEST_S = 500, 2.0

READER = """
import os, resource, signal, sys, time, warnings
warnings.simplefilter("ignore")
import routelab.logs.describe, routelab.policy_file, pyarrow.parquet, pyarrow.csv
from routelab.errors import RoutelabError
from hostile_world import KINDS
from pathlib import Path
growth = int(sys.argv[1]) << 20

def told(kind, folder):
    held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + 4 * growth, held + 4 * growth))
    begun = time.process_time()
    try:
        KINDS[kind].use(Path(folder))
        said = "ok"
    except RoutelabError as error:
        said = "refused " + str(error)[:300].replace(chr(10), " ")
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return f"{seconds} {(peak - before) / 2**20} {said}"

for line in sys.stdin:  # imported once; each case in a process of its own
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        signal.alarm(100)
        print(told(*line.rstrip(chr(10)).split(" ", 1)), flush=True)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status:
        print(f"0 0 ended the process ({status})", flush=True)
"""


@pytest.fixture(scope="module")
def reader() -> Iterator[subprocess.Popen[str]]:
    """A process that reads what it is told to, each in a child of it."""
    paths = (os.environ.get("PYTHONPATH", ""), str(Path(__file__).parent))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-c", READER, str(GROWTH_MB)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True) as running:
        yield running
        assert running.stdin is not None
        running.stdin.close()


@pytest.fixture
def read_apart(reader: subprocess.Popen[str]) -> Callable[[str, Path], str]:
    """What reading says, in a process that keeps the limits."""

    def read(kind: str, folder: Path) -> str:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write(f"{kind} {folder}\n")
        reader.stdin.flush()
        seconds, megabytes, said = reader.stdout.readline().rstrip("\n").split(" ", 2)
        assert float(seconds) < LONGEST_S, f"{said}: took {seconds} s"
        assert float(megabytes) < GROWTH_MB, f"{said}: took {megabytes} MB"
        return said

    return read


def policy_with(**changes: object) -> dict[str, bytes]:
    seed = policy_seeds()[0]
    document = {**json.loads(seed["policy.json"]), "scorers": {}, "features": {}, **changes}
    plain = {"kind": "fixed", "model": "small"}
    document["policy"] = changes.get("policy", plain)
    return signed({**seed, "golden.jsonl": b"", "weights.safetensors": EMPTY}, document)


EMPTY = struct.pack("<Q", 2) + b"{}"


def nested(levels: int) -> str:
    """A policy in a policy in a policy, as text."""
    inner = '{"kind": "fixed", "model": "small"}'
    return (
        '{"kind": "gated", "gates": [{"kind": "non-empty"}], "policy": ' * levels
        + inner
        + "}" * levels
    )


def nest_policies(levels: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        files = policy_with()
        document = json.loads(files["policy.json"])
        text = json.dumps({**document, "policy": 0}).replace(
            '"policy": 0', f'"policy": {nested(levels)}'
        )
        put(folder, {**files, "policy.json": text.encode()})

    return make


def blends(n: int, asked: int) -> Callable[[Path], None]:
    """Scorers each of which asks the next one, once or twice."""

    def make(folder: Path) -> None:
        common = {"target": "quality", "outputs": ["small"]}
        blend = {"kind": "blend", **common, "weights": [0.5] * asked}
        scorers = {f"s{at}": {**blend, "parts": [f"s{at + 1}"] * asked} for at in range(n)}
        scorers[f"s{n}"] = {"kind": "prior", **common, "tensors": "p"}
        utility = {"kind": "utility", "models": ["small"], "quality": "s0"}
        files = policy_with(policy=utility, scorers=scorers)
        header = json.dumps({"p.table": {"dtype": "F64", "shape": [1, 1], "data_offsets": [0, 8]}})
        table = struct.pack("<Q", len(header)) + header.encode() + struct.pack("<d", 0.5)
        files["weights.safetensors"] = table
        put(folder, signed(files, json.loads(files["policy.json"])))

    return make


def many_patterns(folder: Path) -> None:
    """A schema of twenty thousand, each of which would be looked at."""
    schema = {"patternProperties": {f"^a{at}+$": {} for at in range(20_000)}}
    gate = {"kind": "json-schema", "schema": schema}
    plain = {"kind": "fixed", "model": "small"}
    put(folder, policy_with(policy={"kind": "gated", "policy": plain, "gates": [gate]}))


def unknown_features(folder: Path) -> None:
    """Each of which would be looked for in all installed packages."""
    put(folder, policy_with(features={f"f{at}": {"kind": "odd"} for at in range(1_999)}))


def odd_file(name: str, how: Callable[[Path], object]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        put(folder, policy_with())
        (folder / name).unlink()
        how(folder / name)

    return make


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 10 << 30)


def log(name: str, content: bytes, **more: bytes) -> Callable[[Path], None]:
    return lambda folder: put(folder, {name: content, **more})


def parquet(**columns: object) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        folder.mkdir()
        pq.write_table(pa.table(columns), folder / "log.parquet")

    return make


def bomb(folder: Path) -> None:
    """Two hundred million rows in a few kilobytes."""
    folder.mkdir()
    n = 200_000
    table = pa.table({name: pa.array([1.0] * n) for name in ("quality", "cost_usd")})
    table = table.append_column("request_id", pa.array(["r"] * n).dictionary_encode())
    table = table.append_column("model", pa.array(["m"] * n).dictionary_encode())
    with pq.ParquetWriter(folder / "log.parquet", table.schema) as writer:
        for _ in range(100):
            writer.write_table(table)


HEAD = b"request_id,model,quality,cost_usd\n"
ROW = b'{"request_id":"a","model":"m","quality":1,"cost_usd":1,"x":'
MANY, ONES = [f"r{at}" for at in range(20_000)], [1.0] * 20_000

KEYS = b"".join(b'{"k%d":1}\n' % at for at in range(20_000))
DOTS = {"log.log.toml": b"a." * 90_000 + b"b=1"}
AWAY = {"log.log.toml": b'catalogue = "../../../etc/hostname"'}


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


REFUSED = {
    "policy: nested 200 deep": ("policy", nest_policies(200)),
    "policy: nested 30,000 deep": ("policy", nest_policies(30_000)),
    "policy: a chain of 1,500 blends": ("policy", blends(1_500, 1)),
    "policy: 20,000 patterns": ("policy", many_patterns),
    "policy: 1,999 features of no kind": ("policy", unknown_features),
    "policy: a pipe": ("policy", odd_file("policy.json", os.mkfifo)),
    "policy: a device": ("policy", odd_file("card.md", link("/dev/zero"))),
    "policy: a link out of it": ("policy", odd_file("card.md", link("/etc/passwd"))),
    "policy: ten gigabytes": ("policy", odd_file("weights.safetensors", sparse)),
    "log: nested 900 deep": ("log", log("log.jsonl", ROW + b'{"a":' * 900 + b"1" + b"}" * 901)),
    "log: a million brackets": ("log", log("log.jsonl", b"[" * 1_000_000)),
    "log: 20,000 names": ("log", log("log.jsonl", KEYS)),
    "log: 300,000 columns": ("log", log("log.csv", b"a" + b",c" * 300_000 + b"\n1\n")),
    "log: a line of 64 MB": ("log", log("log.csv", HEAD + b"a" * (64 << 20))),
    "log: 20,000 x 20,000": ("log", parquet(request_id=MANY, model=MANY, quality=ONES)),
    "log: a sidecar of 90,000 dots": ("log", log("log.csv", HEAD, **DOTS)),
    "log: a sidecar that leads away": ("log", log("log.csv", HEAD + b"a,m,1,1\n", **AWAY)),
    "log: a bomb": ("log", bomb),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_hurts_is_refused_within_limits(name, tmp_path, read_apart):
    kind, make = REFUSED[name]
    make(tmp_path / "case")
    assert read_apart(kind, tmp_path / "case").startswith("refused ")


def test_scorers_that_are_shared_are_visited_once(tmp_path, read_apart):
    """Thirty blends, each of which asks the next one twice: a thousand million ways to the last."""
    blends(30, 2)(tmp_path / "case")
    assert read_apart("policy", tmp_path / "case") == "ok"


def test_a_link_within_a_directory_is_followed(tmp_path, read_apart):
    """As volumes of Kubernetes have them."""
    files = policy_with()
    put(tmp_path / "case" / "..data", files)
    for name in FILES:
        (tmp_path / "case" / name).symlink_to(Path("..data", name))
    assert read_apart("policy", tmp_path / "case") == "ok"
