"""The chapter on trust: why the figures can be believed, and what they leave out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routelab.policy_file import SplitRecord
from routelab.replay import Figures
from routelab.reports import forms
from routelab.reports.blocks import Block, Bullets, Cell, Chapter, Note, TableBlock, Text
from routelab.reports.chapters.command import command
from routelab.reports.summary import Summary

TASKS = 40
"""Tasks in the table of dropped rows."""
_FORMS = {
    "quality": ("Quality", forms.quality, forms.points, "points"),
    "usd_per_1k": ("USD per 1,000", forms.usd, forms.usd_change, "USD"),
    "gain_vs_zero_router": ("Gain over a mix, points", forms.points, forms.points, "points"),
}


def trust_chapter(summary: Summary) -> Chapter:
    """Optimism, coverage and splits."""
    blocks: list[Block] = []
    if summary.optimism and summary.test:
        blocks += [
            Text(
                "The best of many policies looks a little better where it was chosen than where it"
                " is judged. The test part was used once."
            ),
            _optimism(summary.optimism, summary.test),
        ]
    else:
        blocks += [Note("What the figures were on the tune part is not known here.")]
    blocks += _coverage(summary)
    if summary.splits is not None:
        blocks += [_splits(summary.splits)]
    if summary.notes:
        blocks += [Text("Notes from reading the log and learning from it:"), Bullets(summary.notes)]
    return Chapter("trust", "Can it be trusted", blocks)


def _optimism(found: Mapping[str, float | None], test: Figures) -> TableBlock:
    rows = []
    for key, (name, form, change, unit) in _FORMS.items():
        value, less = getattr(test, key), found.get(key)
        tuned = None if less is None else value + less
        moved = f"{change(less)} {unit}" if less is not None else forms.NOTHING
        rows += [
            [Cell(name), Cell(form(tuned), tuned), Cell(form(value), value), Cell(moved, less)]
        ]
    return TableBlock("Tune against test", ("Figure", "Tune", "Test", "Optimism"), rows)


def _coverage(summary: Summary) -> list[Block]:
    test = summary.test
    if test is None:
        return []
    total = test.n_requests + test.n_dropped
    part = test.n_dropped / max(1, total)
    line = (
        "Every request of the part has an outcome of every candidate; none was dropped."
        if not test.n_dropped
        else f"{forms.count(test.n_dropped)} of {forms.count(total)} requests"
        f" ({forms.share(part)}) lack an outcome of a candidate and were dropped: figures hold"
        " for the rest."
    )
    blocks: list[Block] = [Text(line)]
    known = summary.coverage.get(test.split)
    if known is not None and known.by_task:
        tasks = sorted(known.by_task.items(), key=lambda pair: (-pair[1], pair[0]))
        rows = [[Cell(forms.short(t, 80)), Cell(forms.count(n), n)] for t, n in tasks[:TASKS]]
        blocks += [
            TableBlock("Dropped requests by task", ("Task", "Dropped"), rows, total=len(tasks))
        ]
    return blocks


def _splits(cut: SplitRecord) -> TableBlock:
    uses = {
        "train": "learn scorers",
        "tune": "choose the policy",
        "calibrate": "certify",
        "test": "judge, once",
    }
    if cut.searched:
        uses |= dict.fromkeys(cut.searched, "learn scorers and choose the policy")
    rows = [
        [
            Cell(part),
            Cell(forms.count(n), n),
            Cell(uses.get(part, "")),
            Cell(cut.sha256.get(part, "")[:16]),
        ]
        for part, n in cut.n.items()
    ]
    dropped = f", {forms.count(cut.dropped)} dropped because their group began earlier"
    kept = f"each {cut.group} kept together{dropped if cut.dropped else ''}"
    if cut.returned:
        back = forms.count(cut.returned["test"])
        kept = f"{back} requests of test are of a {cut.group} that an earlier part has, too"
    caption = f"Split by {cut.rule}, {kept}"
    return TableBlock(
        caption, ("Part", "Requests", "Used to", "SHA-256 of ids"), rows, words=(0, 2, 3)
    )


def origin(summary: Summary) -> Chapter:
    """Provenance: log, options and versions that the figures follow from."""
    facts = {
        "command": command(summary),
        **summary.provenance,
        "policy_sha256": summary.policy_digest,
    }
    rows = [
        [Cell(key.replace("_", " ")), Cell(_value(value))]
        for key, value in facts.items()
        if value is not None and key not in ("options", "traffic")
    ]
    if isinstance(traffic := facts.get("traffic"), Mapping):
        rows += [[Cell(f"traffic: {key}"), Cell(str(value))] for key, value in traffic.items()]
    options = facts.get("options")
    if isinstance(options, Mapping):
        rows += [
            [Cell(f"option {key.replace('_', ' ')}"), Cell(_value(value))]
            for key, value in options.items()
            if _given(value)
        ]
    blocks: list[Block] = [
        Text(
            "The same log, options and versions give the same policy, figures and report, byte for"
            " byte. Nothing here depends on time or place, and no prompt is part of it."
        )
    ]
    if rows:
        blocks += [TableBlock("Made from", ("What", "Value"), rows, words=(0, 1))]
    return Chapter("origin", "Provenance", blocks)


def _given(value: Any) -> bool:
    """Whether an option says anything."""
    if isinstance(value, Mapping):
        return any(_given(item) for item in value.values())
    return value is not None and value != [] and value != ()


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items() if _given(item))
    if isinstance(value, list | tuple):
        return ", ".join(_value(item) for item in value[:50])
    return forms.short(str(value), 200)
