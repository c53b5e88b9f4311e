"""Write `failures.md` from the runtime's own table: `python docs/failures.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from routelab.runtime.attempts.failures import (
    BY_CODE,
    FAILURES,
    GENERAL,
    SERVERS,
    STATUSES,
    Failure,
)

PAGE = Path(__file__).with_name("failures.md")
OPENING = """# Failures

Made from the table that the runtime goes by, by `python docs/failures.py`. One classification
serves a status, a JSON body with any status, an error event of a stream, and an answer that ends by
an error.

*Elsewhere*: another deployment or model is asked. *Again*: so is the same one, as a retry.
*Against it*: counts for its breaker and in balancing; *once* is once for each caller, however often
(see [one caller](#no-caller-takes-a-deployment-from-the-others)). *Rests*: it is left alone for as
long as it asks, at most an hour; where it counts once, for that caller alone. *Warns*: an operator
is told, once for each deployment: by a warning of the logger `routelab`, or by an error of it where
the account is at fault and nothing else ends it (key, credit).

Every failed attempt is counted: `(await router.snapshot()).failures` by deployment and class,
`routelab_failures_total` for Prometheus with `deployment`, `failure` and `fault`, and those that an
operator has to mend in `routelab_operator_failures_total` too. The decision log has the class as
`failure` of each attempt, and `routelab.runtime.attempts.failure_classes()` is this table.

"""
ORDER = """

## What decides, in this order

1. A code for what is wrong with the request or with what the model wrote: CODED_REQUEST. The status
   does not matter: some servers answer 500 to a prompt that is too long.
2. A code for what is wrong with the account, the model's name or the load: CODED_REST. With a 4xx
   that is never a server's it does not count against the deployment unless the account is at fault.
   A limit of rate that a single request is larger than is `too_long`.
3. Where the codes say no more than GENERAL, or nothing: a whole phrase about the account with which
   a sentence begins; then anything a sentence says of the request, with any status but 401 and 429;
   then, with a 4xx or none, what it says of the account.
4. The status. With 5xx, a sentence that blames the request (an image that cannot be decoded, roles
   that do not alternate) or a 4xx in the body keeps it from counting against the deployment.

A 4xx other than SERVERS is never the deployment's fault: `api_error` with 400 is a `request`, which
other deployments are asked all the same, as the two contradict each other. `request` by itself ends
the call: nobody else could do it.

Codes are read in `code`, `type`, `status`, `reason`, `error_code`, `__type`, `blockReason` and the
like, of the body and of `error`, `errors`, `fault`, `detail`, `details`, `innererror`, `metadata`,
`promptFeedback` and `base_resp` in it, and of JSON in a string of these, such as `metadata.raw`.
Of JSON in the middle of a sentence, only codes of the first kind count.

## What a caller cannot do

Sentences may quote what a caller wrote. So a sentence never counts against a deployment. What it
quotes is cut out before it is read for anything but the request itself. It alarms an operator only
if it *begins* with a whole phrase, such as `Your credit balance is too low`; else the status or a
code has to say so.

## No caller takes a deployment from the others

Nobody knows the words of every provider. A failure that may lie in what was asked (*once* in the
table) therefore counts once for each caller in the breaker's window. Callers are told apart by
`tenant`; without one, requests with the same messages are one caller's.

- Where a deployment fails different callers, the breaker opens for all.
- Where only repetitions make it look ill, it opens for those who repeat. Anybody else is let
  through. One good call of theirs closes it; their failures count, and open it for all.
- No connection, no answer in time, 401, 402, 503 and 529 are what any request would meet. They
  count each time.

Give requests a `tenant` where callers may send many different requests that fail: without it, ten
of them (`min_calls`) are ten callers.

"""
TOLD = """
## Told by

Statuses without words, and codes, in order of precedence. Case, dashes, spaces, a namespace before
`#`, `/` or `.` and a last `error` or `exception` make no difference. Other 4xx are `refused`, other
5xx `server`. 409 and 425 do not count against the deployment.

"""
HEAD = ("failure", "means", "fault of", "elsewhere", "again", "against it", "rests", "warns")


def rows() -> Iterator[tuple[str, ...]]:
    """A row of the table for each class of failures."""
    for it in FAILURES:
        against = "once" if it.doubtful else "yes"
        flags = (
            (it.elsewhere, "yes"),
            (it.again, "yes"),
            (it.against, against),
            (it.rests, "yes"),
            (it.warns, "yes"),
        )
        yield (f"`{it.name}`", it.means, it.fault, *(word if flag else "" for flag, word in flags))


def order() -> str:
    """The order of precedence, with the classes of each step."""
    request = [it for it in BY_CODE if it.quotes]
    rest = [it for it in BY_CODE if not it.quotes and it not in GENERAL]
    named = {
        "CODED_REQUEST": ", ".join(f"`{it.name}`" for it in request),
        "CODED_REST": ", ".join(f"`{it.name}`" for it in rest),
        "GENERAL": " or ".join(f"`{it.name}`" for it in GENERAL),
        "SERVERS": ", ".join(map(str, sorted(SERVERS))),
    }
    text = ORDER
    for word, classes in named.items():
        text = text.replace(word, classes)
    return text


def told_by(failure: Failure) -> str:
    """The statuses and words that tell of a class."""
    statuses = [str(status) for status, it in STATUSES.items() if it.name == failure.name]
    words = [f"`{code}`" for code in sorted(failure.codes)]
    return ", ".join(statuses + words)


def page() -> str:
    """The whole page."""
    table = [HEAD, tuple("---" for _ in HEAD), *rows()]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    ranked = sorted(BY_CODE, key=lambda it: (it in GENERAL, not it.quotes))
    told = [f"{n}. `{it.name}`: {told_by(it)}" for n, it in enumerate(ranked, 1)]
    return OPENING + "\n".join(lines) + order() + TOLD + "\n".join(told) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
