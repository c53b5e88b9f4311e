"""A machine without a compiler scores and decides by the same bits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from reference_world import POLICIES

from routelab.core.protocol import Feedback
from routelab.core.request import Request
from routelab.policy_file import load

PROMPTS = (
    "",
    "\ud800 lone \udfff",
    "What is 2 + 2? Explain, do not guess; prove it.",
    "```python\ndef f(x):\n    return {x: 1};\n```\n| a | b |\n1. one\n- two\n",
    "中文字符和 English смешанный نص हिन्दी ไทย 한국어 İSTANBUL",
    "word " * 4000,
)

BLOCKED = """
import sys
for compiled in ("signals.features.words", "scorers.kernels", "policies.supermodel"):
    sys.modules[f"routelab.{compiled}._compiled"] = None
sys.path.insert(0, sys.argv[1])
from test_policy_file_no_compiler import scored
from routelab import policies, scorers, signals
for there in (signals.features.words, scorers.kernels, policies.supermodel):
    assert not hasattr(there, "compiled")
sys.stdout.write(scored())
"""


def scored() -> str:
    """What the scorers of every kind say of every prompt, and whether golden decisions hold."""
    policy = load(POLICIES / "reference-utility.policy")
    seen = Feedback("small", {"confidence": 0.7}, completion_tokens=12.0)
    lines = [
        str(policy.verify()),
        str(load(POLICIES / "reference-cascade-routing.policy").verify()),
    ]
    for prompt in PROMPTS:
        request = Request("r", ({"role": "user", "content": prompt},), task="maths")
        for name in policy.scoring.names:
            after = seen if policy.scoring.reads_answer(name) else None
            scores = policy.scoring.score(name, request, after)
            lines.append(f"{name} {' '.join(map(float.hex, scores))}")
    return "\n".join(lines)


def test_an_install_without_a_compiler_scores_and_decides_alike():
    command = [sys.executable, "-c", BLOCKED, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == scored()
    assert len(set(done.stdout.splitlines())) > len(PROMPTS)
