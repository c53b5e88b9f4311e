"""Write `failures.md` from the runtime's own table: `python docs/failures.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from routelab.runtime.attempts.failures import FAILURES, STATUSES, Failure

PAGE = Path(__file__).with_name("failures.md")
OPENING = """# Failures

Made from the table that the runtime goes by, by `python docs/failures.py`. One classification
serves a status, a JSON body with any status, an error event of a stream, and an answer that ends by
an error. The words and numbers that providers use as codes decide first; the sentence decides only
where they leave it open (a bad request, a refusal), and never against the deployment, as it may
quote what one caller wrote. No request of one caller takes a deployment from the others.

*Elsewhere*: another deployment or model is asked. *Again*: so is the same one, as a retry.
*Against it*: counts for its breaker and in balancing. *Rests*: it is left alone for as long as it
asks, at most an hour. *Warns*: an operator is told, once for each deployment: by a warning of the
logger `routelab`, or by an error of it where the account is at fault and nothing else ends it (key,
credit).

Every failed attempt is counted: `(await router.snapshot()).failures` by deployment and class,
`routelab_failures_total` for Prometheus with `deployment`, `failure` and `fault`, and those that an
operator has to mend in `routelab_operator_failures_total` too. The decision log has the class as
`failure` of each attempt, and `routelab.runtime.attempts.failure_classes()` is this table.

"""
TOLD = """

## Told by

Statuses without words, and words of a `code`, `type`, `status` or `reason`; other 4xx are
`refused`, other 5xx `server`. 409 and 425 do not count against the deployment.

"""
HEAD = ("failure", "means", "fault of", "elsewhere", "again", "against it", "rests", "warns")


def rows() -> Iterator[tuple[str, ...]]:
    """A row of the table for each class of failures."""
    for it in FAILURES:
        flags = (it.elsewhere, it.again, it.against, it.rests, it.warns)
        yield (f"`{it.name}`", it.means, it.fault, *("yes" if flag else "" for flag in flags))


def told_by(failure: Failure) -> str:
    """The statuses and words that tell of a class."""
    statuses = [str(status) for status, it in STATUSES.items() if it.name == failure.name]
    words = [f"`{code}`" for code in sorted(failure.codes)]
    return ", ".join(statuses + words)


def page() -> str:
    """The whole page."""
    table = [HEAD, tuple("---" for _ in HEAD), *rows()]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    told = [f"- `{it.name}`: {told_by(it)}" for it in FAILURES if it.codes]
    return OPENING + "\n".join(lines) + TOLD + "\n".join(told) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
