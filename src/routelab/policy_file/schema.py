"""The JSON Schema of `policy.json`, made from the types that read it.

`python -m routelab.policy_file.schema` prints it.
"""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import msgspec

from routelab import gates, policies, scorers
from routelab.core import Child
from routelab.policy_file.document import Document
from routelab.scorers import calibrators
from routelab.signals import features

_REF = "#/$defs/{name}"
_ANY = {"policy": policies.KINDS, "scorers": scorers.KINDS, "features": features.KINDS}
"""Fields of the document that hold one of several kinds."""

_INSIDE = {
    Child: ("policy", policies.KINDS),
    gates.AnyGate: ("gate", gates.KINDS),
    calibrators.AnyCalibrator: ("calibrator", calibrators.CALIBRATORS),
}
"""Types of fields inside those that hold one of several kinds."""


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `policy.json`.

    It tells fields and types, and knows the kinds that routelab itself brings. What goes beyond
    them, such as the number of thresholds, is checked when a policy is loaded.
    """
    several = {**_ANY, **dict(_INSIDE.values())}
    kinds = [kind for each in several.values() for kind in each]
    _, defs = msgspec.json.schema_components(
        [Document, *kinds], schema_hook=_child, ref_template=_REF
    )
    for it in defs.values():
        it["description"] = _meaning(it.get("description", ""))
    for name, each in several.items():
        defs[_title(name)] = {"anyOf": [{"$ref": _REF.format(name=it.__name__)} for it in each]}
    fields = defs["Document"]["properties"]
    fields["policy"] = _reference("policy")
    for name in ("scorers", "features"):
        fields[name] |= {"additionalProperties": _reference(name)}
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "policy.json"}
    return {**whole, **_reference_to("Document"), "$defs": dict(sorted(defs.items()))}


def _meaning(docstring: str) -> str:
    """What a docstring says before it shows an example, or lists attributes or sources."""
    whole = inspect.cleandoc(docstring)
    whole = re.split(r"\n\n(?:Attributes|Source|Args|>>>):?", whole, maxsplit=1)[0]
    return " ".join(whole.split())


def _child(kind: type) -> dict[str, Any]:
    """A value of several kinds inside another."""
    if kind not in _INSIDE:
        raise TypeError(f"no schema for {kind}")
    return _reference(_INSIDE[kind][0])


def _title(name: str) -> str:
    return f"any_{name}"


def _reference(name: str) -> dict[str, Any]:
    return _reference_to(_title(name))


def _reference_to(definition: str) -> dict[str, Any]:
    return {"$ref": _REF.format(name=definition)}


def text() -> str:
    """The schema as the file `docs/policy.schema.json` holds it."""
    return msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
