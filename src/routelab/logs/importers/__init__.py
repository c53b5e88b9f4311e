"""Logs from what other programs write and publish. Another is one file and a line in `IMPORTERS`.

Other packages bring importers by entry points of the group `routelab.importers`.
"""

from routelab.core import Registry
from routelab.logs.importers.calls import CallImporter, ImportedCalls, LoggedCall, import_calls
from routelab.logs.importers.convert import convert
from routelab.logs.importers.evaluations import (
    helm,
    inspect_ai,
    llmrouterbench,
    lm_eval,
    preferences,
    promptfoo,
    routerarena,
)
from routelab.logs.importers.importer import ImportedRows, Importer
from routelab.logs.importers.published import routellm, routerbench
from routelab.logs.importers.traffic import (
    helicone,
    langfuse,
    litellm,
    mlflow_traces,
    openai_batch,
    otlp,
    phoenix,
    request_response,
)

__all__ = [
    "IMPORTERS",
    "REGISTRY",
    "CallImporter",
    "ImportedCalls",
    "ImportedRows",
    "Importer",
    "LoggedCall",
    "convert",
    "import_calls",
]

IMPORTERS: tuple[Importer | CallImporter, ...] = (
    litellm.IMPORTER,
    otlp.IMPORTER,
    mlflow_traces.IMPORTER,
    langfuse.IMPORTER,
    phoenix.IMPORTER,
    helicone.IMPORTER,
    openai_batch.IMPORTER,
    request_response.IMPORTER,
    inspect_ai.IMPORTER,
    lm_eval.IMPORTER,
    helm.IMPORTER,
    promptfoo.IMPORTER,
    llmrouterbench.IMPORTER,
    routerarena.IMPORTER,
    preferences.IMPORTER,
    routellm.IMPORTER,
    routerbench.IMPORTER,
)
"""All importers of routelab itself."""


def _lacks(name: str, it: object) -> str | None:
    if not isinstance(it, Importer | CallImporter):
        return "is no routelab.logs.importers.Importer or CallImporter"
    return None if it.name == name else f"is named {it.name!r}; name it {name!r}"


REGISTRY: Registry[Importer | CallImporter] = Registry(
    "routelab.importers", "importer", {it.name: it for it in IMPORTERS}, _lacks
)
"""All importers, with those of packages that were named."""
