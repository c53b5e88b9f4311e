"""lm-evaluation-harness: samples of a task of four sums, asked of two models over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from asked import MODELS, OUT, PROMPTS, URL, about

TASK = """task: sums
dataset_path: json
dataset_kwargs:
  data_files:
    test: sums.jsonl
test_split: test
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
generation_kwargs:
  until: []
  max_gen_toks: 16
metric_list:
  - metric: exact_match
filter_list:
  - name: whole
    filter:
      - function: take_first
  - name: digits
    filter:
      - function: regex
        regex_pattern: "([0-9]+)"
      - function: take_first
metadata:
  version: 1.0
"""


def right(prompt: str) -> str:
    one, other = prompt.split("is ")[1].rstrip("?").split(" + ")
    return str(int(one) + int(other))


def main() -> None:
    Path("tasks").mkdir()
    Path("tasks/sums.yaml").write_text(TASK)
    rows = [json.dumps({"question": it, "answer": right(it)}) for it in PROMPTS]
    Path("sums.jsonl").write_text("\n".join(rows) + "\n")
    for model in MODELS:
        subprocess.run(
            [
                sys.executable, "-m", "lm_eval", "run", "--model", "local-chat-completions",
                "--model_args",
                f"model={model},base_url={URL}/chat/completions,num_concurrent=1,max_retries=1",
                "--tasks", "sums", "--include_path", "tasks", "--apply_chat_template",
                "--log_samples", "--output_path", f"out/{model}",
            ],
            check=True,
        )  # fmt: skip
    for file in Path("out").rglob("samples_*.jsonl"):
        kept = OUT / file
        kept.parent.mkdir(parents=True)
        kept.write_bytes(file.read_bytes())
    about(("lm_eval",))


main()
