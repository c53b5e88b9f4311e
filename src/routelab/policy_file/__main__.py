"""Check a policy with only the base install: `python -m routelab.policy_file DIR --verify`."""

from __future__ import annotations

import argparse
import re
import sys

from routelab.errors import RoutelabError, visible
from routelab.policy_file.files import load

_PACKAGE = "--package"


def main(arguments: list[str] | None = None) -> int:
    """Load a policy directory, and with `--verify` run its golden decisions."""
    parser = argparse.ArgumentParser(prog="python -m routelab.policy_file", description=__doc__)
    parser.add_argument("policy", help="a policy directory, for example gym.policy")
    parser.add_argument("--verify", action="store_true", help="run the golden decisions")
    parser.add_argument(
        _PACKAGE,
        action="append",
        default=[],
        help="brings kinds, and its code may run",
    )
    options = parser.parse_args(arguments)
    try:
        loaded = load(options.policy, packages=options.package)
    except RoutelabError as error:
        said = re.sub(r"`packages=\['([^']+)'\]`", rf"{_PACKAGE} \1", str(error))
        sys.stderr.write(f"{visible(said)}\n")
        return 2
    models = " > ".join(loaded.policy.models_used)
    sys.stdout.write(visible(f"{loaded.name}: {models}, {loaded.digest}\n"))
    if loaded.edited:
        sys.stderr.write(visible(f"warning: {loaded.edited}\n"))
    for problem in loaded.other_packages:
        sys.stderr.write(visible(f"warning: {problem}\n"))
    if not options.verify:
        return 0
    problems = loaded.verify()
    for problem in problems:
        sys.stderr.write(visible(f"{problem}\n"))
    same = len(loaded.golden) - len(problems)
    sys.stdout.write(f"golden decisions: {same}/{len(loaded.golden)} equal\n")
    return 2 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
