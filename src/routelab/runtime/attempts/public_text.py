"""An endpoint's sentence as anybody may read it: words, numbers and names of fields, no more.

What is let through is listed, not what is kept back: hosts, paths, accounts, tokens and ids have no
form that all of them share, but none of them is a plain word, a short number or a known field.
"""

from __future__ import annotations

import re

HIDDEN = "***"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RUN = re.compile(r"[\w.\-/:@%+~=#$\\*&?\u2026]+")
"""What may be one name: anything up to a space, a quote, a bracket or a comma."""

_AROUND = ".:?&"
"""Marks of a sentence, which are no part of a name."""

_LONGEST = 24
"""Letters of a word."""

_WORD = re.compile(r"(?:[A-Z]{1,6}|[A-Z]{0,6}[a-z]+(?:[A-Z][a-z]{2,})*[A-Z]{0,3})")
"""A word in small letters, with a capital or in camel case."""

_NUMBER = re.compile(
    r"[+-]?\d{1,10}(?:\.\d{1,6})?(?:%|[kKmMbBxs]|ms|px|[kKmMgG]i?[bB]|st|nd|rd|th)?"
    r"|\d{1,7}-\d{1,7}|\d{4}-\d\d-\d\d"
)

_VALUE = re.compile(r"-?\d{1,10}(?:\.\d{1,6})?|true|false|null|none", re.I)
"""What may stand behind a field and a sign of equality."""

_HYPHENATED = re.compile(r"[A-Za-z]{1,12}-[a-z]{1,14}")

_PREFIXES = _words(
    "audio auto base built co comma content end fine follow high image in input key left"
    " long low max media mid min mono multi non off on one out per pre re read right role"
    " self short so space stop system text time tool top two up user utf value well word"
    " write zero"
)
"""First parts of words that have a hyphen; names of machines and projects begin otherwise."""

_FIELD = re.compile(r"[a-z]{1,12}(?:_[a-z]{1,12}){1,4}")

_NO_FIELDS = _words(
    "acct acme ak bearer cus deployment ghp gho github gsk hf host id key node org pk proj"
    " project rk secret server sess sk tenant tok token user whsec worker xai"
)
"""First parts of keys and ids that look like names of fields."""

_ROOTS = _words(
    "audio body choices content contents function image_url input input_audio logit_bias"
    " messages metadata parameters prompt properties reasoning response_format stream_options"
    " system tool_choice tools"
)
"""Fields of a request that have fields in them, so that a path may begin with them."""

_MEDIA = re.compile(r"(?:image|audio|video|text|application)/[a-z]{2,12}|and/or|user/assistant")

_KNOWN = _words("base64 utf-8 utf8 e.g i.e mp3 mp4 h264 int32 int64 float32 float64")

_LABELS = _words(
    "account bearer cluster host hostname machine node org organisation organization password"
    " pod project secret subscription team tenant worker workspace"
)
"""Words that a name follows."""

_AFTER_LABELS = _LABELS | _words(
    "a an and are as at be been by can cannot could did do does doesn't error exceeded failed"
    " for from had has have id in invalid is isn't it its limit limits may must name no not"
    " of on only or provided rejected required returned said should supports that the this"
    " key level limits plan tier to type was were when which will with without your"
)
"""Words that follow those, and name nothing."""


def public_text(text: str) -> str:
    """A sentence with whatever may tell of hosts, accounts or keys replaced by `HIDDEN`.

    Args:
        text: of an endpoint.
    """
    after_label = False

    def seen(match: re.Match[str]) -> str:
        nonlocal after_label
        bare = match[0].strip(_AROUND)
        if not bare:
            return match[0]
        start, _, end = match[0].partition(bare)
        shown = _is_plain(bare) and not (after_label and _names(bare))
        after_label = bare.lower() in _LABELS and "." not in end
        return f"{start}{bare if shown else HIDDEN}{end}"

    return re.sub(rf"(?:{re.escape(HIDDEN)}[\s.:]*){{2,}}", f"{HIDDEN} ", _RUN.sub(seen, text))


def _names(word: str) -> bool:
    """Whether a word after a label may be a name."""
    return word.lower() not in _AFTER_LABELS and word != HIDDEN


def _is_plain(run: str) -> bool:
    """Whether a run of characters is a word, a number or the name of a field."""
    if run == HIDDEN or run.lower() in _KNOWN or _NUMBER.fullmatch(run):
        return True
    if not any(map(str.isalnum, run)):
        return True  # a dash, or a sign of arithmetic
    if run.isalpha() and not run.isascii():
        return True  # of a script without spaces
    if _WORD.fullmatch(run):
        return len(run) <= _LONGEST
    if _HYPHENATED.fullmatch(run):
        return run.split("-")[0].lower() in _PREFIXES
    if _FIELD.fullmatch(run):
        return run.split("_")[0] not in _NO_FIELDS
    if "=" in run:
        name, _, value = run.partition("=")
        return _is_plain(name) and _VALUE.fullmatch(value) is not None
    if "." in run:
        root, *rest = run.split(".")
        return root in _ROOTS and all(_is_plain(it) for it in rest if it)
    return _MEDIA.fullmatch(run) is not None
