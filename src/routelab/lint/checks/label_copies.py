"""Labels among the signals: columns that are known only once an answer was graded."""

from __future__ import annotations

from collections.abc import Iterator

from routelab.core.messages import foreign
from routelab.lint.evidence import LogEvidence
from routelab.lint.finding import LintFinding, Severity
from routelab.metrics import label_copy, label_suspicion, told_by
from routelab.signals import refusal

NAME = "label-among-signals"
_EFFECT = "a policy that reads it is as good as an oracle on the log, and cannot have it live"


def label_copies(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Columns that copy quality: signals, numbers that could become some, and tasks."""
    yield from _signals(evidence)
    yield from _requests(evidence)


def _signals(evidence: LogEvidence) -> Iterator[LintFinding]:
    named = evidence.signals
    free = {n: it for n, it in evidence.unasked.items() if n not in named and refusal(n) is None}
    for name, values in {**free, **named}.items():
        vouched = name in named and evidence.log.specs.get(name)
        if vouched and vouched.vouched:
            continue
        copied = label_copy(values, evidence.quality, evidence.models)
        doubt = None if copied else label_suspicion(values, evidence.quality)
        if copied is None and doubt is None:
            continue
        severity: Severity = "error" if copied and name in named else "warning"
        yield LintFinding(
            NAME,
            severity if copied else "note",
            f"column {foreign(name)!r} {'is' if copied else 'may be'} the label: {copied or doubt}",
            0,
            _EFFECT,
            "leave the column out of the signals, or, if it is known before the answer is"
            f" delivered, vouch for it: `signals=['{foreign(name)}:knowable']`",
        )


def _requests(evidence: LogEvidence) -> Iterator[LintFinding]:
    for name in ("task", "tenant", "priority"):
        column = getattr(evidence.log.requests, name)
        if column is None:
            continue
        model = told_by(column, evidence.quality, evidence.models)
        if model is not None:
            yield LintFinding(
                NAME,
                "error",
                f"column {name!r} tells right from wrong answers of {foreign(model)} without a"
                " fault",
                0,
                _EFFECT,
                f"leave it out (`columns={{'{name}': ''}}`), or use what is known of a request"
                " before it is answered",
            )
