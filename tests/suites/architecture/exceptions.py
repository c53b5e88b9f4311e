"""Every exception that the tests beside this file make. A list here may only ever shrink.

`python .ci/growth.py` prints how long each is.
"""

from __future__ import annotations

GUESTS = {
    ("replay/baselines/tfidf.py", "scipy"),  # sparse words of prompts, imported where they are read
    ("testing/policies.py", "httpx"),  # its transport over ASGI takes the place of a network
    ("tracking/decider.py", "pandas"),  # MLflow hands it data frames, and brings pandas itself
    ("runtime/transport/sender.py", "aiohttp"),  # of the serve extra, when it is asked for
    ("runtime/transport/sender.py", "httpx_aiohttp"),  # likewise
    ("runtime/transport/sender.py", "httpx2"),  # types alone: who gives something of it imports it
}
"""Files that import a heavy package outside its home."""

FLAGS_ELSEWHERE = {
    "core/messages/install_hint.py": {"--editable"},  # of pip
    "policy_file/__main__.py": {"--package", "--verify"},  # a program of the base
    "reports/canvas.py": {"--ink", "--muted", "--rule", "--paper", "--ours", "--soft", "--loss",
                          "--good"},  # colours of a style sheet
    "reports/chapters/command.py": {"--allow-missing", "--certify", "--column", "--delta",
                                    "--floor", "--models", "--out", "--policy", "--seeds",
                                    "--signal"},  # a command line is what it writes
    "tracking/pending_studies.py": {"--verify"},  # of git
}  # fmt: skip
"""Flags outside `cli`, which alone knows the command line."""

LONG_FUNCTIONS: set[str] = set()
"""Functions over the limits without a reason above them."""

PAST_THE_FACE: set[tuple[str, str]] = set()
"""Importer and module, where another folder's module is imported without its package."""

SAME_CLASS_NAMES: set[str] = set()
"""Names that two public classes share."""

NO_NOUNS = {
    "compiled": "beside `plain` and `_compiled.c`, the two forms of one thing",
    "fixed": "the kind of policy has this name in policy files",
    "gated": "the kind of policy has this name in policy files",
    "published": "layouts of logs that other projects published",
}
"""Modules and packages named by a participle."""

VAGUE_NAMES = {
    "signals/features/words": "words of a prompt are what it counts",
    "cli/commands/data": "the command is `routelab data`",
}
"""Modules and packages with a vague word for a name."""

LARGE_FOLDERS = {
    "cli/commands": "one command a file",
    "policies": "one kind a file",
}
"""Folders of more modules than a reader takes in."""
