"""The answer must be in the right language."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from routelab.core import Gate
from routelab.core.messages import how_to_install
from routelab.errors import MissingExtraError, PolicyError

CAP = 2_000
"""Characters of an answer that are looked at."""

SURE = 0.9
"""A guess below this probability refuses nothing."""


class Language(Gate, frozen=True, tag="language"):
    """The answer is in one of these languages, as far as can be told.

    Short answers, numbers and code have no language that can be told with any certainty; they
    pass.

    Attributes:
        codes: ISO 639-1, for example "en".

    Needs the package py3langid (extra `gates`).
    """

    codes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.codes:
            raise PolicyError("a language gate needs a language or more, for example codes=('en',)")

    def ready(self) -> None:
        known = set(_identifier().labels)
        if unknown := [code for code in self.codes if code not in known]:
            raise PolicyError(
                f"a language gate cannot tell {', '.join(map(repr, unknown))}; it knows"
                f" {', '.join(sorted(known))}"
            )

    def problem(self, text: str) -> str | None:
        guess, sure = _identifier().classify(text[:CAP])
        if guess in self.codes or sure < SURE:
            return None
        return f"the answer is in {guess!r}; it must be in {' or '.join(map(repr, self.codes))}"


@lru_cache(maxsize=1)
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a language gate needs the package py3langid: {how_to_install('gates')}"
        ) from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
