"""Read a price list, whichever of the known forms it has."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from routelab.core.storage import read_bounded
from routelab.errors import LogError
from routelab.logs.price_lists import genai_prices, litellm
from routelab.logs.price_lists.price_list import PriceList
from routelab.logs.price_lists.sheet_file import read_csv, read_toml

FORMS: Mapping[str, str] = {
    "csv": "a CSV with the columns model, usd_per_1m_input and usd_per_1m_output",
    "toml": "a models.toml",
    "litellm": "LiteLLM's model_prices_and_context_window.json",
    "genai-prices": "the data.json of genai-prices",
}
"""Forms of price lists, and what each is."""


def read(path: str | Path) -> PriceList:
    """The price list in a file: CSV, `models.toml`, or JSON of LiteLLM or genai-prices.

    Raises:
        LogError: it cannot be read, has none of the known forms, or is malformed.
        CatalogueError: a `models.toml` is malformed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".toml":
        return read_toml(path)
    if suffix != ".json":
        return read_csv(path)
    found, twice = _decoded(path)
    if twice:
        listed = ", ".join(dict.fromkeys(twice))
        raise LogError(f"{path.name}: listed twice: {listed}; keep one price of each model")
    for recognised, price_list in _JSON:
        if recognised(found):
            return price_list(path.name, found)
    known = "; or ".join(FORMS.values())
    raise LogError(f"{path.name}: is JSON of no known price list; a price list is {known}")


_JSON: tuple[tuple[Callable[[Any], bool], Callable[[str, Any], PriceList]], ...] = (
    (genai_prices.recognised, genai_prices.price_list),
    (litellm.recognised, litellm.price_list),
)


def _decoded(path: Path) -> tuple[Any, list[str]]:
    """The JSON of a file, and names that an object of it has twice."""
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(made := dict(found)) < len(found):
            twice.extend(name for name, n in Counter(name for name, _ in found).items() if n > 1)
        return made

    try:
        text = read_bounded(path, "json_bytes").decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=pairs), twice
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise LogError(f"{path.name}: prices cannot be read: {error}") from error
