"""The readable side of a policy: what it does, what it is worth, what it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from routelab.core.messages import known, markdown_code, markdown_text, shown, with_interval
from routelab.errors import PolicyFileError, visible
from routelab.policies import from_wire
from routelab.policy_file.certificate import Certificate, CertifiedBound
from routelab.policy_file.document import Document


def policy_card(document: Document) -> str:
    """A policy as a Markdown page, in which no text of the document is read as markup.

    Raises:
        PolicyFileError: figures or provenance are not of the form in which they are written.
    """
    try:
        return visible(_card(document))
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise PolicyFileError(
            f"policy {shown(document.name)!r}: `evaluation`, `split`, `certificate` or `provenance`"
            f" is not as policies have it ({type(error).__name__}: {shown(str(error))}); restore"
            " the file, or take out what was edited"
        ) from error


def _card(document: Document) -> str:
    evaluation = document.evaluation
    parts = [
        f"# {markdown_text(document.name)}",
        _verdict(evaluation),
        "## Policy",
        "\n".join(
            f"{at}. {markdown_text(step)}"
            for at, step in enumerate(from_wire(document.policy).explained, 1)
        ),
        "\n".join(_policy(document.policy)),
        "## Models",
        _models(document),
    ]
    if test := evaluation.get("test"):
        parts += ["## On the test part", _figures(test), _baselines(test["baselines"])]
    parts += _certificate(document.certificate)
    parts += _traffic(document.provenance.get("traffic"))
    parts += ["## Made from", *_provenance(document)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(evaluation: Mapping[str, Any]) -> str:
    if not evaluation:
        return "Not evaluated."
    reasons = "\n".join(f"- {markdown_text(reason)}" for reason in evaluation["reasons"])
    return f"Verdict: **{markdown_text(evaluation['verdict'])}**\n\n{reasons}"


def _certificate(it: Certificate | None) -> list[str]:
    """What was proved, and what that rests on."""
    if it is None:
        return []
    heads = ("goal", "bound", it.part, f"limit at {1 - it.delta:g}", "p", "test")
    rows = markdown_table(heads, [_goal(goal) for goal in it.goals])
    rests = "\n".join(f"- {markdown_text(text)}" for text in it.assumptions)
    return [
        "## Certificate",
        markdown_text(f"{it.text[:1].upper()}{it.text[1:]}."),
        rows,
        f"It rests on:\n\n{rests}",
    ]


def _goal(it: CertifiedBound) -> tuple[str, ...]:
    name = f"regret to {it.reference or 'the best model'}" if it.goal == "regret" else it.goal
    name += ", over groups" if it.unit == "group" else ""
    figures = (f"{it.bound:g}", f"{it.estimate:.4g}", f"{it.limit:.4g}", f"{it.p_value:.2g}")
    if it.later is None:
        return (name, *figures, "not read")
    return (name, *figures, with_interval(it.later.estimate, it.later.interval, ".4g"))


def _policy(policy: Mapping[str, Any], indent: str = "") -> Iterable[str]:
    """One line a policy, whatever its kind; policies inside follow it."""
    nested = {name: _inside(value) for name, value in policy.items()}
    fields = ", ".join(
        f"{markdown_text(name)} = {_value(value)}"
        for name, value in policy.items()
        if name != "kind" and not nested[name] and value not in ("", [], (), None)
    )
    yield f"{indent}- {markdown_text(policy['kind'])}{': ' if fields else ''}{fields}"
    for inner in (it for each in nested.values() for it in each):
        if "kind" in inner:
            yield from _policy(inner, indent + "  ")
        else:
            held = ", ".join(f"{name} = {_value(value)}" for name, value in inner["when"].items())
            yield f"{indent}  - where {held}:"
            yield from _policy(inner["policy"], indent + "    ")


def _inside(value: Any) -> Sequence[Mapping[str, Any]]:
    """Policies, or rules that lead to one, that a field holds."""
    if isinstance(value, Mapping):
        return [value]
    several = isinstance(value, Sequence) and not isinstance(value, str)
    return [it for it in value if isinstance(it, Mapping)] if several else []


def _value(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_value(item) for item in value)
    return f"{value:.6g}" if isinstance(value, float) else markdown_code(str(value))


def _models(document: Document) -> str:
    rows = [
        (
            name,
            known(model.input_usd_per_mtok, "g", otherwise="not known"),
            known(model.output_usd_per_mtok, "g", otherwise="not known"),
            str(len(model.deployments)),
        )
        for name, model in document.catalogue.models.items()
    ]
    table = markdown_table(("model", "USD per Mtok in", "USD per Mtok out", "deployments"), rows)
    candidates = "".join(
        f"\n{markdown_code(name)} is {markdown_text(it.said_as_candidate)}.\n"
        for name, it in document.catalogue.models.items()
        if it.parameters is not None
    )
    return table + candidates


def _figures(test: Mapping[str, Any]) -> str:
    rows = [
        ("requests", f"{test['n_requests']} ({test['n_dropped']} dropped)"),
        ("quality", with_interval(test["quality"], test["quality_ci"], ".4f")),
        ("USD per 1,000", with_interval(test["usd_per_1k"], test["usd_per_1k_ci"], ".4f")),
        (
            "gain over the zero router, points",
            _points(test["gain_vs_zero_router"], test["gain_ci"]),
        ),
        (
            "latency P50, P95",
            f"{seconds_text(test['latency_p50_s'])}, {seconds_text(test['latency_p95_s'])}",
        ),
        ("escalated", f"{test['escalation_rate']:.1%}"),
    ]
    return markdown_table(("figure", "value and 95 % interval"), rows)


def _baselines(baselines: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        (
            it["name"],
            f"{it['quality']:.4f}",
            f"{it['usd_per_1k']:.4f}",
            _points(it["quality_gain"], it["quality_gain_ci"]),
        )
        for it in baselines
    ]
    return markdown_table(("baseline", "quality", "USD per 1,000", "policy adds, points"), rows)


def _points(gain: float, interval: Sequence[float]) -> str:
    """In points of 1/100 of quality."""
    return with_interval(gain, interval, "+.2f", 100)


def _traffic(told: object) -> list[str]:
    """What the policy was shown: whoever sends it other traffic should measure it there."""
    if not isinstance(told, Mapping) or not told:
        return []
    lines = "\n".join(
        f"- {markdown_text(shown(str(about)))}: {markdown_text(str(text))}"
        for about, text in told.items()
    )
    return ["## Traffic it was tuned on", lines]


def _provenance(document: Document) -> Iterable[str]:
    if document.split is not None:
        parts = ", ".join(f"{markdown_text(part)} {n}" for part, n in document.split.n.items())
        group = markdown_text(document.split.group)
        kept = f"{group} kept together"
        if document.split.returned:
            back = document.split.returned["test"]
            kept = f"{back} requests of test of a {group} seen before"
        yield f"Split by {document.split.rule}, {kept}: {parts}."
    for name, origin in (document.packages or {}).items():
        kinds = ", ".join(map(shown, origin.kinds))
        needed = f"{shown(name)} {shown(origin.version)}"
        yield markdown_text(f"Needs the package {needed}, which brings {kinds}.")
    if document.provenance:
        yield "\n".join(
            f"- {markdown_text(key)}: {markdown_code(str(value))}"
            for key, value in document.provenance.items()
            if key != "traffic"
        )


def seconds_text(value: float | None) -> str:
    """A latency for people; one that was not observed says so."""
    return known(value, ".2f", " s")


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, in whose cells nothing is read as markup."""
    lines = [head, *rows]
    cells = [" | ".join(_cell(str(cell)) for cell in line) for line in lines]
    cells.insert(1, " | ".join(["---"] * len(head)))
    return "\n".join(f"| {line} |" for line in cells)


_FIGURES = frozenset("0123456789+-.,[]% es")


def _cell(text: str) -> str:
    """Numbers and intervals as they are."""
    return text if _FIGURES.issuperset(text) else markdown_text(text)
