"""What a failure is, from its status, its codes and its sentences, in that order of precedence:

1. What is wrong with the request: words of a code for a filter, a length, a field, or the model's
   own output, whatever the status. Another model may do it; the deployment is well.
2. What is wrong with the account, the model's name or the load, by words of a code. These count
   against the deployment, but not with a 4xx that is never a server's.
3. Where a code says no more than that the request or the server failed, and where there is none,
   the sentence: what it says of the request first, whatever the status; then, with a 4xx, what it
   says of the account. It never counts against the deployment, as it may quote what one caller
   wrote, and it alarms nobody unless it begins with a whole phrase for it.
4. The status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from routelab.runtime.attempts.failures.classes import (
    BY_CODE,
    CREDIT,
    EMPTY,
    GENERAL,
    KEY,
    MODEL,
    OUTPUT,
    RATE,
    REFUSED,
    REQUEST,
    SERVER,
    SERVERS,
    SHAPE,
    STATUSES,
    TOO_LONG,
    Failure,
    class_of,
)
from routelab.runtime.attempts.failures.error_body import ErrorBody, read_error
from routelab.runtime.attempts.failures.error_field import error_of

_READ = 2_000
"""Characters of a sentence that are looked at."""

_ABOUT_REQUEST = [
    (it, re.compile(it.says)) for it in sorted(BY_CODE, key=lambda it: it is OUTPUT) if it.quotes
]
"""Sentences about the request; those about the model's output say `failed to` of anything."""

_ABOUT_ACCOUNT = [
    (it, re.compile(it.says))
    for it in sorted(BY_CODE, key=lambda it: it is not MODEL)
    if it.says and not it.quotes
]
"""Sentences about the rest; `no such model, or you may not have it` is of a model."""

_ALARMS = [
    (it, re.compile(rf"(?:[\w.]*(?:error|exception)[\s:-]+|error[\s:-]+)*(?:{it.alarms})"))
    for it in BY_CODE
    if it.alarms
]

_SHAPE = re.compile(SHAPE)

_TOO_MUCH = re.compile(
    r"too large|must be reduced|limit:? ([\d,]+\d)(?:, used:? [\d,]+)?, requested:? ([\d,]+\d)"
)

_QUOTED = re.compile(
    r"\"[^\"]*\"|`[^`]*`|(?<!\w)'[^']*'(?!\w)|\u201c[^\u201d]*\u201d|\u00ab[^\u00bb]*\u00bb"
)
"""What a sentence quotes, which may be what a caller wrote."""

_APOSTROPHES = str.maketrans("\u2018\u2019\u02bc", "'''")


class JudgedFailure(NamedTuple):
    """What a failure was found to be.

    Attributes:
        failure: its class, as far as it goes for this one.
        status: of HTTP, or that the body gives in its place.
        said: words named it, of a code or a sentence.
    """

    failure: Failure
    status: int | None
    said: bool


def judged(status: int | None, body: object) -> JudgedFailure:
    """The class of a failure.

    Args:
        status: of HTTP; None of an event.
        body: JSON that came with it: an object, a list of one, or anything else.
    """
    error = error_of(body)
    told = read_error(body) if error is None or error is body else read_error(error, body)
    answered = status
    if told.status is not None and (status is None or status < 400 or status == 400):
        status = told.status
    found = _coded(told, status)
    if found is not None and found not in GENERAL:
        if found is RATE and _is_too_much(told, status):
            found = TOO_LONG
        return JudgedFailure(_weighed(found, status), status, said=True)
    text = _plain((*told.sentences, *told.quoted_sentences))
    said = _said(text, told, status)
    if said is not None:
        return JudgedFailure(said, status, said=True)
    usual = by_status(status)
    blamed = found is REQUEST or _blames_request(text, told, answered)
    if found is REQUEST and (status is None or status < 400 or usual is REQUEST):
        return JudgedFailure(REQUEST, status, said=True)
    if usual is REQUEST and SERVER in map(class_of, told.codes):  # who contradicts itself
        return JudgedFailure(REQUEST._replace(elsewhere=True), status, said=True)
    if found is SERVER and usual is EMPTY:
        usual = SERVER
    if blamed and usual.fault != "account":
        usual = usual._replace(against=False, rests=False)
    return JudgedFailure(usual, status, said=found is SERVER and usual is SERVER)


