"""Records of LiteLLM's spend log turned into a log, beside decoding each as JSON and no more."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from routelab.logs.importers import REGISTRY, CallImporter, import_calls

RECORDS, REPEATS = 100_000, 3


def record(at: int) -> dict[str, object]:
    """About 800 bytes, with prompt and answer."""
    return {
        "request_id": f"r{at}",
        "call_type": "acompletion",
        "spend": 0.001 + at / 1e9,
        "prompt_tokens": 100 + at % 50,
        "completion_tokens": 20 + at % 7,
        "startTime": "2026-11-01T10:00:00.000Z",
        "endTime": "2026-11-01T10:00:01.500Z",
        "model": "gpt-4o-mini",
        "model_group": "small" if at % 3 else "large",
        "cache_hit": "False",
        "session_id": f"s{at % 1000}",
        "status": "success",
        "metadata": {
            "routing_decision": {"cause": "heuristic_score", "score": 0.3},
            "usage_object": {"prompt_tokens_details": {"cached_tokens": 40}},
        },
        "messages": [{"role": "user", "content": f"What is {at} plus 2? " * 8}],
        "response": {"choices": [{"message": {"content": f"It is {at + 2}."}}]},
    }


def run() -> list[tuple[str, float, str, bool]]:
    """Processor time, so that what other programs take of the machine is not in it."""
    importer = REGISTRY.kinds["litellm"]
    assert isinstance(importer, CallImporter)
    taken, decoded = [], []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "spend.jsonl"
        path.write_text("".join(f"{json.dumps(record(at))}\n" for at in range(RECORDS)))
        for _ in range(REPEATS):
            start = time.process_time()
            for line in path.read_bytes().splitlines():
                msgspec.json.decode(line)
            decoded.append(time.process_time() - start)
            start = time.process_time()
            import_calls(importer, path, Path(name) / "log.parquet")
            taken.append(time.process_time() - start)
    per_s = RECORDS / statistics.median(taken)
    share = statistics.median(decoded) / statistics.median(taken)
    return [
        ("import_calls_records_per_processor_s", per_s, ">=50000", per_s >= 50_000),
        ("import_calls_share_of_json_decoding", share, "-", True),
    ]


if __name__ == "__main__":
    for name, value, target, ok in run():
        print(name, f"{value:.4g}", target, "ok" if ok else "below")
