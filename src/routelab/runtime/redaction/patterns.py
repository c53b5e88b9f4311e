"""Mail addresses and phone numbers in texts, found in a time that grows with the text alone.

No pattern here can go back over what it has read: runs are taken whole (`++`) and begin only where
no run goes on, and everything else has a length at most.
"""

from __future__ import annotations

import re

MAIL, PHONE = "[mail]", "[phone]"

_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_MAIL = re.compile(rf"(?<!{_LOCAL}){_LOCAL}++@(?:[\w-]++(?:\.[\w-]++)++|\[[0-9A-Fa-f.:]{{2,45}}\])")

_GAP = r"[ \u00a0\u2009\u202f.\-\u2010-\u2013]"
_WIDE_GAP = r"[ \u00a0\u2009\u202f.\-\u2010-\u2013()/]"
_PHONE = re.compile(
    # +49 (0)30 1234567 and 0049 30 1234567: 8 to 15 digits, as E.164 has it
    rf"(?:(?<!\d)\+(?=[\d(])|(?<![\w+.,])00(?={_WIDE_GAP}?[1-9]))(?:{_WIDE_GAP}{{0,3}}\d){{8,15}}(?!\d)"
    # (415) 555-0132, 1-800-555-0199
    rf"|(?<![\w.,+])(?:1{_GAP})?(?:\(\d{{3}}\){_GAP}?|\d{{3}}{_GAP})\d{{3}}{_GAP}\d{{4}}(?!\d)"
    # (030) 1234567, 0171/1234567, 01 23 45 67 89, 01711234567; not 01.02.2026
    r"|(?<![\w.,:+\-/])(?!\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?![./-]?\d))"
    rf"\(?0[1-9](?:\d{{8,10}}|\d{{0,4}}(?:\)?{_GAP}|\)|/)(?:{_GAP}?\d){{5,10}})(?!\d)"
)
_DIGIT = re.compile("[0-9]")


def redacted_mails(text: str) -> str:
    """The text with `[mail]` in place of each address that has a domain of two parts or more."""
    return _MAIL.sub(MAIL, text) if "@" in text else text


def redacted_phones(text: str) -> str:
    """The text with `[phone]` in place of each number that is written as one.

    With `+` or `00` and the country, as North America writes it (three, three and four digits), or
    with a 0 before the area. A local number without an area is a number like any other.
    """
    return _PHONE.sub(PHONE, text) if _DIGIT.search(text) else text