def by_status(status: int | None) -> Failure:
    """What a status means by itself.

    Args:
        status: of HTTP; None, or a good one, where there was none that says anything.
    """
    if status is None or status < 400:
        return EMPTY
    return STATUSES.get(status) or (SERVER if status >= 500 else REFUSED)


def sentence_of(error: object) -> str:
    """What an error says to people; empty where it says nothing.

    Args:
        error: a body or a part of one.
    """
    for _ in range(4):
        if isinstance(error, str):
            return error
        if isinstance(error, list):
            error = error[0] if error else None
        if not isinstance(error, Mapping):
            return ""
        named = ("message", "msg", "error", "detail", "errors", "fault", "faultstring")
        error = next((error[it] for it in named if error.get(it)), None)
    return error if isinstance(error, str) else ""


def _coded(told: ErrorBody, status: int | None) -> Failure | None:
    """The class that the codes name, the most special if there are several."""
    named = {it.name for it in map(class_of, told.codes) if it}
    named.update(it.name for it in map(class_of, told.quoted_codes) if it and it.quotes)
    if _is_never_servers(status):
        named.discard(SERVER.name)
    return next((it for it in BY_CODE if it.name in named), None)


def _is_never_servers(status: int | None) -> bool:
    return status is not None and 400 <= status < 500 and status not in SERVERS


def _weighed(found: Failure, status: int | None) -> Failure:
    """A class that codes name, as heavy as the status lets it be."""
    if not _is_never_servers(status):
        return found
    if found.fault == "account":
        return found._replace(doubtful=found.against)
    return found._replace(against=False, rests=False)


def _is_too_much(told: ErrorBody, status: int | None) -> bool:
    """Whether a single request is larger than the limit of rate, however long it waits."""
    if status == 413:
        return True
    found = _TOO_MUCH.search(_plain(told.sentences))
    if found is None or found[1] is None:
        return found is not None
    limit, asked = (int(it.replace(",", "")) for it in found.groups())
    return asked > limit


def _plain(sentences: tuple[str, ...]) -> str:
    """Sentences as patterns read them: in small letters, with one kind of apostrophe and space."""
    return " ".join(" ".join(sentences)[:_READ].translate(_APOSTROPHES).lower().split())


def _said(text: str, told: ErrorBody, status: int | None) -> Failure | None:
    """The class that a sentence names; None if it names none that the status would not."""
    usual = by_status(status)
    if usual is RATE:
        if _is_too_much(told, status):
            return TOO_LONG
        return CREDIT._replace(against=False) if _alarm(told) is CREDIT else None
    if usual is KEY:
        return None
    failing = status is not None and status >= 500
    alarm = None if failing or usual is CREDIT else _alarm(told)
    if alarm is not None:
        return alarm._replace(against=False)
    for failure, pattern in _ABOUT_REQUEST:
        if pattern.search(text):
            return failure.harmless()
    if failing or usual is CREDIT:
        return None
    cut = _QUOTED.sub("_", text)
    for failure, pattern in _ABOUT_ACCOUNT:
        if pattern.search(cut):
            return failure.harmless()._replace(warns=usual.warns and failure.warns)
    return None


def _alarm(told: ErrorBody) -> Failure | None:
    """A class that somebody has to mend, if a sentence begins with a phrase for it.

    No caller's words stand there but in quotes.
    """
    for sentence in told.sentences:
        cut = _QUOTED.sub("_", _plain((sentence,)))
        for failure, pattern in _ALARMS:
            if pattern.match(cut):
                return failure
    return None


def _blames_request(text: str, told: ErrorBody, answered: int | None) -> bool:
    """Whether a server's failure is said to be the request's, though no class is known for it."""
    inner = told.status
    if answered is not None and answered >= 500 and inner is not None and inner < 500:
        return inner not in (*SERVERS, 499)
    return _SHAPE.search(text) is not None
