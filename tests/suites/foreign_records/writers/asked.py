"""What every library is made to ask, and how it says what it recorded."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

MODELS = ("gpt-4o-mini", "gpt-4o")
PROMPTS = (
    "What is 2 + 2?",
    "What is 3 + 2?",
    "CONTEXT What is 4 + 4?",
    "THINK What is 5 + 5?",
)
REFUSED = "REFUSE What is 1 + 1?"

URL = sys.argv[1] if len(sys.argv) > 1 else ""
OUT = Path(sys.argv[2] if len(sys.argv) > 2 else ".")
KEY = "none"
"""Of a provider on loopback, which asks for none."""

os.environ.setdefault("OPENAI_API_KEY", KEY)
os.environ.setdefault("ANTHROPIC_API_KEY", KEY)
os.environ.setdefault("OPENAI_BASE_URL", URL)
os.environ.setdefault("ANTHROPIC_BASE_URL", URL.removesuffix("/v1"))


def about(packages: tuple[str, ...], **bills: Any) -> None:
    """Write beside the records which versions wrote them, and the library's own sums."""
    found = {}
    for it in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[it] = metadata.version(it)
    (OUT / "about.json").write_text(json.dumps({"versions": found, **bills}, indent=1) + "\n")
