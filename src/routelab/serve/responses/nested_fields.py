"""Fields with parts: tools, the choice among them, the form of the text, and reasoning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routelab.serve.responses.problems import RequestProblems

_CHOICES = ("none", "auto", "required")
_VERBOSITIES = ("low", "medium", "high")
_SCHEMA = ("name", "description", "schema", "strict")
_FUNCTION = ("name", "description", "parameters", "strict")


def read_tools(body: Mapping[str, Any], problems: RequestProblems) -> dict[str, Any]:
    """`tools` and `tool_choice`."""
    found: dict[str, Any] = {}
    if "tools" in body:
        given = problems.mappings("tools", body["tools"])
        tools = [_tool(place, it, problems) for place, it in given]
        names: list[object] = []
        for place, it in given:
            if (name := it.get("name")) is not None and name in names:
                problems.wrong(f"{place}.name", name, "two tools have it: give each its own")
            names.append(name)
        if tools:
            found["tools"] = tools
    if "tool_choice" in body:
        found["tool_choice"] = _choice(body["tool_choice"], problems)
    return found


def _tool(place: str, tool: Mapping[str, Any], problems: RequestProblems) -> dict[str, Any]:
    kind = tool.get("type")
    if kind != "function":
        problems.wrong(
            f"{place}.type", kind, "it is not supported; tools are functions of yours here"
        )
        return {}
    problems.only(place, tool, ("type", *_FUNCTION))
    function = _named(place, tool, _FUNCTION, problems)
    if "parameters" in tool:
        problems.mapping(f"{place}.parameters", tool["parameters"])
    return {"type": "function", "function": function}


def _named(
    place: str, given: Mapping[str, Any], fields: tuple[str, ...], problems: RequestProblems
) -> dict[str, Any]:
    """Those of the fields that are given, of which the name has to be."""
    problems.text(f"{place}.name", given.get("name"))
    if "description" in given:
        problems.text(f"{place}.description", given["description"])
    if not isinstance(given.get("strict", False), bool):
        problems.wrong(f"{place}.strict", given["strict"], "write true or false")
    return {name: given[name] for name in fields if name in given}


def _choice(given: object, problems: RequestProblems) -> Any:
    if isinstance(given, str) and given in _CHOICES:
        return given
    if isinstance(given, dict) and given.get("type") == "function":
        return _function_choice("tool_choice", given, problems)
    if isinstance(given, dict) and given.get("type") == "allowed_tools":
        problems.only("tool_choice", given, ("type", "mode", "tools"))
        if (mode := given.get("mode")) not in ("auto", "required"):
            problems.wrong("tool_choice.mode", mode, "write auto or required")
        tools = [
            _function_choice(place, it, problems)
            for place, it in problems.mappings("tool_choice.tools", given.get("tools"))
        ]
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
    problems.wrong(
        "tool_choice",
        given,
        f"write {', '.join(_CHOICES)}, or an object of type function or allowed_tools",
    )
    return None


def _function_choice(
    place: str, given: Mapping[str, Any], problems: RequestProblems
) -> dict[str, Any]:
    problems.only(place, given, ("type", "name"))
    if (kind := given.get("type")) != "function":
        problems.wrong(f"{place}.type", kind, "write function")
    name = problems.text(f"{place}.name", given.get("name"))
    return {"type": "function", "function": {"name": name}}


def read_text(given: object, problems: RequestProblems) -> dict[str, Any]:
    """`text`: the format of the answer, and how much is said."""
    text = problems.mapping("text", given) or {}
    problems.only("text", text, ("format", "verbosity"))
    found: dict[str, Any] = {}
    if "verbosity" in text:
        if text["verbosity"] not in _VERBOSITIES:
            problems.wrong(
                "text.verbosity", text["verbosity"], f"write one of {', '.join(_VERBOSITIES)}"
            )
        found["verbosity"] = text["verbosity"]
    if "format" in text and (form := problems.mapping("text.format", text["format"])) is not None:
        found |= _format(form, problems)
    return found


def _format(form: Mapping[str, Any], problems: RequestProblems) -> dict[str, Any]:
    kind = form.get("type")
    if kind == "json_schema":
        problems.only("text.format", form, ("type", *_SCHEMA))
        problems.mapping("text.format.schema", form.get("schema"))
        schema = _named("text.format", form, _SCHEMA, problems)
        return {"response_format": {"type": kind, kind: schema}}
    if kind not in ("text", "json_object"):
        problems.wrong("text.format.type", kind, "write text, json_object or json_schema")
        return {}
    problems.only("text.format", form, ("type",))
    return {} if kind == "text" else {"response_format": {"type": kind}}


def read_reasoning(given: object, problems: RequestProblems) -> dict[str, Any]:
    """`reasoning`: of which chat completions have the effort."""
    reasoning = problems.mapping("reasoning", given) or {}
    problems.only("reasoning", reasoning, ("effort",))
    if "effort" not in reasoning:
        return {}
    return {"reasoning_effort": problems.text("reasoning.effort", reasoning["effort"])}
