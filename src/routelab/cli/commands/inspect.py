"""`routelab inspect`: what a policy directory holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import RenderableType
from rich.markdown import Markdown

from routelab.cli.arguments import Packages, PolicyPath
from routelab.cli.console import print_json, tell
from routelab.cli.flags import with_flags
from routelab.cli.options import Json
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy
from routelab.core.catalogue import Model
from routelab.core.messages import listed, shown
from routelab.policy_file import Document, PolicyFile, policy_card

_SHOWN_ADDRESSES = 50
_SHOWN = 5
"""Golden decisions that differ and are told; JSON has them all."""


def inspect(
    policy: PolicyPath,
    verify: Annotated[
        bool, typer.Option("--verify", help="Run the golden decisions; status 2 if one differs.")
    ] = False,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Show a policy: what it does, what it is worth, what it was made from.

    Example: `routelab inspect gym.policy --verify`
    """
    loaded = load_policy(policy, package)
    problems = loaded.verify() if verify else []
    margins = [item.margin for item in loaded.golden if item.margin is not None]
    checked = {
        "n": len(loaded.golden),
        "equal": len(loaded.golden) - len(problems),
        "smallest_margin": min(margins, default=None),
        "problems": problems,
    }
    if json:
        document = msgspec.to_builtins(_public(loaded.document))
        messages_read = document.pop("reads", None)  # `reads` is all that is read of a request
        summary: dict[str, Any] = {
            "digest": loaded.digest,
            "edited": loaded.edited,
            "reads": _reads(loaded),
            "messages_read": messages_read,
        }
        if loaded.other_packages:
            summary["other_packages"] = list(loaded.other_packages)
        print_json({**summary, "verify": checked if verify else None, **document})
    else:
        reads = (
            f"reads of a request: {', '.join(_reads(loaded)) or 'nothing'}{_messages(loaded)}"
            f"{_held(loaded)}"
        )
        card = Markdown(policy_card(_shown(loaded.document)))
        tables.show(card, *_addresses(loaded.document), reads, f"digest: {loaded.digest}")
        if verify:
            tables.show(f"golden decisions: {checked['equal']}/{checked['n']} equal")
    if problems:
        tell(_differences(problems, len(loaded.golden)))
        raise typer.Exit(2)


def _addresses(document: Document) -> Iterator[RenderableType]:
    """Addresses and keys that a policy's own catalogue names, which nothing calls or reads."""
    named = [
        (name, it) for name, model in document.catalogue.models.items() for it in model.deployments
    ]
    if not named:
        return
    heads = ("model", "address", "named there", "variable of its key")
    table = tables.table("Named by the policy, and never called: --catalogue says where", heads)
    for name, it in named[:_SHOWN_ADDRESSES]:
        cells = (name, it.public_url, it.model, it.api_key_env or "none")
        table.add_row(*(tables.escaped(shown(cell)) for cell in cells))
    if (more := len(named) - _SHOWN_ADDRESSES) > 0:
        table.add_row(f"and {more} more", "", "", "")
    yield table


def _reads(loaded: PolicyFile) -> list[str]:
    """What of a request its decisions depend on, bounds and needs apart."""
    return [*(["prompt"] if loaded.reads_text else []), *loaded.metadata_used]


def _messages(loaded: PolicyFile) -> str:
    """Which messages are the prompt, where it is read."""
    if not loaded.reads_text:
        return ""
    named = loaded.document.reads
    return f"; of its messages {named if isinstance(named, str) else 'all, system text included'}"


def _held(loaded: PolicyFile) -> str:
    """What the messages of its log held, by which requests unlike them are known."""
    kinds = sorted(loaded.document.known_kinds)
    if kinds:
        return f"; its log held messages with {listed(kinds)}"
    return (
        "; its log held prompts alone" if loaded.reads_text and loaded.document.provenance else ""
    )


def _shown(document: Document) -> Document:
    """With what was said of it as a terminal has it."""
    evaluation = dict(document.evaluation)
    if "reasons" in evaluation:
        evaluation["reasons"] = [with_flags(reason) for reason in evaluation["reasons"]]
    return msgspec.structs.replace(document, evaluation=evaluation)


def _public(document: Document) -> Document:
    """Without the credentials that addresses may hold."""

    def public(model: Model) -> Model:
        at = tuple(msgspec.structs.replace(it, base_url=it.public_url) for it in model.deployments)
        return msgspec.structs.replace(model, deployments=at)

    models = {name: public(model) for name, model in document.catalogue.models.items()}
    catalogue = msgspec.structs.replace(document.catalogue, models=models)
    return msgspec.structs.replace(document, catalogue=catalogue)


def _differences(problems: Sequence[str], n: int) -> str:
    """How many golden decisions differ, and some of them."""
    more = f"; the first {_SHOWN} (--json has all)" if len(problems) > _SHOWN else ""
    head = f"error: {len(problems)} of {n} golden decisions differ{more}:"
    return "\n  ".join([head, *problems[:_SHOWN]])
